package testclient

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// TB is the part of a test that a Client needs: *testing.T, *testing.B and *testing.F
// are one. It spares programs the package testing.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
	Context() context.Context
}

// Config is what a Client is a client of.
type Config struct {
	Handler     http.Handler
	Start, Stop []func(context.Context) error // around the life of the client; Stop in reverse order
	ErrorLog    *log.Logger
}

// DefaultTimeout bounds an exchange unless [Client.Timeout] does: a test that waits for
// what never comes shall say for what.
const DefaultTimeout = time.Minute

// Client sends requests to an app in the test's own process. Set its fields before use;
// its methods may then be called by several goroutines, but for those that can fail the
// test, which is for the test's own goroutine to do (see testing.T.FailNow).
type Client struct {
	// Header is sent with each request that does not set these headers itself.
	Header http.Header
	// Jar keeps cookies from one request to the next, those that are Secure too; nil
	// keeps none.
	Jar http.CookieJar
	// Timeout bounds the wait for a reply, or for the next message. In a bubble of
	// testing/synctest it is one of fake time.
	Timeout time.Duration

	t         TB
	network   *network
	transport *http.Transport
	stop      []func(context.Context) error

	mu    sync.Mutex
	close []func() // what was opened and is to be closed first
}

// New makes a client whose life ends with the test.
func New(t TB, c Config) *Client {
	t.Helper()
	client := newClient(c)
	client.t = t
	t.Cleanup(func() {
		t.Helper()
		if err := client.end(context.WithoutCancel(t.Context())); err != nil {
			t.Fatalf("stopping the app: %v", err)
		}
	})
	for _, f := range c.Start {
		if err := f(t.Context()); err != nil {
			t.Fatalf("starting the app: %v", err)
		}
	}
	return client
}

func newClient(c Config) *Client {
	jar, _ := cookiejar.New(nil) // it has no errors
	n := newNetwork(&c)
	return &Client{
		Header: http.Header{}, Jar: jar, Timeout: DefaultTimeout, network: n, stop: c.Stop,
		transport: &http.Transport{DialContext: n.dial, DisableCompression: true},
	}
}

// Once does one exchange with the handler. What is wrong is in the result's Err.
func Once(c Config, method, target string, body any, header ...string) Result {
	client := newClient(c)
	result := client.exchange(context.Background(), method, target, body, header)
	if err := client.end(context.Background()); err != nil && result.Err == nil {
		result.Err = err
	}
	return result
}

// end closes what is open, and waits for it.
func (c *Client) end(ctx context.Context) (err error) {
	c.mu.Lock()
	open := c.close
	c.close = nil
	c.mu.Unlock()
	for _, f := range slices.Backward(open) {
		f()
	}
	c.transport.CloseIdleConnections()
	timer := time.NewTimer(c.timeout())
	defer timer.Stop()
	select {
	case <-c.network.shut():
	case <-timer.C:
		err = fmt.Errorf("a handler has not returned within %v after its client had left", c.timeout())
	}
	for _, f := range slices.Backward(c.stop) {
		err = errors.Join(err, f(ctx))
	}
	return err
}

func (c *Client) timeout() time.Duration {
	if c.Timeout <= 0 {
		return DefaultTimeout
	}
	return c.Timeout
}

// closeAtEnd has f called when the client ends.
func (c *Client) closeAtEnd(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.close = append(c.close, f)
}

// host is the one that is asked where the target names none.
const host = "example.com"

// request makes a request. The target is a path, or a whole URL to ask another host.
func (c *Client) request(ctx context.Context, method, target string, body any, header []string) (*http.Request, error) {
	if strings.HasPrefix(target, "/") {
		target = "http://" + host + target
	}
	content, contentType, err := encode(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, target, content)
	if err != nil {
		return nil, err
	}
	if r.URL.Host == "" {
		return nil, fmt.Errorf("the target %q is neither a path nor a URL", target)
	}
	if len(header)%2 != 0 {
		return nil, fmt.Errorf("the header %q has no value: want pairs of a name and a value", header[len(header)-1])
	}
	for name, values := range c.Header {
		r.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	for pair := range slices.Chunk(header, 2) {
		r.Header.Del(pair[0])
	}
	for pair := range slices.Chunk(header, 2) {
		r.Header.Add(pair[0], pair[1])
	}
	if name := r.Header.Get("Host"); name != "" {
		r.Host = name
	}
	if r.Header.Get("Content-Type") == "" && contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if r.Header.Get("User-Agent") == "" {
		r.Header["User-Agent"] = nil // or net/http would name itself
	}
	if c.Jar != nil {
		for _, cookie := range c.Jar.Cookies(cookieURL(r)) {
			r.AddCookie(cookie)
		}
	}
	return r, nil
}

// cookieURL is the request's for the jar, which gives Secure cookies to https only.
func cookieURL(r *http.Request) *url.URL {
	u := *r.URL
	u.Scheme, u.Host = "https", r.Host
	if r.Host == "" {
		u.Host = r.URL.Host
	}
	return &u
}

func (c *Client) keepCookies(resp *http.Response) {
	if cookies := resp.Cookies(); c.Jar != nil && len(cookies) > 0 {
		c.Jar.SetCookies(cookieURL(resp.Request), cookies)
	}
}
