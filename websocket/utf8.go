package websocket

import "unicode/utf8"

// validSoFar says whether p can be the beginning of UTF-8 text, and how many of its
// bytes are complete characters. RFC 6455 section 8.1 wants broken text refused; that
// is done as soon as its first broken byte is there, not at the end of the message.
func validSoFar(p []byte) (complete int, ok bool) {
	complete = len(p)
	for i := len(p) - 1; i >= 0 && i >= len(p)-utf8.UTFMax+1; i-- {
		if utf8.RuneStart(p[i]) {
			if !utf8.FullRune(p[i:]) { // what can no longer become a character counts as full
				complete = i
			}
			break
		}
	}
	return complete, utf8.Valid(p[:complete])
}
