package jetstream

import (
	"errors"
	"fmt"
	"strings"
)

const hexDigits = "0123456789ABCDEF"

// appendTopic adds the topic in the form it has in a subject. Its dots stay, so that
// subscribers of NATS can use wildcards, except where they would make an empty token,
// which a subject may not have; whatever else could mean something to NATS becomes a
// percent sign and two hexadecimal digits.
func appendTopic(dst []byte, topic string) []byte {
	start := true // of a token
	for i := range len(topic) {
		c := topic[i]
		switch {
		case c == '.' && !start && i < len(topic)-1:
			dst, start = append(dst, c), true
			continue
		case plainInSubject(c):
			dst = append(dst, c)
		default:
			dst = appendEscaped(dst, c)
		}
		start = false
	}
	return dst
}

// plainInSubject says which bytes need no escape: those that no part of NATS, shell or
// configuration file treats specially.
func plainInSubject(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte("-_~:/@=+,", c) >= 0
}

// escapeHeader writes a value as it survives in a header: no line ends, no blanks at
// the ends, nothing but printable ASCII.
func escapeHeader(value string) string {
	plain := true
	for i := range len(value) {
		plain = plain && plainInHeader(value[i])
	}
	if plain {
		return value
	}
	dst := make([]byte, 0, len(value)+16)
	for i := range len(value) {
		if c := value[i]; plainInHeader(c) {
			dst = append(dst, c)
		} else {
			dst = appendEscaped(dst, c)
		}
	}
	return string(dst)
}

func plainInHeader(c byte) bool { return c > ' ' && c < 0x7f && c != '%' }

func appendEscaped(dst []byte, c byte) []byte {
	return append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
}

// unescape is the inverse of both. What is no escape stays as it is: other programs
// publish too, and need not know of ours.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	dst := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			high, low := digit(s[i+1]), digit(s[i+2])
			if high >= 0 && low >= 0 {
				dst = append(dst, byte(high<<4|low))
				i += 2
				continue
			}
		}
		dst = append(dst, s[i])
	}
	return string(dst)
}

func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// checkStreamName applies the server's rule, so that the error comes before any
// request and says which option is at fault.
func checkStreamName(name string) error {
	if name == "" {
		return errors.New("jetstream: the name of the stream is empty")
	}
	if i := strings.IndexFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`.*>/\`, r)
	}); i >= 0 {
		return fmt.Errorf("jetstream: stream name %q: byte %d may not be in the name of a stream", name, i)
	}
	return nil
}

// checkPrefix wants a literal subject.
func checkPrefix(prefix string) error {
	for token := range strings.SplitSeq(prefix, ".") {
		if token == "" {
			return fmt.Errorf("jetstream: prefix %q: want tokens that are not empty, with dots between them", prefix)
		}
		if i := strings.IndexFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '*' || r == '>' }); i >= 0 {
			return fmt.Errorf("jetstream: prefix %q: token %q holds a character that no subject may have", prefix, token)
		}
	}
	if strings.HasPrefix(prefix, "$") || strings.HasPrefix(prefix, "_INBOX") {
		return fmt.Errorf("jetstream: prefix %q: subjects that begin so belong to NATS itself", prefix)
	}
	return nil
}
