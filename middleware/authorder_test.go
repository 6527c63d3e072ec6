package middleware_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

// Sessions and schemes in the order that the package's documentation advises, around each
// kind of reply.
func TestAuthInTheAdvisedOrder(t *testing.T) {
	app, lines := logged()
	app.Use(
		middleware.SecureHeaders(),
		middleware.CORS(middleware.CORSOptions{Origins: []string{"https://gotham.city"}, Credentials: true, Headers: []string{"Authorization"}}),
		middleware.Compress(middleware.CompressOptions{MinSize: 1}),
		middleware.ETag(),
		middleware.Session(middleware.SessionOptions{Keys: sessionKeys, TrustedOrigins: []string{"https://gotham.city"}}),
		redstart.Before(func(req *redstart.Request) (redstart.Response, bool) {
			if req.Path() != "/login" {
				return redstart.Response{}, false
			}
			if err := middleware.Login(req, "gordon"); err != nil {
				return redstart.Fail(err), true
			}
			return redstart.NoContent(), true
		}),
	)
	app.Secure(middleware.SessionAuth(nil))
	app.Use(middleware.BodyLimit(10), middleware.Timeout(time.Hour), middleware.Idempotency())
	kinds := everyReply(app)
	b := newBrowser(app)
	require.Equal(t, 204, b.send("POST", "/login").Code)
	page := []string{"Origin: https://gotham.city", "Sec-Fetch-Site: cross-site", "Accept-Encoding: gzip"}
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			lines.buf.Reset()
			for _, who := range []struct {
				name   string
				send   func(method, path string, header ...string) int
				status int
			}{
				{"logged in", func(method, path string, header ...string) int {
					reply := b.send(method, path, header...)
					assert.Contains(t, reply.Header()["Vary"], "Cookie")
					if reply.Code < 500 {
						assert.NotEmpty(t, reply.Header().Get("Cache-Control"))
					}
					return reply.Code
				}, kind.status},
				{"nobody", func(method, path string, header ...string) int {
					reply := send(app, method, path, "", header...)
					assert.NotEmpty(t, reply.Header().Get("WWW-Authenticate"))
					assert.Equal(t, "https://gotham.city", reply.Header().Get("Access-Control-Allow-Origin"), "the page may read why")
					assert.NotEmpty(t, reply.Header().Get("X-Content-Type-Options"))
					return reply.Code
				}, http.StatusUnauthorized},
			} {
				assert.Equal(t, who.status, who.send(kind.method, kind.path, page...), who.name)
			}
			assert.Len(t, lines.read(t), 2)
		})
	}
	t.Run("preflight", func(t *testing.T) {
		reply := send(app, "OPTIONS", "/text", "", "Origin: https://gotham.city", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: authorization")
		assert.Equal(t, http.StatusNoContent, reply.Code, "it carries no credentials, and needs none")
	})
	t.Run("another site", func(t *testing.T) {
		reply := b.send("POST", "/text", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site")
		assert.Equal(t, http.StatusForbidden, reply.Code)
		assert.NotEmpty(t, reply.Header().Get("X-Content-Type-Options"))
	})
}

func TestASessionThatNobodyAsksForCostsLittle(t *testing.T) {
	bare := allocations()
	assert.LessOrEqual(t, allocations(middleware.Session(middleware.SessionOptions{Keys: sessionKeys})), bare+4)
}

func BenchmarkBearer(b *testing.B) {
	auth := middleware.Bearer(keys()).Optional()
	benchmark(b, auth.Middleware())
}
