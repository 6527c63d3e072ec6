// Package serving runs an http.Handler as a server: from the listener, through
// signals, to a drained end.
package serving

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/redstart-go/redstart/internal/logging"
)

// Settings are what an app chooses of its server.
type Settings struct {
	TLS               *tls.Config // nil, and no CertFile, for plain HTTP
	CertFile, KeyFile string
	H2C               bool
	HTTP2             http.HTTP2Config // what is zero in it stands for a default of ours
	SocketMode        fs.FileMode      // of a Unix socket, 0 for the umask's
}

// Secure says whether the server speaks TLS.
func (s *Settings) Secure() bool { return s.TLS != nil || s.CertFile != "" || s.KeyFile != "" }

// Config is one server. A timeout of zero is none.
type Config struct {
	Settings
	Handler http.Handler
	Logger  zerolog.Logger

	HeaderTimeout time.Duration // for a request's header to arrive
	WriteTimeout  time.Duration // from the header to the end of a reply
	StallTimeout  time.Duration // without a byte taken by an HTTP/2 client
	IdleTimeout   time.Duration // between two requests
	DrainTimeout  time.Duration // from the wish to stop to the end

	OnStart, OnStop []func(context.Context) error
	Drain           func(context.Context) error // sends away what would not end by itself
	Join            func(context.Context) error // waits for what requests have left behind
	Started         func(url string)
	Adopted         <-chan net.Listener // further ones to serve, until they are closed; may be nil

	leaving   atomic.Bool
	newcomers sync.Map // by net.Conn, those without a request so far
	mu        sync.Mutex
	open      int           // connections that net/http has
	empty     chan struct{} // closed when it has none any more; made by who waits
}

var (
	// ErrForced says that a second signal came.
	ErrForced = errors.New("redstart: stopped by a second signal before the drain was over")
	// These are wrapped with the time that was given.
	errNotDrained = errors.New("redstart: requests were cut: not drained")
	errNotStopped = errors.New("redstart: the OnStop functions did not end")
)

// UntilSignal runs f with a context that ends on SIGINT or SIGTERM, and a channel
// that is closed on the second of these. A third has its usual effect: it ends a
// program that hangs for all that.
func UntilSignal(logger zerolog.Logger, f func(ctx context.Context, force <-chan struct{}) error) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	force, done := make(chan struct{}), make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for first := true; ; first = false {
			select {
			case s := <-signals:
				if !first {
					logger.Warn().Stringer("signal", s).Msg("stopping at once")
					signal.Stop(signals)
					close(force)
					return
				}
				logger.Info().Stringer("signal", s).Msg("draining; a second signal stops at once")
				stop()
			case <-done:
				return
			}
		}
	})
	err := f(ctx, force)
	signal.Stop(signals)
	close(done)
	watcher.Wait()
	return err
}

// Serve serves on l, which it closes, until ctx ends; then it drains. Closing
// force cuts the drain short, and ends the context of the OnStop functions. These
// run in any case.
func (c *Config) Serve(ctx context.Context, force <-chan struct{}, l net.Listener) (err error) {
	defer func() {
		_ = l.Close() // after an orderly stop it is closed already
		err = errors.Join(err, c.stop(ctx, force))
	}()
	server, err := c.server(ctx)
	if err != nil {
		return err
	}
	for _, f := range c.OnStart {
		if err := f(ctx); err != nil {
			return fmt.Errorf("redstart: OnStart: %w", err)
		}
	}
	secure := server.TLSConfig != nil // asked now: net/http makes one in any case
	accept := func(l net.Listener) error {
		if secure {
			return server.ServeTLS(l, "", "")
		}
		return server.Serve(l)
	}
	failed := make(chan error, 1)
	go func() { failed <- accept(l) }()
	c.Started(URL(l.Addr(), secure))
	listeners := []net.Listener{l}
	var adopted sync.WaitGroup
	for broken := error(nil); ; {
		select {
		case l := <-c.Adopted:
			listeners = append(listeners, l)
			adopted.Go(func() { _ = accept(l) }) // whoever gave it closes it
			continue
		case broken = <-failed: // the listener is, the connections need not be
			broken = fmt.Errorf("redstart: %w", broken)
			failed <- nil
		case <-ctx.Done():
		}
		// Nothing new is accepted from the first moment on.
		c.leaving.Store(true)
		for _, l := range listeners {
			_ = l.Close()
		}
		<-failed
		adopted.Wait()
		return errors.Join(broken, c.drain(server, force))
	}
}

func (c *Config) stop(ctx context.Context, force <-chan struct{}) (err error) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer c.bound(force, cancel, errNotStopped)()
	for _, f := range slices.Backward(c.OnStop) {
		if e := c.protect(ctx, f); e != nil {
			err = errors.Join(err, fmt.Errorf("redstart: OnStop: %w", e))
		}
	}
	return err
}

// protect calls a function that must not keep those after it from being called.
func (c *Config) protect(ctx context.Context, f func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			c.Logger.Error().Err(err).Bytes("stack", debug.Stack()).Msg("an OnStop function panicked")
		}
	}()
	return f(ctx)
}

// server makes the http.Server. Its requests' contexts do not end with ctx, so
// that those under way can finish.
func (c *Config) server(ctx context.Context) (*http.Server, error) {
	base := context.WithoutCancel(ctx)
	s := &http.Server{
		Handler:           http.HandlerFunc(c.answer),
		ReadHeaderTimeout: c.HeaderTimeout,
		WriteTimeout:      c.WriteTimeout,
		IdleTimeout:       c.IdleTimeout,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          logging.Standard(c.Logger),
		ConnState:         c.track,
		Protocols:         new(http.Protocols),
		HTTP2:             c.http2(),
	}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetHTTP2(true)
	s.Protocols.SetUnencryptedHTTP2(c.H2C)
	if c.TLS != nil {
		s.TLSConfig = c.TLS.Clone()
	}
	if c.CertFile != "" || c.KeyFile != "" {
		cert, err := newCertificate(c.CertFile, c.KeyFile, c.Logger)
		if err != nil {
			return nil, err
		}
		if s.TLSConfig == nil {
			s.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		cert.serve(s.TLSConfig)
	}
	if t := s.TLSConfig; t != nil && len(t.Certificates) == 0 && t.GetCertificate == nil && t.GetConfigForClient == nil {
		return nil, errors.New("redstart: the TLS configuration has no certificate: set Certificates or GetCertificate")
	}
	return s, nil
}
