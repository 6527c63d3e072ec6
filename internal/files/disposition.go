package files

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// ContentDisposition returns the value of that header for a kind, "attachment"
// to have the client save the content or "inline" to have it shown, and the
// file name to save it under; any other kind is taken for "attachment".
//
// A name of plain characters is sent as filename="…". Any other is sent twice,
// as RFC 6266 §4.3 recommends: in ASCII with "_" for what is missing, and exactly in the
// extended form of RFC 8187, which every current browser prefers. Slashes
// become "_", since a name is not a path; control characters and those that
// change the direction of text, which can disguise an extension, are removed.
func ContentDisposition(kind, filename string) string {
	if kind != "inline" {
		kind = "attachment"
	}
	filename = cleanFilename(filename)
	if filename == "" {
		return kind
	}
	ascii := strings.Map(func(c rune) rune {
		if plainInFilename(c) {
			return c
		}
		return '_'
	}, filename)
	value := kind + `; filename="` + ascii + `"`
	if ascii != filename {
		value += "; filename*=UTF-8''" + extended(filename)
	}
	return value
}

func cleanFilename(name string) string {
	name = strings.Map(func(c rune) rune {
		switch {
		case c == '/', c == '\\':
			return '_'
		case unicode.IsControl(c), unicode.Is(unicode.Bidi_Control, c):
			return -1
		}
		return c
	}, strings.ToValidUTF8(name, string(utf8.RuneError)))
	if name = strings.TrimSpace(name); strings.Trim(name, ".") == "" {
		return "" // "." and ".." are folders
	}
	return name
}

// plainInFilename reports whether every client reads c alike inside the quotes
// of filename="…". A quote would need an escape that some do not undo, and some
// decode "%".
func plainInFilename(c rune) bool {
	return c >= ' ' && c <= '~' && c != '"' && c != '%'
}

// extended percent-encodes all but the attr-chars of RFC 8187 §3.2.1.
func extended(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			strings.IndexByte("!#$&+-.^_`|~", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}
