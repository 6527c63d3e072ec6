// Package excerpt shortens what a client sent where it is repeated to it.
package excerpt

import "unicode/utf8"

// Of returns the text if it has at most limit bytes, and otherwise its beginning, cut
// between characters, and an ellipsis.
func Of(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	end := limit
	for end > max(limit-utf8.UTFMax, 0) && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
