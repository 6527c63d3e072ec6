package servers

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
)

// bare is a ResponseWriter that keeps nothing, so that only the handler is measured.
type bare struct {
	header http.Header
	status int
}

func (b *bare) Header() http.Header { return b.header }

func (b *bare) WriteHeader(status int) { b.status = status }

func (b *bare) Write(p []byte) (int, error) { return len(p), nil }

func (b *bare) WriteString(s string) (int, error) { return len(s), nil }

// exchange is Server.Exchange for an http.Handler. Request and ResponseWriter are
// made once, since net/http has them made in either case.
func exchange(h http.Handler) func(method, target, body string) func() int {
	return func(method, target, body string) func() int {
		w := &bare{header: http.Header{}}
		r := httptest.NewRequest(method, target, nil)
		sent := strings.NewReader("")
		reader := io.NopCloser(sent)
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		return func() int {
			clear(w.header)
			w.status = http.StatusOK
			if body != "" {
				sent.Reset(body)
				r.Body, r.ContentLength = reader, int64(len(body))
			}
			h.ServeHTTP(w, r)
			return w.status
		}
	}
}
