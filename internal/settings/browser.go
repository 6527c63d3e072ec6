package settings

import (
	"context"
	"os/exec"
	"runtime"
	"sync"

	"github.com/rs/zerolog"
)

// Browser opens pages in the browser of whoever runs the program. Close it.
type Browser struct {
	logger  zerolog.Logger
	command []string // to which the address is appended
	ctx     context.Context
	end     context.CancelFunc
	opening sync.WaitGroup
}

// NewBrowser returns one that logs when a page cannot be opened.
func NewBrowser(logger zerolog.Logger) *Browser {
	b := &Browser{logger: logger, command: opener(runtime.GOOS)}
	b.ctx, b.end = context.WithCancel(context.Background())
	return b
}

// opener is the command that opens an address by the program that a user has chosen.
func opener(system string) []string {
	switch system {
	case "darwin":
		return []string{"open"}
	case "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler"}
	}
	return []string{"xdg-open"}
}

// Open opens an address, and does not wait until it is open: a server must not wait for a
// browser. A failure is a line of the log, since the app serves all the same.
func (b *Browser) Open(url string) {
	cmd := exec.CommandContext(b.ctx, b.command[0], append(b.command[1:len(b.command):len(b.command)], url)...)
	detach(cmd)
	if err := cmd.Start(); err != nil {
		b.failed(url, err)
		return
	}
	b.opening.Go(func() {
		// Where the command only asks a browser that is there already, it ends at once;
		// where it starts one, it may go on as long as that.
		if err := cmd.Wait(); err != nil && b.ctx.Err() == nil {
			b.failed(url, err)
		}
	})
}

func (b *Browser) failed(url string, err error) {
	b.logger.Warn().Err(err).Str("url", url).Msg("the browser cannot be opened: open the address yourself")
}

// Close waits for the commands that were started, which it ends; not for the browser.
func (b *Browser) Close() {
	b.end()
	b.opening.Wait()
}
