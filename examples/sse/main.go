// Sse shows the uses of Server-Sent Events, one panel and one file for each, and
// every panel fed by another kind of source:
//
//	notifications.go  /notifications  an iter.Seq, for messages that are at hand
//	feed.go           /feed           an iter.Seq2, for a source that can fail
//	progress.go       /progress       sse.Go, for work that runs ahead of the network
//	chat.go           /chat           a channel, filled by a goroutine
//	dashboard.go      /dashboard      an sse.Func, for one that waits
//	logtail.go        /log            a subscription to a hub, for many readers
//
// Run it with
//
//	go run ./examples/sse
//
// and open http://127.0.0.1:8080. Streams are plain text, so this works as well:
//
//	curl -N http://127.0.0.1:8080/feed
package main

import (
	"embed"
	"flag"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"github.com/redstart-go/redstart"
)

//go:embed web
var web embed.FS

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`host:port` to listen on")
	flag.Parse()

	var console io.Writer = os.Stderr
	if isatty.IsTerminal(os.Stderr.Fd()) {
		console = zerolog.ConsoleWriter{Out: os.Stderr, TimeFormat: time.TimeOnly}
	}
	if newApp(unhurried, console).Start(*addr) != nil {
		os.Exit(1) // Start has logged why
	}
}

// paces say how long the simulated sources wait between two messages.
type paces struct {
	notifications, feed, progress, chat, dashboard time.Duration
}

// unhurried are paces that a person can follow.
var unhurried = paces{
	notifications: 5 * time.Second,
	feed:          1800 * time.Millisecond,
	progress:      100 * time.Millisecond,
	chat:          2500 * time.Millisecond,
	dashboard:     time.Second,
}

// newApp wires the page and its six streams. The log goes to console, and to
// whoever reads /log.
func newApp(p paces, console io.Writer) *redstart.App {
	tail := newLogTail()
	app := redstart.New(
		redstart.WithLogger(zerolog.New(zerolog.MultiLevelWriter(console, tail)).With().Timestamp().Logger()),
		// The page needs nothing but its own files, and says so to the browser.
		redstart.DefaultHeader("Content-Security-Policy", "default-src 'self'"),
	)
	app.OnStop(tail.close)

	board := &dashboard{pace: p.dashboard, streams: app.Streams(), started: time.Now()}
	app.Use(board.count)

	app.Get("/notifications", notifications{pace: p.notifications}.stream)
	app.Get("/feed", feed{pace: p.feed, lineHolds: 20}.stream)
	app.Get("/progress", job{pace: p.progress}.stream)
	app.Get("/chat", chat{pace: p.chat}.stream)
	app.Get("/dashboard", board.stream)
	app.Get("/log", tail.stream)
	app.Get("/answer/:status", answer)

	pages, err := fs.Sub(web, "web")
	if err != nil {
		panic(err) // only a malformed name can do that, and ours is above
	}
	app.Static("/", redstart.FilesFS(pages))
	return app
}
