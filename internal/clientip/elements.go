package clientip

import "strings"

// elements walks the elements of a list header from the right to the left,
// over all the lines that carry it.
//
// Every comma separates, even one inside quotes: none of the values read here
// needs a comma, and so nothing a client writes on the left (an opening quote,
// say) can reach into the element a proxy appended after it.
type elements struct {
	lines []string
	line  string // what is left of the line at hand
	open  bool   // whether there is a line at hand
}

// previous returns the next element to the left, without white space around it.
func (e *elements) previous() (element string, ok bool) {
	if !e.open {
		if len(e.lines) == 0 {
			return "", false
		}
		last := len(e.lines) - 1
		e.line, e.lines, e.open = e.lines[last], e.lines[:last], true
	}
	if i := strings.LastIndexByte(e.line, ','); i >= 0 {
		element, e.line = e.line[i+1:], e.line[:i]
	} else {
		element, e.open = e.line, false
	}
	return trim(element), true
}

func trim(s string) string { return strings.Trim(s, " \t") }
