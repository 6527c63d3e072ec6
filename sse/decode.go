package sse

import "unicode/utf8"

// decodeText returns b as a string in which every byte sequence that is not
// UTF-8 has become U+FFFD, in the way of the WHATWG Encoding standard: one
// U+FFFD for the longest beginning of a character that breaks off, and one for
// each byte that can not begin a character. (Go's own conversions make one for
// each byte, or one for each run.)
func decodeText(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	text := make([]byte, 0, len(b)+16)
	for len(b) > 0 {
		_, size := utf8.DecodeRune(b)
		if size == 1 && b[0] >= utf8.RuneSelf {
			text = append(text, "\uFFFD"...)
			b = b[brokenLength(b):]
			continue
		}
		text = append(text, b[:size]...)
		b = b[size:]
	}
	return string(text)
}

// brokenLength returns how many bytes of b, which does not begin with a whole
// character, go into one U+FFFD. Unicode's table 3-7 says which second bytes can
// follow a first one; those after it only have to be continuation bytes.
func brokenLength(b []byte) int {
	need, low, high := 0, byte(0x80), byte(0xBF)
	switch c := b[0]; {
	case c >= 0xC2 && c <= 0xDF:
		need = 1
	case c == 0xE0:
		need, low = 2, 0xA0
	case c == 0xED:
		need, high = 2, 0x9F
	case c >= 0xE1 && c <= 0xEF:
		need = 2
	case c == 0xF0:
		need, low = 3, 0x90
	case c >= 0xF1 && c <= 0xF3:
		need = 3
	case c == 0xF4:
		need, high = 3, 0x8F
	}
	n := 1
	for n <= need && n < len(b) && b[n] >= low && b[n] <= high {
		low, high = 0x80, 0xBF
		n++
	}
	return n
}
