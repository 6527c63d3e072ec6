package middleware_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

func TestCookiesAreCheckedForTheirOrigin(t *testing.T) {
	everyKind(t, func(t *testing.T, o middleware.SessionOptions) {
		loose, insecure := o, o
		loose.TrustedOrigins, insecure.InsecureCrossOrigin = []string{"https://wayne.example"}, true
		strict := visits(o)
		b := newBrowser(strict)
		b.get("/")
		for _, tc := range []struct {
			name, method string
			cookie       bool
			header       []string
			want         [3]int // strict, with a trusted origin, insecure
		}{
			{"no browser", "POST", true, nil, [3]int{200, 200, 200}},
			{"same origin", "POST", true, []string{"Sec-Fetch-Site: same-origin"}, [3]int{200, 200, 200}},
			{"cross site", "POST", true, []string{"Sec-Fetch-Site: cross-site"}, [3]int{403, 403, 200}},
			{"same site", "POST", true, []string{"Sec-Fetch-Site: same-site"}, [3]int{403, 403, 200}},
			{"old browser", "POST", true, []string{"Origin: https://evil.example"}, [3]int{403, 403, 200}},
			{"trusted", "POST", true, []string{"Sec-Fetch-Site: cross-site", "Origin: https://wayne.example"}, [3]int{403, 200, 200}},
			{"without a session", "POST", false, []string{"Sec-Fetch-Site: cross-site"}, [3]int{200, 200, 200}},
			{"a link", "GET", true, []string{"Sec-Fetch-Site: cross-site"}, [3]int{200, 200, 200}},
			{"handshake", "GET", true, []string{"Upgrade: WebSocket", "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, [3]int{403, 403, 200}},
			{"old handshake", "GET", true, []string{"Upgrade: h2c, websocket", "Origin: https://evil.example"}, [3]int{403, 403, 200}},
			{"sandboxed handshake", "GET", true, []string{"Upgrade: websocket", "Origin: null"}, [3]int{403, 403, 200}},
			{"trusted handshake", "GET", true, []string{"Upgrade: websocket", "Origin: https://wayne.example"}, [3]int{403, 200, 200}},
			{"own handshake", "GET", true, []string{"Upgrade: websocket", "Origin: http://example.com"}, [3]int{200, 200, 200}},
			{"handshake of a program", "GET", true, []string{"Upgrade: websocket"}, [3]int{200, 200, 200}},
			{"handshake without a session", "GET", false, []string{"Upgrade: websocket", "Origin: https://evil.example"}, [3]int{200, 200, 200}},
		} {
			for i, app := range []http.Handler{strict, visits(loose), visits(insecure)} {
				header := tc.header
				if tc.cookie {
					header = append(header, "Cookie: session="+b.cookies["session"].Value)
				}
				reply := send(app, tc.method, "/", "", header...)
				assert.Equal(t, tc.want[i], reply.Code, "%s, %d", tc.name, i)
				if reply.Code == 403 {
					assert.Contains(t, reply.Body.String(), "a page of another origin may not do this")
				}
			}
		}
	})
}

// failing is a store that fails at one of its methods.
type failing struct {
	middleware.SessionStore
	load, create, update, remove error
}

func (f *failing) Load(ctx context.Context, key string) ([]byte, error) {
	if f.load != nil {
		return nil, f.load
	}
	return f.SessionStore.Load(ctx, key)
}

func (f *failing) Create(ctx context.Context, key string, data []byte, ends time.Time) error {
	if f.create != nil {
		return f.create
	}
	return f.SessionStore.Create(ctx, key, data, ends)
}

func (f *failing) Update(ctx context.Context, key string, data []byte, ends time.Time) (bool, error) {
	if f.update != nil {
		return false, f.update
	}
	return f.SessionStore.Update(ctx, key, data, ends)
}

func (f *failing) Delete(ctx context.Context, key string) (bool, error) {
	if f.remove != nil {
		return false, f.remove
	}
	return f.SessionStore.Delete(ctx, key)
}

func TestSessionStoreFails(t *testing.T) {
	gone := errors.New("the database is gone")
	store := &failing{SessionStore: middleware.NewMemorySessions(0, 0)}
	b := newBrowser(visits(middleware.SessionOptions{Store: store}))
	b.get("/")
	for _, tc := range []struct {
		name   string
		set    *error
		path   string
		cookie bool
		want   int
	}{
		{"reading", &store.load, "/nothing", true, 503},
		{"reading without a cookie", &store.load, "/nothing", false, 200},
		{"creating", &store.create, "/", false, 503},
		{"changing", &store.update, "/", true, 503},
		{"changing nothing", &store.update, "/look", true, 200},
		{"ending", &store.remove, "/clear", true, 503},
		{"renewing, the old one", &store.remove, "/renew", true, 503},
		{"renewing, the new one", &store.create, "/renew", true, 503},
	} {
		t.Run(tc.name, func(t *testing.T) {
			*tc.set = gone
			defer func() { *tc.set = nil }()
			var header []string
			if tc.cookie {
				header = []string{"Cookie: session=" + b.cookies["session"].Value}
			}
			reply := send(b.app, "GET", tc.path, "", header...)
			assert.Equal(t, tc.want, reply.Code)
			assert.Empty(t, reply.Header()["Set-Cookie"])
			assert.NotContains(t, reply.Body.String(), "gone")
		})
	}
}

// Somebody logs out while another request of theirs is under way.
func TestAnEndedSessionStaysSo(t *testing.T) {
	for _, path := range []string{"/", "/renew"} {
		store := middleware.NewMemorySessions(0, 0)
		var b *browser
		between := redstart.After(func(req *redstart.Request, resp redstart.Response) redstart.Response {
			if req.Path() == path && b.cookies["session"] != nil {
				ended := send(b.app, "GET", "/clear", "", "Cookie: session="+b.cookies["session"].Value)
				assert.Equal(t, 204, ended.Code)
			}
			return resp
		})
		b = newBrowser(visits(middleware.SessionOptions{Store: store}, between))
		b.send("GET", "/error")
		require.Equal(t, 1, store.Len())
		reply := b.send("GET", path)
		assert.Equal(t, 200, reply.Code)
		assert.Empty(t, reply.Header()["Set-Cookie"])
		assert.Zero(t, store.Len(), path)
	}
}
