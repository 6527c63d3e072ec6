package main

import (
	"io"
	"os"

	"github.com/mattn/go-isatty"
)

// style marks text up for a terminal, and leaves it alone for anything else.
type style bool

// styleFor says whether what is written to w is seen by a person who has not
// asked for plain text (see no-color.org).
func styleFor(w io.Writer) style {
	f, ok := w.(*os.File)
	return style(ok && isatty.IsTerminal(f.Fd()) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

func (s style) strong(text string) string { return s.wrap("\x1b[1m", text) }
func (s style) bad(text string) string    { return s.wrap("\x1b[31m", text) }

func (s style) wrap(code, text string) string {
	if !s {
		return text
	}
	return code + text + "\x1b[0m"
}
