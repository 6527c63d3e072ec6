package acme

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/serving"
)

// Handler answers at port 80: the authority's questions (http-01), and everybody else by
// a redirect to HTTPS. What is not a GET or HEAD is refused, since it has been sent in
// the clear already, and so is a host that is none of ours. With it the Manager may let
// the authority ask there.
func (m *Manager) Handler() http.Handler { return m.auto.HTTPHandler(http.HandlerFunc(m.redirect)) }

func (m *Manager) redirect(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	switch {
	case m.policy(r.Context(), host) != nil:
		http.Error(w, "this server is not for that host", http.StatusMisdirectedRequest)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "use https", http.StatusBadRequest)
	default:
		w.Header().Set("Connection", "close") // the next request goes elsewhere
		http.Redirect(w, r, "https://"+host+r.URL.RequestURI(), http.StatusPermanentRedirect)
	}
}

// RedirectHTTP serves [Manager.Handler] at an address, usually ":80", for as long as the
// app serves. That the address cannot be listened on is an error of the app's start. The
// processes of an app with redstart.WithProcesses share the address, which is an error
// where the system does not let them.
func (m *Manager) RedirectHTTP(app *redstart.App, addr string) {
	handler := m.Handler() // from now on, so that the first certificate may be got by it
	var server *http.Server
	var running sync.WaitGroup
	var failed error
	app.OnStart(func(ctx context.Context) error {
		listen := func() (net.Listener, error) { return serving.Listen(ctx, addr, 0) }
		if _, of := redstart.Process(); of > 1 {
			listen = func() (net.Listener, error) { return serving.ListenShared(ctx, addr) }
		}
		l, err := listen()
		if err != nil {
			return err
		}
		failed = nil
		server = &http.Server{
			Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second,
			WriteTimeout: 10 * time.Second, IdleTimeout: 30 * time.Second,
		}
		running.Go(func() {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed = fmt.Errorf("acme: redirecting at %s: %w", addr, err)
			}
		})
		return nil
	})
	app.OnStop(func(ctx context.Context) error {
		if server == nil { // another function of OnStart has failed before
			return nil
		}
		err := server.Shutdown(ctx)
		running.Wait()
		return errors.Join(err, failed)
	})
}
