package redstart_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/memnet"
	"github.com/redstart-go/redstart/sse"
)

// childMode is set in the processes that TestStart makes of the test binary.
const childMode = "REDSTART_TEST_CHILD"

// runChild is a program as a user writes it. It says on standard output where it
// has come to.
func runChild(mode string) {
	app := redstart.New(redstart.WithTimeouts(redstart.Timeouts{Drain: 20 * time.Second}))
	release := make(chan struct{})
	app.OnStart(func(context.Context) error { fmt.Println("start"); return nil })
	app.OnStop(func(ctx context.Context) error { fmt.Println("stop", ctx.Err() != nil); return nil })
	app.Get("/slow", func(*redstart.Request) redstart.Response {
		fmt.Println("slow")
		<-release
		return redstart.Text("finished")
	})
	app.Get("/release", func(*redstart.Request) redstart.Response { close(release); return redstart.NoContent() })
	app.Get("/events", func(*redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(ctx context.Context, send sse.Send) error {
			if err := send(sse.Text("hello")); err != nil {
				return err
			}
			<-ctx.Done()
			close(release)
			return context.Cause(ctx)
		}, sse.Grace(time.Millisecond))
	})
	if err := app.Start("unix:" + mode); err != nil {
		os.Exit(3)
	}
	os.Exit(0)
}

// child starts the program and gives a client for it and its two outputs.
func child(t *testing.T) (cmd *exec.Cmd, client *http.Client, stdout, stderr *bufio.Scanner) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	cmd = exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childMode+"="+socket)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	errs, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	stdout, stderr = bufio.NewScanner(out), bufio.NewScanner(errs)
	waitFor(t, stdout, "start")
	waitFor(t, stderr, `"message":"listening"`)
	return cmd, &http.Client{Transport: transport}, stdout, stderr
}

// waitFor reads lines until one holds the text.
func waitFor(t *testing.T, lines *bufio.Scanner, text string) string {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return lines.Text()
		}
	}
	t.Fatalf("the program ended without saying %q", text)
	return ""
}

func TestStartDrainsOnASignal(t *testing.T) {
	for name, signal := range map[string]os.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": os.Interrupt} {
		t.Run(name, func(t *testing.T) {
			cmd, client, stdout, stderr := child(t)
			events, err := client.Get("http://child/events")
			require.NoError(t, err)
			defer events.Body.Close()
			slow := make(chan string)
			go func() {
				resp, err := client.Get("http://child/slow")
				if err != nil {
					slow <- err.Error()
					return
				}
				defer resp.Body.Close()
				body, _ := io.ReadAll(resp.Body)
				slow <- string(body)
			}()
			waitFor(t, stdout, "slow")
			require.NoError(t, cmd.Process.Signal(signal))
			waitFor(t, stderr, "draining")

			var names []string
			for m, err := range sse.Read(events.Body) {
				require.NoError(t, err)
				names = append(names, m.Event)
			}
			assert.Equal(t, []string{"", "sse.bye"}, names, "the stream is told to come back")
			assert.Equal(t, "finished", <-slow, "a request under way finishes")
			waitFor(t, stdout, "stop false")
			for stderr.Scan() { // to its end, as os/exec wants before Wait
			}
			require.NoError(t, cmd.Wait(), "the exit code is 0")
		})
	}
}

func TestSecondSignalForces(t *testing.T) {
	cmd, client, stdout, stderr := child(t)
	cut := make(chan error)
	go func() {
		_, err := client.Get("http://child/slow")
		cut <- err
	}()
	waitFor(t, stdout, "slow")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	waitFor(t, stderr, "draining")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	waitFor(t, stderr, "stopping at once")
	assert.Error(t, <-cut)
	waitFor(t, stdout, "stop true")
	assert.Contains(t, waitFor(t, stderr, `"message":"stopped"`), "stopped by a second signal before the drain was over")
	for stderr.Scan() {
	}
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	assert.Equal(t, 3, exit.ExitCode())
}

func TestStartOfAPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	app, log := newApp()
	app.OnStart(func(context.Context) error { t.Error("started"); return nil })
	err = app.Start(l.Addr().String())
	assert.ErrorContains(t, err, "redstart: listen on "+l.Addr().String()+": another program serves there already: stop it or choose another address")
	assert.ErrorIs(t, err, syscall.EADDRINUSE)
	assert.Equal(t, err.Error(), log.line(t, "stopped")["error"], "a main function need not look")
}

func TestBadAddresses(t *testing.T) {
	app, _ := newApp()
	for addr, want := range map[string]string{
		"8080":                   `redstart: address "8080": want host:port, :port, unix:/path, systemd: or fd:3`,
		"":                       `redstart: address "": want host:port`,
		"127.0.0.1:x":            `redstart: listen on 127.0.0.1:x: `,
		"127.0.0.1:9999999":      `redstart: listen on 127.0.0.1:9999999: `,
		"unix:":                  `redstart: address "unix:": want unix:/path/to/socket`,
		"unix:/no/such/folder/s": `redstart: listen on unix:/no/such/folder/s: `,
	} {
		assert.ErrorContains(t, app.Run(t.Context(), addr), want)
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	// A socket that a program left behind.
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	require.NoError(t, err)
	stale.SetUnlinkOnClose(false)
	require.NoError(t, stale.Close())
	require.FileExists(t, path)

	app, log := newApp(redstart.WithSocketMode(0o620))
	app.Get("/", func(req *redstart.Request) redstart.Response { return redstart.Text("[" + req.IP() + "]") })
	started := make(chan struct{})
	app.OnStart(func(context.Context) error { close(started); return nil })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- app.Run(ctx, "unix:"+path) }()
	<-started
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o620), info.Mode().Perm())
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("http://socket/")
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "[]", string(body))

	other, _ := newApp()
	assert.ErrorContains(t, other.Run(t.Context(), "unix:"+path), "another program serves there already", "a socket in use is not taken")
	cancel()
	require.NoError(t, <-done)
	assert.NoFileExists(t, path)
	assert.Equal(t, "unix:"+path, log.line(t, "listening")["url"])

	require.NoError(t, os.WriteFile(path, []byte("precious"), 0o600))
	assert.ErrorContains(t, other.Run(t.Context(), "unix:"+path), "there is something else than a socket")
	assert.FileExists(t, path)
}

func TestHooks(t *testing.T) {
	var order []string
	hook := func(name string, err error) func(context.Context) error {
		return func(ctx context.Context) error {
			assert.NoError(t, ctx.Err(), "%s: there is time to stop in", name)
			order = append(order, name)
			return err
		}
	}
	first, second := errors.New("first"), errors.New("second")
	app, _ := newApp()
	app.OnStart(hook("start 1", nil))
	app.OnStart(hook("start 2", nil))
	app.OnStop(hook("stop 1", first))
	app.OnStop(hook("stop 2", second))
	ctx, cancel := context.WithCancel(t.Context())
	app.OnStart(func(context.Context) error { cancel(); return nil })
	err := app.Run(ctx, "127.0.0.1:0")
	assert.Equal(t, []string{"start 1", "start 2", "stop 2", "stop 1"}, order)
	assert.ErrorIs(t, err, first)
	assert.ErrorIs(t, err, second)
	assert.EqualError(t, err, "redstart: OnStop: second\nredstart: OnStop: first")

	order = nil
	app, log := newApp()
	app.OnStart(hook("start", errors.New("no database")))
	app.OnStart(hook("never", nil))
	app.OnStop(hook("stop", nil))
	assert.EqualError(t, app.Run(t.Context(), "127.0.0.1:0"), "redstart: OnStart: no database")
	assert.Equal(t, []string{"start", "stop"}, order)
	assert.Empty(t, log.lines(t, "listening"))
}

func TestStartUpLine(t *testing.T) {
	app, log := newApp(redstart.WithH2C())
	app.Get("/a", text(""))
	app.Get("/b", text(""))
	addr, client := online(t, app)
	resp, err := client.Get("http://" + addr + "/a")
	require.NoError(t, err)
	resp.Body.Close()
	line := log.line(t, "listening")
	assert.Equal(t, "http://"+addr, line["url"], "not https, whatever net/http makes of its configuration")
	assert.EqualValues(t, 2, line["routes"])
	assert.Equal(t, redstart.Version, line["version"])
}

func TestDrainThatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp(redstart.WithTimeouts(redstart.Timeouts{Drain: 10 * time.Second}))
		arrived := make(chan struct{})
		app.Get("/", func(req *redstart.Request) redstart.Response {
			close(arrived)
			<-req.Context().Done() // ends only when the connection is cut
			return redstart.NoContent()
		})
		l := memnet.Listen()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- app.Serve(ctx, l) }()
		transport := &http.Transport{DialContext: l.DialContext}
		defer transport.CloseIdleConnections()
		cut := make(chan error)
		go func() {
			_, err := (&http.Client{Transport: transport}).Get("http://gotham/")
			cut <- err
		}()
		<-arrived
		start := time.Now()
		cancel()
		assert.Error(t, <-cut)
		assert.EqualError(t, <-done, "redstart: requests were cut: not drained after 10s")
		assert.Equal(t, 10*time.Second, time.Since(start))
	})
}

func TestBrokenListener(t *testing.T) {
	app, _ := newApp()
	stopped := false
	app.OnStop(func(context.Context) error { stopped = true; return nil })
	l := memnet.Listen()
	require.NoError(t, l.Close())
	assert.ErrorIs(t, app.Serve(t.Context(), l), net.ErrClosed)
	assert.True(t, stopped)
}

// certificate makes a certificate for 127.0.0.1 and returns its two PEM files.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool = x509.NewCertPool()
	pool.AddCert(cert)
	return certFile, keyFile, pool
}

func TestTLS(t *testing.T) {
	certFile, keyFile, pool := certificate(t)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	require.NoError(t, err)
	for name, opt := range map[string]redstart.Option{
		"files":         redstart.WithTLS(certFile, keyFile),
		"configuration": redstart.WithTLSConfig(&tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}),
	} {
		t.Run(name, func(t *testing.T) {
			app, log := newApp(opt)
			app.Get("/", func(req *redstart.Request) redstart.Response {
				return redstart.Text(req.HTTP().Proto + " " + req.Scheme())
			})
			app.Get("/events", func(*redstart.Request) redstart.Response {
				return redstart.SSEResponse(func(yield func(redstart.SSEMessage) bool) { yield(redstart.SSEMessage{Data: "x"}) })
			})
			addr, client := online(t, app)
			for _, h2 := range []bool{true, false} {
				client.Transport.(*http.Transport).CloseIdleConnections()
				transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: h2}
				client.Transport = transport
				resp, err := client.Get("https://" + addr)
				require.NoError(t, err)
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				assert.Equal(t, map[bool]string{true: "HTTP/2.0 https", false: "HTTP/1.1 https"}[h2], string(body))
				resp, err = client.Get("https://" + addr + "/events")
				require.NoError(t, err)
				data, err := read(resp.Body)
				require.NoError(t, err)
				assert.Equal(t, []string{"x"}, data)
				transport.CloseIdleConnections()
			}
			assert.Equal(t, "https://"+addr, log.line(t, "listening")["url"])
		})
	}
}

func TestBadCertificates(t *testing.T) {
	certFile, keyFile, _ := certificate(t)
	for name, tt := range map[string]struct {
		opt  redstart.Option
		want string
	}{
		"missing file": {redstart.WithTLS("none.pem", keyFile), `redstart: the TLS certificate in "none.pem" and its key in "` + keyFile + `" cannot be loaded: open none.pem`},
		"no key":       {redstart.WithTLS(certFile, ""), `redstart: WithTLS: want the files of a certificate and of its key, got "` + certFile + `" and ""`},
		"no files":     {redstart.WithTLS("", ""), `redstart: WithTLS: want the files of a certificate and of its key, got "" and ""`},
		"no config":    {redstart.WithTLSConfig(nil), "redstart: WithTLSConfig: the configuration is nil: leave the option out to serve without TLS"},
		"not its key":  {redstart.WithTLS(certFile, certFile), "cannot be loaded"},
		"empty config": {redstart.WithTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}), "redstart: the TLS configuration has no certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			app, log := newApp(tt.opt)
			assert.ErrorContains(t, app.Run(t.Context(), "127.0.0.1:0"), tt.want)
			assert.Empty(t, log.lines(t, "listening"))
		})
	}
}

func TestRequestsUnderWayFinish(t *testing.T) {
	app, _ := newApp()
	arrived, release := make(chan struct{}), make(chan struct{})
	app.Get("/", func(req *redstart.Request) redstart.Response {
		close(arrived)
		<-release
		return redstart.Text(fmt.Sprint(req.Context().Err()))
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done, body := make(chan error), make(chan string)
	go func() { done <- app.Serve(ctx, l) }()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	go func() {
		resp, err := client.Get("http://" + l.Addr().String())
		if err != nil {
			body <- err.Error()
			return
		}
		defer resp.Body.Close()
		all, _ := io.ReadAll(resp.Body)
		body <- string(all)
	}()
	<-arrived
	cancel()
	close(release)
	assert.Equal(t, "<nil>", <-body, "the end of the serving does not end the context of a request")
	assert.NoError(t, <-done)
}

func TestAHandlerThatTakesLongerThanTheWriteTimeoutIsHeard(t *testing.T) {
	app, log := newApp(redstart.WithH2C(), redstart.WithTimeouts(redstart.Timeouts{Write: 50 * time.Millisecond}))
	app.Get("/", func(*redstart.Request) redstart.Response {
		<-time.After(150 * time.Millisecond)
		return redstart.Text(strings.Repeat("x", 10_000))
	})
	app.Get("/stream", func(*redstart.Request) redstart.Response {
		<-time.After(150 * time.Millisecond)
		return redstart.SSEResponse(func(yield func(redstart.SSEMessage) bool) { yield(redstart.SSEMessage{Data: "one"}) })
	})
	overBoth(t, app, func(t *testing.T, client *http.Client, url string) {
		for path, want := range map[string]int{"/": 10_000, "/stream": len(":\ndata: one\n\n")} {
			resp, err := client.Get(url + path)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Len(t, body, want)
			assert.NoError(t, resp.Body.Close())
		}
	})
	assert.NotContains(t, log.String(), "gone")
}

func TestAConnectionWithoutARequestDoesNotDelayTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, _ := newApp()
		l := memnet.Listen()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- app.Serve(ctx, l) }()
		conn, err := l.DialContext(t.Context(), "", "")
		require.NoError(t, err)
		defer conn.Close()
		synctest.Wait()
		begin := time.Now()
		stop()
		assert.NoError(t, <-done)
		assert.Less(t, time.Since(begin), 2*time.Second)
	})
}
