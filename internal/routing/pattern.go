package routing

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxParams bounds the parameters of one pattern. httprouter counts them in
// 16 bits and indexes out of range beyond; nobody needs a fraction of that.
const maxParams = 255

// kind says what a segment matches. The order is that of specificity.
type kind uint8

const (
	static   kind = iota // exactly its text
	param                // one segment that is not empty
	catchAll             // all that is left, at least one segment
)

// segment is one part of a pattern between slashes. The text of a static
// segment is what it matches, that of the others is the user's name for it.
type segment struct {
	kind kind
	text string
}

// Pattern is a checked route pattern. [Parse] makes one; the zero value is not
// a pattern. A Pattern is immutable and safe for concurrent use.
type Pattern struct {
	text     string
	segments []segment
	optional bool // the last segment may be missing
}

// Parse checks a route pattern such as "/crimes/:id", "/files/*path" or
// "/posts/:id/:slug?". The error of a broken one names the pattern, what is
// wrong with it and how to put it right.
func Parse(pattern string) (Pattern, error) {
	p, problem := parse(pattern)
	if problem != "" {
		return Pattern{}, fmt.Errorf("route pattern %q: %s", pattern, problem)
	}
	return p, nil
}

// String returns the pattern as the user wrote it.
func (p Pattern) String() string { return p.text }

// Params returns the names of the parameters in the order of the path, the
// catch-all and an optional one included. The caller owns the slice.
func (p Pattern) Params() []string {
	var names []string
	for _, s := range p.segments {
		if s.kind != static {
			names = append(names, s.text)
		}
	}
	return names
}

// parse does the work of [Parse] and returns what is wrong as a text.
func parse(pattern string) (p Pattern, problem string) {
	if problem := checkText(pattern); problem != "" {
		return Pattern{}, problem
	}
	p.text = pattern
	body := strings.TrimSuffix(pattern[1:], "/")
	if pattern == "/" {
		return p, ""
	}
	names := map[string]bool{}
	parts := strings.Split(body, "/")
	for i, part := range parts {
		last := i == len(parts)-1
		s, optional, problem := parseSegment(part, last)
		if problem != "" {
			return Pattern{}, problem
		}
		if s.kind == catchAll && strings.HasSuffix(pattern, "/") {
			return Pattern{}, fmt.Sprintf("%q already takes slashes, leave the last %q out", part, "/")
		}
		if s.kind != static {
			if names[s.text] {
				return Pattern{}, fmt.Sprintf("the name %q appears twice, give each parameter its own", s.text)
			}
			names[s.text] = true
		}
		p.segments = append(p.segments, s)
		p.optional = p.optional || optional
	}
	if len(names) > maxParams {
		return Pattern{}, fmt.Sprintf("%d parameters are too many, the most is %d", len(names), maxParams)
	}
	return p, ""
}

// checkText finds what is wrong with the pattern as a whole.
func checkText(pattern string) string {
	switch method, path, ok := strings.Cut(pattern, " /"); {
	case ok && isToken(method):
		return fmt.Sprintf("the method is given apart from the path, write %q", "/"+path)
	case !strings.HasPrefix(pattern, "/"):
		return fmt.Sprintf("must begin with a slash, write %q", "/"+pattern)
	case !utf8.ValidString(pattern):
		return "is not valid UTF-8"
	}
	for i, r := range pattern {
		switch {
		case unicode.IsControl(r):
			return fmt.Sprintf("has the control character %q, take it out", r)
		case r == '#':
			return `"#" begins a fragment, which a browser never sends; take it out`
		case r == '%' && isEscape(pattern[i:]):
			return fmt.Sprintf("patterns are written decoded: instead of %q write the character it stands for", pattern[i:i+3])
		}
	}
	return ""
}

// parseSegment reads one segment. last says that no other follows.
func parseSegment(part string, last bool) (s segment, optional bool, problem string) {
	switch {
	case part == "":
		return s, false, `has an empty segment, write one "/" instead of two`
	case part == "." || part == "..":
		return s, false, fmt.Sprintf("has the segment %q, which clients resolve before they ask; write the path it leads to", part)
	case part[0] == ':':
		name, optional := strings.CutSuffix(part[1:], "?")
		if optional && !last {
			return s, false, fmt.Sprintf("only the last segment may be optional; leave the \"?\" of %q out or register two routes", part)
		}
		return segment{param, name}, optional, checkName(part, name)
	case part[0] == '*':
		name := part[1:]
		if strings.HasSuffix(name, "?") {
			return s, false, fmt.Sprintf("a catch-all cannot be optional; write %q and register the path before it as a second route", strings.TrimSuffix(part, "?"))
		}
		if !last {
			return s, false, fmt.Sprintf("%q takes the rest of the path and must be its last segment; for one segment write %q", part, ":"+name)
		}
		return segment{catchAll, name}, false, checkName(part, name)
	}
	return segment{static, part}, false, checkStatic(part)
}

// checkName finds what is wrong with the name of the parameter in part.
func checkName(part, name string) string {
	if name == "" {
		return fmt.Sprintf("%q needs a name, as in %q", part, part[:1]+"id")
	}
	for i, r := range name {
		switch {
		case r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
		case r == '?':
			return `"?" may only stand at the end of the last parameter, and a pattern has no query; read the query in the handler`
		case i > 0:
			return fmt.Sprintf("the name of %q may hold letters, digits and \"_\" but not %q; a parameter fills its whole segment, write %q and take it apart in the handler",
				part, r, part[:1]+name[:i])
		default:
			return fmt.Sprintf("the name of %q may hold letters, digits and \"_\" but not %q; write for example %q", part, r, part[:1]+"id")
		}
	}
	return ""
}

// checkStatic finds what is wrong with a segment of plain text.
func checkStatic(part string) string {
	if i := strings.IndexAny(part, ":*"); i >= 0 {
		return fmt.Sprintf("in %q the parameter is only a part of its segment; it must fill one, write %q", part, part[:i]+"/"+part[i:])
	}
	if strings.Contains(part, "?") {
		return `a pattern has no query, leave out all from the "?" on; read the query in the handler`
	}
	if strings.ContainsAny(part, "{}") {
		return fmt.Sprintf("in %q a brace cannot stand; a parameter is written %q", part, ":id")
	}
	return ""
}

// isEscape reports whether s begins with a percent-encoded byte.
func isEscape(s string) bool {
	return len(s) >= 3 && s[0] == '%' && isHex(s[1]) && isHex(s[2])
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// isToken reports whether s is a token of RFC 9110, section 5.6.2, which is
// what a method has to be.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
