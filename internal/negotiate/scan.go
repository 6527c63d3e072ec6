package negotiate

import "strings"

// The scanners below cut a field into elements and an element into parameters
// without copying: every part they return is a piece of the field itself.

// next returns what comes before the first separator that stands outside a
// quoted string, without the white space around it, and what comes after.
// A quoted string that never ends takes all of the rest.
func next(s string, separator byte) (part, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++ // the next character is escaped, even if it is a quote
		case c == separator && !quoted:
			return trim(s[:i]), s[i+1:]
		}
	}
	return trim(s), ""
}

// trim removes the optional white space of RFC 9110 §5.6.3: spaces and tabs.
func trim(s string) string { return strings.Trim(s, " \t") }

// token reports whether s is a token of RFC 9110 §5.6.2.
func token(s string) bool {
	for i := range len(s) {
		if !tokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func tokenByte(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// parameter reads name=value, where the value is a token or a quoted string.
// The quotes are removed; escapes inside are not, since a value that needs one
// is compared with a value written the same way.
func parameter(s string) (name, value string, ok bool) {
	name, value, found := strings.Cut(s, "=")
	name, value = trim(name), trim(value)
	if !found || !token(name) {
		return "", "", false
	}
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		return name, value[1 : len(value)-1], true
	}
	return name, value, token(value)
}
