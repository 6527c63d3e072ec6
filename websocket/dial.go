package websocket

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// DialOptions refine [Dial]. The zero value is ready to use.
type DialOptions struct {
	// Header is sent with the request: cookies, Authorization, Origin.
	Header http.Header
	// Subprotocols are offered to the server, the preferred one first.
	Subprotocols []string
	// Compression offers permessage-deflate (RFC 7692).
	Compression bool

	// Dial opens the connection; the default is that of [net.Dialer]. It is not asked
	// for TLS, which comes on top of it for wss.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS is used for wss.
	TLS *tls.Config
	// Handler, if it is set, takes the place of the network: the request is served by
	// it in this process, over a connection in memory. That is for tests, also under
	// [testing/synctest].
	Handler http.Handler

	// As for a [Server]. There is no heartbeat unless one is set.
	Heartbeat       time.Duration
	PongTimeout     time.Duration
	WriteTimeout    time.Duration
	MaxMessageBytes int64
	OutboxBytes     int
	OutboxPolicy    Policy
}

// DialError says that a server did not agree to a WebSocket.
type DialError struct {
	Status int
	// Body is the beginning of what the server said.
	Body string
	Err  error // what is wrong with an answer that has the right status
}

func (e *DialError) Error() string {
	if e.Err != nil {
		return "websocket: the handshake failed: " + e.Err.Error()
	}
	text := fmt.Sprintf("websocket: the server answered the handshake with status %d", e.Status)
	if body := strings.TrimSpace(e.Body); body != "" {
		text += ": " + body
	}
	return text
}

// Unwrap gives what is wrong with the answer.
func (e *DialError) Unwrap() error { return e.Err }

const maxDialBody = 1 << 10

// Dial connects to a server: the URL's scheme is ws or wss, or http or https with the
// same meaning. ctx bounds the handshake, and nothing after it; the connection's
// Context has its values. The connection has to be closed by [Conn.Close].
//
// The response, if there was one, comes along also with an error. Its body is empty;
// the error, a [*DialError], has the beginning of what it was. Redirects are not
// followed.
func Dial(ctx context.Context, target string, opts *DialOptions) (*Conn, *http.Response, error) {
	if opts == nil {
		opts = &DialOptions{}
	}
	r, err := dialRequest(ctx, target, opts)
	if err != nil {
		return nil, nil, err
	}
	nc, err := opts.connect(ctx, r.URL)
	if err != nil {
		return nil, nil, fmt.Errorf("websocket: connecting to %s: %w", r.URL.Host, err)
	}
	// An end of ctx ends the handshake by closing what it waits on.
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	c, resp, err := opts.handshake(nc, r)
	if !stop() && err == nil {
		err = context.Cause(ctx)
		c.rest()
	}
	if err != nil {
		_ = nc.Close()
		if cause := context.Cause(ctx); cause != nil {
			err = fmt.Errorf("websocket: the handshake was given up: %w", cause)
		}
		return nil, resp, err
	}
	return c, resp, nil
}

func dialRequest(ctx context.Context, target string, opts *DialOptions) (*http.Request, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("websocket: Dial: %w", err)
	}
	switch u.Scheme {
	case "ws":
		u.Scheme = "http"
	case "wss":
		u.Scheme = "https"
	case "http", "https":
	default:
		return nil, fmt.Errorf("websocket: Dial: the URL %q begins with neither ws:// nor wss://", target)
	}
	u.Fragment = ""
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("websocket: Dial: %w", err)
	}
	maps.Copy(r.Header, opts.Header.Clone())
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	var key [16]byte
	_, _ = rand.Read(key[:])
	r.Header["Upgrade"] = []string{"websocket"}
	r.Header["Connection"] = []string{"Upgrade"}
	r.Header["Sec-Websocket-Version"] = []string{"13"}
	r.Header["Sec-Websocket-Key"] = []string{base64.StdEncoding.EncodeToString(key[:])}
	if len(opts.Subprotocols) > 0 {
		r.Header["Sec-Websocket-Protocol"] = []string{strings.Join(opts.Subprotocols, ", ")}
	}
	if opts.Compression {
		r.Header["Sec-Websocket-Extensions"] = []string{deflateOffer}
	}
	return r, nil
}

// connect opens what the handshake is spoken over.
func (o *DialOptions) connect(ctx context.Context, u *url.URL) (net.Conn, error) {
	if o.Handler != nil {
		return serveInMemory(o.Handler), nil
	}
	dial := o.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	nc, err := dial(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil || u.Scheme == "http" {
		return nc, err
	}
	config := o.TLS.Clone()
	if config == nil {
		config = &tls.Config{}
	}
	config.ServerName = cmp.Or(config.ServerName, u.Hostname())
	config.NextProtos = []string{"http/1.1"}
	secured := tls.Client(nc, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		return nil, err
	}
	return secured, nil
}

func (o *DialOptions) handshake(nc net.Conn, r *http.Request) (*Conn, *http.Response, error) {
	if err := r.Write(nc); err != nil {
		return nil, nil, fmt.Errorf("websocket: sending the handshake: %w", err)
	}
	br := bufio.NewReader(nc)
	resp, err := http.ReadResponse(br, r)
	if err != nil {
		return nil, nil, fmt.Errorf("websocket: reading the answer to the handshake: %w", err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxDialBody))
		resp.Body = http.NoBody
		return nil, resp, &DialError{Status: resp.StatusCode, Body: string(body)}
	}
	resp.Body = http.NoBody
	deflate, err := o.confirm(r, resp)
	if err != nil {
		return nil, resp, &DialError{Status: resp.StatusCode, Err: err}
	}
	set := (&Server{
		Heartbeat: cmp.Or(o.Heartbeat, -1), PongTimeout: o.PongTimeout, WriteTimeout: o.WriteTimeout,
		MaxMessageBytes: o.MaxMessageBytes, OutboxBytes: o.OutboxBytes, OutboxPolicy: o.OutboxPolicy,
	}).settings()
	var clock *wheel
	if set.heartbeat > 0 {
		clock = newWheel(set.tick())
	}
	c := newConn(nc, set, clock)
	c.id = rand.Text()
	c.client = true
	c.subprotocol = resp.Header.Get("Sec-WebSocket-Protocol")
	if deflate {
		c.deflateBits = maxWindowBits
	}
	c.ctx, c.cancel = context.WithCancelCause(context.WithoutCancel(r.Context()))
	c.request = r.WithContext(c.ctx)
	c.in.preload(br)
	if clock != nil {
		clock.add(c, attendAfter)
	}
	return c, resp, nil
}

// confirm checks the answer (RFC 6455 section 4.1).
func (o *DialOptions) confirm(r *http.Request, resp *http.Response) (deflate bool, err error) {
	h := resp.Header
	switch protocols := h["Sec-Websocket-Protocol"]; {
	case !hasToken(h["Upgrade"], "websocket"):
		return false, errors.New("the answer lacks the header Upgrade: websocket")
	case !hasToken(h["Connection"], "upgrade"):
		return false, errors.New("the answer lacks the header Connection: Upgrade")
	case h.Get("Sec-WebSocket-Accept") != acceptKey(r.Header.Get("Sec-WebSocket-Key")):
		return false, errors.New("the answer's Sec-WebSocket-Accept does not belong to this request")
	case len(protocols) > 1, len(protocols) == 1 && !slices.Contains(o.Subprotocols, protocols[0]):
		return false, fmt.Errorf("the server chose the subprotocol %q, which was not offered", protocols)
	}
	answers, err := parseExtensions(h)
	if err != nil {
		return false, err
	}
	if len(answers) > 0 && !o.Compression {
		return false, fmt.Errorf("the server answers with an extension that was not offered: %s", answers[0].name)
	}
	return confirmDeflate(answers)
}
