package websocket

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// upgrade is a request that asks for a WebSocket, without the header fields that are
// given as "Name:" and with those given as "Name: value".
func upgrade(changes ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://gotham.city/chat", nil)
	r.Header = http.Header{
		"Upgrade": {"websocket"}, "Connection": {"Upgrade"},
		"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Version": {"13"},
	}
	for _, change := range changes {
		name, value, _ := strings.Cut(change, ":")
		r.Header.Del(name)
		if value = strings.TrimSpace(value); value != "" {
			r.Header.Set(name, value)
		}
	}
	return r
}

func TestHandshakeRefused(t *testing.T) {
	with := func(r *http.Request, change func(*http.Request)) *http.Request { change(r); return r }
	for _, tc := range []struct {
		name    string
		request *http.Request
		status  int
		text    string
	}{
		{"a plain GET", httptest.NewRequest(http.MethodGet, "/chat", nil), 426, "Upgrade: websocket"},
		{"another protocol", upgrade("Upgrade: h2c"), 426, "Upgrade: websocket"},
		{"POST", with(upgrade(), func(r *http.Request) { r.Method = http.MethodPost }), 405, "POST"},
		{"HTTP/1.0", with(upgrade(), func(r *http.Request) { r.Proto, r.ProtoMinor = "HTTP/1.0", 0 }), 505, "HTTP/1.0"},
		{"HTTP/2", with(upgrade(), func(r *http.Request) { r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0 }), 505, "HTTP/2.0"},
		{"no Connection", upgrade("Connection:"), 400, "Connection"},
		{"Connection without upgrade", upgrade("Connection: keep-alive"), 400, "Connection"},
		{"no Host", with(upgrade(), func(r *http.Request) { r.Host = "" }), 400, "Host"},
		{"no version", upgrade("Sec-WebSocket-Version:"), 426, "version 13"},
		{"an old version", upgrade("Sec-WebSocket-Version: 8"), 426, "version 13"},
		{"no key", upgrade("Sec-WebSocket-Key:"), 400, "has 0"},
		{"two keys", with(upgrade(), func(r *http.Request) { r.Header.Add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==") }), 400, "has 2"},
		{"a short key", upgrade("Sec-WebSocket-Key: dGhlIHNhbXBsZQ=="), 400, "16 bytes"},
		{"a key that is not base64", upgrade("Sec-WebSocket-Key: !!!"), 400, "16 bytes"},
		{"a body", with(upgrade(), func(r *http.Request) { r.ContentLength = 3 }), 400, "body"},
		{"a subprotocol that is none", upgrade("Sec-WebSocket-Protocol: a b"), 400, `"a b"`},
		{"extensions that are none", upgrade("Sec-WebSocket-Extensions: permessage-deflate; =1"), 400, "Sec-WebSocket-Extensions"},
		{"another origin", upgrade("Origin: https://evil.example"), 403, "https://evil.example"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, reports := serve(new(Server), echo)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, tc.request)
			assert.Equal(t, tc.status, w.Code)
			assert.Contains(t, w.Body.String(), tc.text)
			if tc.status == 426 {
				assert.Equal(t, "websocket", w.Header().Get("Upgrade"))
				assert.Equal(t, "13", w.Header().Get("Sec-WebSocket-Version"))
			}
			report := <-reports
			assert.Equal(t, Unstarted, report.Reason)
			coded, ok := report.Err.(interface{ StatusCode() int })
			require.True(t, ok)
			assert.Equal(t, tc.status, coded.StatusCode())
		})
	}
}

func TestHandshakeAccepted(t *testing.T) {
	for _, tc := range []struct {
		name    string
		changes []string
	}{
		{"as it should be", nil},
		{"lists, in any case", []string{"Connection: keep-alive, uPgRaDe", "Upgrade: foo, WebSocket"}},
		{"an extension that nobody knows", []string{`Sec-WebSocket-Extensions: foo; bar="baz", , x-y`}},
		{"its own origin", []string{"Origin: http://gotham.city"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, fault := negotiate(upgrade(tc.changes...), &options{}, false)
			assert.Nil(t, fault)
		})
	}
}

// The example of RFC 6455 section 1.3.
func TestAcceptKey(t *testing.T) {
	assert.Equal(t, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", acceptKey("dGhlIHNhbXBsZSBub25jZQ=="))
}

func TestOrigin(t *testing.T) {
	for _, tc := range []struct {
		name, origin, host string
		listed             []string
		ok                 bool
	}{
		{"the same host", "https://gotham.city", "gotham.city", nil, true},
		{"in another case", "https://Gotham.City", "GOTHAM.city", nil, true},
		{"with the scheme's port", "https://gotham.city", "gotham.city:443", nil, true},
		{"with its port spelt out", "http://gotham.city:80", "gotham.city", nil, true},
		{"on a port", "http://gotham.city:8080", "gotham.city:8080", nil, true},
		{"on another port", "http://gotham.city:8081", "gotham.city:8080", nil, false},
		{"the port of another scheme", "http://gotham.city", "gotham.city:443", nil, false},
		{"IPv6", "http://[::1]:8080", "[::1]:8080", nil, true},
		{"a subdomain", "https://www.gotham.city", "gotham.city", nil, false},
		{"the host as a prefix", "https://gotham.city.evil.example", "gotham.city", nil, false},
		{"the host as a suffix", "https://evilgotham.city", "gotham.city", nil, false},
		{"the host as a user", "https://gotham.city@evil.example", "gotham.city", nil, false},
		{"null", "null", "gotham.city", nil, false},
		{"null, listed", "null", "gotham.city", []string{"null"}, false},
		{"with a path", "https://gotham.city/x", "gotham.city", nil, false},
		{"empty", "", "gotham.city", nil, false},
		{"listed", "https://arkham.example", "gotham.city", []string{"https://arkham.example"}, true},
		{"listed with its port", "https://arkham.example", "gotham.city", []string{"HTTPS://arkham.example:443"}, true},
		{"listed with another scheme", "http://arkham.example", "gotham.city", []string{"https://arkham.example"}, false},
		{"a star is no origin", "https://arkham.example", "gotham.city", []string{"*"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := upgrade()
			r.Header["Origin"], r.Host = []string{tc.origin}, tc.host
			_, fault := negotiate(r, &options{origins: tc.listed}, false)
			assert.Equal(t, tc.ok, fault == nil, "%v", fault)
			_, fault = negotiate(r, &options{anyOrigin: true}, false)
			assert.Nil(t, fault)
		})
	}
	r := upgrade()
	r.Header["Origin"] = []string{"http://gotham.city", "http://gotham.city"}
	_, fault := negotiate(r, &options{}, false)
	assert.NotNil(t, fault, "two origins are none")
}

func TestSubprotocols(t *testing.T) {
	for _, tc := range []struct {
		name, offered string
		spoken        []string
		want          string
	}{
		{"the server's preference counts", "chat.v1, chat.v2", []string{"chat.v2", "chat.v1"}, "chat.v2"},
		{"none in common", "chat.v1", []string{"chat.v2"}, ""},
		{"none offered", "", []string{"chat.v2"}, ""},
		{"names have a case", "Chat", []string{"chat"}, ""},
		{"credentials are no protocol", "bearer.eA", []string{"bearer.eA"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, fault := negotiate(upgrade("Sec-WebSocket-Protocol: "+tc.offered), &options{subprotocols: tc.spoken}, false)
			require.Nil(t, fault)
			assert.Equal(t, tc.want, a.subprotocol)
			response := string(a.response(nil))
			assert.Equal(t, tc.want != "", strings.Contains(response, "Sec-WebSocket-Protocol: "+tc.want+"\r\n"), response)
		})
	}
}

func TestBearerToken(t *testing.T) {
	for _, tc := range []struct{ name, offered, want string }{
		{"beside a protocol", "chat, bearer." + base64.RawURLEncoding.EncodeToString([]byte("a.b~c?")), "a.b~c?"},
		{"none", "chat", ""},
		{"not base64url", "bearer.++", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			assert.Equal(t, tc.want, BearerToken(upgrade("Sec-WebSocket-Protocol: "+tc.offered)))
		})
	}
}

// opaque hides what it wraps, and wrapper does not.
type (
	opaque  struct{ http.ResponseWriter }
	wrapper struct{ http.ResponseWriter }
)

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestWrappedWriter(t *testing.T) {
	h, _ := serve(new(Server), echo)
	c := rawDial(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(wrapper{w}, r) }))
	c.send(t, frame{first: fin | 8})
	_, code := c.rest(t)
	assert.Equal(t, NoStatus, code)

	w := httptest.NewRecorder()
	h, reports := serve(new(Server), echo)
	h.ServeHTTP(wrapper{opaque{w}}, upgrade())
	assert.Equal(t, 500, w.Code)
	assert.Contains(t, w.Body.String(), "websocket.opaque", "it says which wrapper is in the way")
	unsupported := new(UnsupportedWriterError)
	assert.ErrorAs(t, (<-reports).Err, &unsupported)
}

// What handler and middleware have put into the header goes out with the 101, but
// nothing that belongs to the handshake or to a body.
func TestResponseHeader(t *testing.T) {
	h, _ := serve(new(Server), echo)
	c := rawDial(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "badge=1")
		w.Header().Set("Content-Length", "7")
		w.Header().Set("Sec-WebSocket-Accept", "mine")
		w.Header().Set("X-Split", "a\r\nX-Injected: b")
		h.ServeHTTP(w, r)
	}))
	assert.Equal(t, "badge=1", c.response.Header.Get("Set-Cookie"))
	assert.Empty(t, c.response.Header.Get("Content-Length"))
	assert.Equal(t, []string{"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}, c.response.Header["Sec-Websocket-Accept"])
	assert.Empty(t, c.response.Header.Get("X-Injected"))
	c.send(t, frame{first: fin | 8})
	c.rest(t)
}

// Frames that come in one packet with the request are not lost, however many.
func TestPipelined(t *testing.T) {
	h, _ := serve(new(Server), echo)
	for _, size := range []int{5, 3000} {
		payload := strings.Repeat("x", size)
		// The empty last line ends the header, and what follows it is the pipeline.
		c := rawDial(t, h, "X-Last: 1", "", string(frame{first: fin | 1, payload: payload}.bytes())+string(frame{first: fin | 8}.bytes()))
		f, err := c.next()
		require.NoError(t, err)
		assert.Equal(t, payload, f.payload)
		_, code := c.rest(t)
		assert.Equal(t, NoStatus, code)
	}
}

type keyOfTest struct{}

// What belongs to the request outlives it.
func TestRequestStaysValid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan struct{})
		h, _ := serve(new(Server), func(c *Conn) error {
			<-ended // the handler has returned, and the http goroutine with it
			synctest.Wait()
			if _, err := c.Read(t.Context()); err != nil {
				return err
			}
			r := c.Request()
			assert.Equal(t, "gotham.city", r.Host)
			assert.Equal(t, "/chat", r.URL.Path)
			assert.Equal(t, "yes", r.Header.Get("X-Bat"))
			assert.NotEmpty(t, r.RemoteAddr)
			assert.Equal(t, "Alfred", c.Context().Value(keyOfTest{}))
			assert.Same(t, c.Context(), r.Context())
			assert.NoError(t, c.Context().Err(), "the end of the request is not that of the conversation")
			assert.NotEmpty(t, c.ID())
			return nil
		})
		c := dial(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(ended)
			ctx, cancel := context.WithCancel(context.WithValue(r.Context(), keyOfTest{}, "Alfred"))
			defer cancel()
			h.ServeHTTP(w, r.WithContext(ctx))
		}), &DialOptions{Header: http.Header{"X-Bat": {"yes"}}})
		require.NoError(t, c.SendText("go"))
		_, err := c.Read(t.Context())
		assert.Equal(t, &CloseError{Code: NormalClosure, Remote: true}, err)
	})
}
