package main

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

// journal is what the program logs, for whoever may look over its shoulder. It is an
// [io.Writer] to which zerolog writes each line at once. It has a hub of its own, since
// its lines are nobody else's and are not to be kept: each process shows what it did
// itself.
type journal struct {
	hub     *sse.Hub
	console io.Writer
}

// Lines that are shown from before a page was opened, and what they may take.
const (
	journalLines = 200
	journalBytes = 256 << 10
)

const journalTopic, journalEvent = "journal", "line"

// newJournal writes to the console as well, readable if it is a person's.
func newJournal(console io.Writer) *journal {
	if file, ok := console.(*os.File); ok && isatty.IsTerminal(file.Fd()) {
		console = zerolog.ConsoleWriter{Out: console, TimeFormat: time.TimeOnly, NoColor: os.Getenv("NO_COLOR") != ""}
	}
	return &journal{hub: sse.NewHub(sse.Retain(journalLines, journalBytes, 0), sse.PerProcess()), console: console}
}

func (j *journal) logger() zerolog.Logger {
	return zerolog.New(zerolog.MultiLevelWriter(j.console, j)).With().Timestamp().Logger()
}

// Write publishes one line. It does not fail: that nobody can be told any more, since the
// hub is closed, is no reason to bother the logger.
func (j *journal) Write(line []byte) (int, error) {
	_, _ = j.hub.Publish(context.Background(), journalTopic, sse.Text(string(bytes.TrimSpace(line))).WithEvent(journalEvent))
	return len(line), nil
}

func (j *journal) close(context.Context) error { return j.hub.Close() }

// live shows what is retained, and then what comes. A page that returns continues behind
// the last line it saw.
func (j *journal) live(*redstart.Request) redstart.Response {
	return redstart.SSEResponse(j.hub.Subscribe(journalTopic).FromStart(), sse.Retry(retryAfter), sse.VisibleHeartbeat(pingAfter, "ping"))
}

// consoleOf is where a dashboard logs to.
func consoleOf(c config) io.Writer { return cmp.Or[io.Writer](c.Console, os.Stderr) }
