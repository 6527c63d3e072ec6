// Package authheader reads what clients prove by who they are, and writes the
// challenges of those who ask for it: the grammar of RFC 9110 section 11, RFC 6750
// (Bearer) and RFC 7617 (Basic). Its errors are for the client. They never repeat what
// was sent, which may be a secret.
package authheader

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxLength bounds credentials, in bytes.
const MaxLength = 16 << 10

// Authorization is a header of that name, taken apart.
type Authorization struct {
	Scheme string // as it was written: schemes are compared without regard to case
	Value  string
}

// Parse reads the fields Authorization of a request. Without any, ok is false. More than
// one is an error, since those who read them may choose differently.
func Parse(fields []string) (a Authorization, ok bool, err error) {
	switch len(fields) {
	case 0:
		return a, false, nil
	case 1:
	default:
		return a, false, fmt.Errorf("there are %d headers Authorization: want one", len(fields))
	}
	text := strings.Trim(fields[0], " \t")
	if len(text) > MaxLength {
		return a, false, fmt.Errorf("the header Authorization has %d bytes: want %d at most", len(text), MaxLength)
	}
	scheme, value, _ := strings.Cut(text, " ")
	if !isToken(scheme) {
		return a, false, errors.New("the header Authorization does not begin with the name of a scheme and a space")
	}
	return Authorization{scheme, strings.TrimLeft(value, " ")}, true, nil
}

// Is says whether the scheme is the given one.
func (a Authorization) Is(scheme string) bool { return strings.EqualFold(a.Scheme, scheme) }

// CheckToken says what is wrong with a text as a bearer token (RFC 6750 section 2.1).
func CheckToken(token string) error {
	switch {
	case token == "":
		return errors.New("there is no token")
	case len(token) > MaxLength:
		return fmt.Errorf("the token has %d bytes: want %d at most", len(token), MaxLength)
	}
	body := strings.TrimRight(token, "=")
	for i := range len(body) {
		if c := body[i]; !isAlphanumeric(c) && strings.IndexByte("-._~+/", c) < 0 {
			return errors.New("the token has characters that no token may have")
		}
	}
	if body == "" {
		return errors.New("the token is nothing but padding")
	}
	return nil
}

// UserPassword reads what follows the name of the scheme Basic (RFC 7617 section 2).
func UserPassword(value string) (user, password string, err error) {
	if value == "" {
		return "", "", errors.New("there are no credentials")
	}
	if strings.ContainsAny(value, "\r\n") { // which the decoder would pass over
		return "", "", errNotBase64
	}
	data, err := base64.StdEncoding.Strict().DecodeString(value)
	if err != nil {
		return "", "", errNotBase64
	}
	text := string(data)
	user, password, ok := strings.Cut(text, ":")
	switch {
	case !utf8.ValidString(text):
		return "", "", errors.New("the user and the password are not UTF-8")
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", "", errors.New("the user or the password has control characters")
	case !ok:
		return "", "", errors.New("there is no colon between the user and the password")
	}
	return user, password, nil
}

var errNotBase64 = errors.New("the credentials are not base64")

// Challenge writes a challenge from pairs of a parameter's name and value. Empty values
// are left out. What a quoted string cannot hold is replaced.
func Challenge(scheme string, pairs ...string) string {
	var b strings.Builder
	b.WriteString(scheme)
	separator := " "
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			continue
		}
		b.WriteString(separator + pairs[i] + `="`)
		for _, r := range pairs[i+1] {
			switch {
			case r == '"' || r == '\\':
				b.WriteByte('\'') // RFC 6750 section 3 allows neither, quoted or not
			case r < ' ' || r > '~':
				b.WriteByte('?')
			default:
				b.WriteRune(r)
			}
		}
		b.WriteByte('"')
		separator = ", "
	}
	return b.String()
}

// IsScope says whether a text is a scope-token (RFC 6749 section 3.3).
func IsScope(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}

// isToken says whether a text is a token (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlphanumeric(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
