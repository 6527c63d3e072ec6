package jetstream

import (
	"fmt"
	"log/slog"
	"sync"
)

// serverLog is the logger of an embedded server. It remembers the first failure for
// which the server gave up, since it reports it nowhere else.
type serverLog struct {
	to func(slog.Level, string)

	mu    sync.Mutex
	fatal string
}

func (l *serverLog) line(level slog.Level, format string, args []any) {
	if l.to != nil {
		l.to(level, fmt.Sprintf(format, args...))
	}
}

func (l *serverLog) Noticef(format string, args ...any) { l.line(slog.LevelInfo, format, args) }
func (l *serverLog) Warnf(format string, args ...any)   { l.line(slog.LevelWarn, format, args) }
func (l *serverLog) Errorf(format string, args ...any)  { l.line(slog.LevelError, format, args) }
func (l *serverLog) Debugf(format string, args ...any)  { l.line(slog.LevelDebug, format, args) }
func (l *serverLog) Tracef(format string, args ...any)  { l.line(slog.LevelDebug, format, args) }

func (l *serverLog) Fatalf(format string, args ...any) {
	l.mu.Lock()
	if l.fatal == "" {
		l.fatal = fmt.Sprintf(format, args...)
	}
	l.mu.Unlock()
	l.line(slog.LevelError, format, args)
}

func (l *serverLog) failed() bool { return l.reason() != "" }

func (l *serverLog) reason() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fatal
}
