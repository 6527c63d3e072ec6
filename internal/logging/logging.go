// Package logging makes the framework's loggers.
package logging

import (
	"bytes"
	"io"
	"log"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
)

// Default returns a logger to f: readable lines when f is a terminal, JSON
// otherwise.
func Default(f *os.File) zerolog.Logger {
	if isatty.IsTerminal(f.Fd()) {
		return New(Console(f))
	}
	return New(f)
}

// New returns a logger with time stamps.
func New(w io.Writer) zerolog.Logger { return zerolog.New(w).With().Timestamp().Logger() }

// Console formats log lines for people.
func Console(w io.Writer) io.Writer {
	return zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: os.Getenv("NO_COLOR") != ""}
}

// Standard returns a logger for packages that want one of the standard library's.
// Each line becomes a warning.
func Standard(l zerolog.Logger) *log.Logger {
	return log.New(lineWriter{l}, "", 0)
}

type lineWriter struct{ logger zerolog.Logger }

func (w lineWriter) Write(line []byte) (int, error) {
	w.logger.Warn().Bytes("text", bytes.TrimSpace(line)).Msg("net/http")
	return len(line), nil
}
