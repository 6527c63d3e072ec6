// Package serving runs an http.Handler as a server: from the listener, through
// signals, to a drained end.
package serving

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/redstart-go/redstart/internal/logging"
)

// Config is one server. A timeout of zero is none.
type Config struct {
	Handler           http.Handler
	Logger            zerolog.Logger
	TLS               *tls.Config // nil, and no CertFile, for plain HTTP
	CertFile, KeyFile string
	H2C               bool

	HeaderTimeout time.Duration // for a request's header to arrive
	WriteTimeout  time.Duration // from the header to the end of a reply
	StallTimeout  time.Duration // without a byte taken by an HTTP/2 client
	IdleTimeout   time.Duration // between two requests
	DrainTimeout  time.Duration // from the wish to stop to the end

	OnStart, OnStop []func(context.Context) error
	Drain           func(context.Context) error // sends away what would not end by itself
	Started         func(url string)
}

var (
	errForced = errors.New("redstart: stopped by a second signal before the drain was over")
	// errNotDrained is wrapped with the time that was given.
	errNotDrained = errors.New("redstart: requests were cut: not drained")
)

// UntilSignal runs f with a context that ends on SIGINT or SIGTERM, and a channel
// that is closed on the second of these.
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
// force cuts the drain short. The OnStop functions run in any case.
func (c *Config) Serve(ctx context.Context, force <-chan struct{}, l net.Listener) (err error) {
	defer func() {
		_ = l.Close() // after an orderly stop it is closed already
		err = errors.Join(err, c.stop(ctx))
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
	failed := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			failed <- server.ServeTLS(l, "", "")
		} else {
			failed <- server.Serve(l)
		}
	}()
	c.Started(URL(l, server.TLSConfig != nil))
	select {
	case err := <-failed:
		return fmt.Errorf("redstart: %w", err)
	case <-ctx.Done():
	}
	err = c.drain(server, force)
	<-failed // http.ErrServerClosed: Shutdown or Close were called
	return err
}

func (c *Config) stop(ctx context.Context) (err error) {
	ctx = context.WithoutCancel(ctx)
	if c.DrainTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.DrainTimeout)
		defer cancel()
	}
	for _, f := range slices.Backward(c.OnStop) {
		err = errors.Join(err, f(ctx))
	}
	return err
}

// drain lets what is under way finish, in the time there is for it, and then cuts
// what is left.
func (c *Config) drain(server *http.Server, force <-chan struct{}) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	if c.DrainTimeout > 0 {
		timeout := time.AfterFunc(c.DrainTimeout, func() { cancel(fmt.Errorf("%w after %v", errNotDrained, c.DrainTimeout)) })
		defer timeout.Stop()
	}
	var parts sync.WaitGroup
	if force != nil {
		parts.Go(func() {
			select {
			case <-force:
				cancel(errForced)
			case <-ctx.Done():
			}
		})
	}
	var drainErr error
	drained := make(chan struct{})
	parts.Go(func() { defer close(drained); drainErr = c.Drain(ctx) })
	err := server.Shutdown(ctx)
	<-drained
	cause := context.Cause(ctx)
	cancel(nil)
	parts.Wait()
	if err == nil && drainErr == nil {
		return nil
	}
	_ = server.Close()
	if cause == nil {
		cause = errors.Join(err, drainErr)
	}
	return cause
}

// server makes the http.Server. Its requests' contexts do not end with ctx, so
// that those under way can finish.
func (c *Config) server(ctx context.Context) (*http.Server, error) {
	base := context.WithoutCancel(ctx)
	s := &http.Server{
		Handler:           c.Handler,
		ReadHeaderTimeout: c.HeaderTimeout,
		WriteTimeout:      c.WriteTimeout,
		IdleTimeout:       c.IdleTimeout,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          logging.Standard(c.Logger),
		Protocols:         new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second,
			WriteByteTimeout: c.StallTimeout, MaxConcurrentStreams: 250,
		},
	}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetHTTP2(true)
	s.Protocols.SetUnencryptedHTTP2(c.H2C)
	if c.TLS != nil {
		s.TLSConfig = c.TLS.Clone()
	}
	if c.CertFile != "" || c.KeyFile != "" {
		cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("redstart: the TLS certificate cannot be loaded: %w", err)
		}
		if s.TLSConfig == nil {
			s.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		s.TLSConfig.Certificates = append(s.TLSConfig.Certificates, cert)
	}
	return s, nil
}
