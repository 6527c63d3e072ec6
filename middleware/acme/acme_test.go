package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/redstart-go/redstart"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func manager(t *testing.T, a *authority, folder string) *Manager {
	t.Helper()
	m, err := New(Options{
		Hosts: []string{"gotham.test", "www.Gotham.test"}, Cache: folder, AcceptTerms: true, Directory: a.URL + "/dir", Client: a.Client(),
	})
	require.NoError(t, err)
	return m
}

// visit is a client's handshake.
func visit(t *testing.T, a *authority, m *Manager, host string) (*x509.Certificate, error) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(a.root)
	return handshake(t.Context(), m.TLSConfig(), &tls.Config{ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12})
}

// askByHTTP is the challenge http-01 (RFC 8555 section 8.3).
func askByHTTP(h http.Handler) func(host, token string) bool {
	return func(host, token string) bool {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "http://"+host+"/.well-known/acme-challenge/"+token, nil))
		return w.Code == 200 && strings.HasPrefix(w.Body.String(), token+".")
	}
}

// askByTLS is the challenge tls-alpn-01 (RFC 8737).
func askByTLS(m *Manager) func(host, token string) bool {
	identifier := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}
	return func(host, _ string) bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		cert, err := handshake(ctx, m.TLSConfig(), &tls.Config{ServerName: host, NextProtos: []string{acme.ALPNProto}, InsecureSkipVerify: true}) //nolint:gosec // it is self-signed
		if err != nil || len(cert.DNSNames) != 1 || cert.DNSNames[0] != host {
			return false
		}
		for _, e := range cert.Extensions {
			if e.Id.Equal(identifier) && e.Critical {
				return true
			}
		}
		return false
	}
}

func TestCertificates(t *testing.T) { // features: G4
	for kind, ask := range map[string]func(m *Manager) func(host, token string) bool{
		"http-01":     func(m *Manager) func(host, token string) bool { return askByHTTP(m.Handler()) },
		"tls-alpn-01": askByTLS,
	} {
		t.Run(kind, func(t *testing.T) {
			a, folder := newAuthority(t, kind), filepath.Join(t.TempDir(), "new", "folder")
			m := manager(t, a, folder)
			a.ask = ask(m)
			cert, err := visit(t, a, m, "gotham.test")
			require.NoError(t, err)
			assert.Equal(t, []string{"gotham.test"}, cert.DNSNames)
			again, err := visit(t, a, m, "GOTHAM.test")
			require.NoError(t, err)
			assert.Equal(t, cert.SerialNumber, again.SerialNumber)
			_, err = visit(t, a, m, "www.gotham.test")
			require.NoError(t, err)
			assert.Equal(t, 2, a.count(), "one for each host")

			_, err = visit(t, a, m, "arkham.test")
			assert.ErrorContains(t, err, `host "arkham.test" not configured`)
			assert.Equal(t, 2, a.count(), "the authority is not asked for others")

			later := manager(t, a, folder)
			again, err = visit(t, a, later, "gotham.test")
			require.NoError(t, err)
			assert.Equal(t, cert.SerialNumber, again.SerialNumber, "the next program finds it in the folder")
			assert.Equal(t, 2, a.count())
			if runtime.GOOS != "windows" {
				info, err := os.Stat(folder)
				require.NoError(t, err)
				assert.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "keys are nobody else's business")
			}
		})
	}
}

func TestAChallengeThatIsNotMet(t *testing.T) { // features: G4
	a := newAuthority(t, "http-01")
	m := manager(t, a, t.TempDir())
	m.Handler()
	a.ask = func(string, string) bool { return false }
	_, err := visit(t, a, m, "gotham.test")
	assert.ErrorContains(t, err, `for domain "gotham.test": no viable challenge type found`)
}

func TestSeveralProcessesGetOneCertificate(t *testing.T) { // features: G4
	a, folder := newAuthority(t, "http-01"), t.TempDir()
	a.ask = func(host, token string) bool { // any of the processes may be asked, since they share the folder
		return askByHTTP(manager(t, a, folder).Handler())(host, token)
	}
	var processes sync.WaitGroup
	for range 5 {
		m := manager(t, a, folder)
		m.Handler()
		processes.Go(func() {
			_, err := visit(t, a, m, "gotham.test")
			assert.NoError(t, err)
		})
	}
	processes.Wait()
	assert.Equal(t, 1, a.count())
}

func TestTheLockIsWaitedFor(t *testing.T) {
	folder := t.TempDir()
	unlock, err := lock(t.Context(), folder, "gotham.test")
	require.NoError(t, err)
	other, err := lock(t.Context(), folder, "arkham.test")
	require.NoError(t, err, "hosts do not wait for each other")
	other()
	ctx, cancel := context.WithCancelCause(t.Context())
	left := errors.New("left")
	cancel(left)
	_, err = lock(ctx, folder, "gotham.test")
	assert.ErrorIs(t, err, left)
	unlock()
	unlock, err = lock(t.Context(), folder, "gotham.test")
	require.NoError(t, err)
	unlock()
	_, err = lock(t.Context(), filepath.Join(folder, "none"), "gotham.test")
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestOptionsThatCannotWork(t *testing.T) { // features: G4
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	valid := Options{Hosts: []string{"gotham.test"}, Cache: folder, AcceptTerms: true}
	for name, tt := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"no hosts":         {func(o *Options) { o.Hosts = nil }, "acme: no Hosts: say which names"},
		"wildcard":         {func(o *Options) { o.Hosts = []string{"*.gotham.test"} }, `acme: the host "*.gotham.test": wildcards are not possible`},
		"address":          {func(o *Options) { o.Hosts = []string{"192.0.2.1"} }, `want a name, not an address`},
		"IPv6 address":     {func(o *Options) { o.Hosts = []string{"[::1]"} }, `want a name, not an address`},
		"no dot":           {func(o *Options) { o.Hosts = []string{"localhost"} }, `the host "localhost": no authority knows a name without a dot`},
		"port":             {func(o *Options) { o.Hosts = []string{"gotham.test", "gotham.test:443"} }, `the host "gotham.test:443": want a name without a scheme`},
		"URL":              {func(o *Options) { o.Hosts = []string{"https://gotham.test"} }, `want a name without a scheme`},
		"terms":            {func(o *Options) { o.AcceptTerms = false }, "set AcceptTerms"},
		"no cache":         {func(o *Options) { o.Cache = "" }, "acme: no Cache"},
		"two caches":       {func(o *Options) { o.Store = autocert.DirCache("x") }, "choose one"},
		"negative renewal": {func(o *Options) { o.RenewBefore = -1 }, "RenewBefore is -1ns"},
		"directory":        {func(o *Options) { o.Directory = "staging" }, `the Directory "staging" is no URL`},
		"half a directory": {func(o *Options) { o.Directory = "https:///dir" }, `the Directory "https:///dir" is no URL`},
		"email":            {func(o *Options) { o.Email = "gordon" }, `the Email "gordon" is no address: want one such as gordon@gotham.city`},
		"name and email":   {func(o *Options) { o.Email = "Jim <gordon@gotham.city>" }, `is no address`},
		"a file as folder": {func(o *Options) { o.Cache = file }, "acme: the folder for certificates: "},
	} {
		t.Run(name, func(t *testing.T) {
			o := valid
			tt.change(&o)
			_, err := New(o)
			assert.ErrorContains(t, err, tt.want)
		})
	}
	valid.Email = "gordon@gotham.city"
	m, err := New(valid)
	require.NoError(t, err)
	assert.Equal(t, LetsEncrypt, m.auto.Client.DirectoryURL)
	valid.Cache, valid.Store, valid.Hosts = "", autocert.DirCache(folder), []string{"哥谭.test"}
	_, err = New(valid)
	assert.NoError(t, err)
}

func TestRedirect(t *testing.T) { // features: G4
	m := manager(t, newAuthority(t, "http-01"), t.TempDir())
	handler := m.Handler()
	for name, tt := range map[string]struct {
		method, url string
		status      int
		location    string
	}{
		"page":                 {"GET", "http://gotham.test/a%2Fb?c=d", 308, "https://gotham.test/a%2Fb?c=d"},
		"port":                 {"HEAD", "http://WWW.gotham.test:80/", 308, "https://www.gotham.test/"},
		"a form, in the clear": {"POST", "http://gotham.test/login", 400, ""},
		"another host":         {"GET", "http://evil.test/", 421, ""},
		"no challenge":         {"GET", "http://gotham.test/.well-known/acme-challenge/x", 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(tt.method, tt.url, nil))
			assert.Equal(t, tt.status, w.Code)
			assert.Equal(t, tt.location, w.Header().Get("Location"))
		})
	}
}

func TestRedirectHTTPLivesWithTheApp(t *testing.T) { // features: G4
	m := manager(t, newAuthority(t, "http-01"), t.TempDir())
	app := redstart.New(redstart.WithLogger(zerolog.Nop()))
	path := filepath.Join(t.TempDir(), "s")
	m.RedirectHTTP(app, "unix:"+path)
	for range 2 { // an app may be started again
		ctx, stop := context.WithCancel(t.Context())
		started, done := make(chan struct{}), make(chan error)
		var once sync.Once
		app.OnStart(func(context.Context) error { once.Do(func() { close(started) }); return nil })
		go func() { done <- app.Run(ctx, "127.0.0.1:0") }()
		<-started
		transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}}
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://gotham.test/x", nil)
		require.NoError(t, err)
		resp, err := transport.RoundTrip(r)
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, resp.Body)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, "https://gotham.test/x", resp.Header.Get("Location"))
		transport.CloseIdleConnections()
		stop()
		require.NoError(t, <-done)
		assert.NoFileExists(t, path)
	}
	broken := redstart.New(redstart.WithLogger(zerolog.Nop()))
	m.RedirectHTTP(broken, "nowhere")
	assert.ErrorContains(t, broken.Run(t.Context(), "127.0.0.1:0"), `address "nowhere": want host:port`)
}
