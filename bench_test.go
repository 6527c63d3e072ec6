package redstart_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/julienschmidt/httprouter"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
)

// The benchmarks put an app beside raw httprouter that does the same. Both write to
// a bare ResponseWriter, so that only the framework is measured. Request ids,
// recovery and the timeouts are on, as in an app by default; the access log, which
// would measure the logger, is off.

type benchCrime struct {
	ID       string `json:"id"`
	District int    `json:"district"`
	Open     bool   `json:"open"`
}

func benchApp() http.Handler {
	app := redstart.New(redstart.WithoutAccessLog())
	app.Get("/plaintext", text("Hello, Gotham"))
	app.Get("/crimes/:id", func(req *redstart.Request) redstart.Response {
		return redstart.JSON(benchCrime{req.Param("id"), 7, true})
	})
	app.Post("/crimes", func(req *redstart.Request) redstart.Response {
		var crimes []benchCrime
		if err := req.JSON(&crimes); err != nil {
			return redstart.Fail(err)
		}
		return redstart.JSON(crimes).WithStatus(201)
	})
	return app
}

func benchRaw() http.Handler {
	router := httprouter.New()
	reply := func(w http.ResponseWriter, status int, v any) {
		body, err := json.Marshal(v)
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
	router.GET("/plaintext", func(w http.ResponseWriter, _ *http.Request, _ httprouter.Params) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "Hello, Gotham")
	})
	router.GET("/crimes/:id", func(w http.ResponseWriter, _ *http.Request, p httprouter.Params) {
		reply(w, 200, benchCrime{p.ByName("id"), 7, true})
	})
	router.POST("/crimes", func(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, redstart.DefaultBodyLimit))
		var crimes []benchCrime
		if err == nil {
			err = json.Unmarshal(body, &crimes)
		}
		if err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		reply(w, 201, crimes)
	})
	return router
}

// bare is a ResponseWriter that keeps nothing.
type bare struct {
	header http.Header
	status int
	body   int
}

func (b *bare) Header() http.Header         { return b.header }
func (b *bare) WriteHeader(status int)      { b.status = status }
func (b *bare) Write(p []byte) (int, error) { b.body += len(p); return len(p), nil }
func (b *bare) WriteString(s string) (int, error) {
	b.body += len(s)
	return len(s), nil
}

// exchange returns a function that sends one request, again and again.
func exchange(h http.Handler, method, target, body string) func() *bare {
	w := &bare{header: http.Header{}}
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Content-Type", "application/json")
	sent := strings.NewReader(body)
	reader := io.NopCloser(sent)
	return func() *bare {
		clear(w.header)
		if body != "" {
			sent.Reset(body)
			r.Body, r.ContentLength = reader, int64(len(body))
		}
		h.ServeHTTP(w, r)
		return w
	}
}

func benchBody() string {
	crimes := make([]benchCrime, 25)
	for i := range crimes {
		crimes[i] = benchCrime{strconv.Itoa(i), i, i%2 == 0}
	}
	body, _ := json.Marshal(crimes)
	return string(bytes.TrimSpace(body))
}

func benchmark(b *testing.B, method, target, body string) {
	for _, h := range []struct {
		name    string
		handler http.Handler
	}{{"redstart", benchApp()}, {"httprouter", benchRaw()}} {
		b.Run(h.name, func(b *testing.B) {
			send := exchange(h.handler, method, target, body)
			b.ReportAllocs()
			for b.Loop() {
				send()
			}
		})
	}
}

func BenchmarkPlaintext(b *testing.B) { benchmark(b, "GET", "/plaintext", "") }

func BenchmarkParamJSON(b *testing.B) { benchmark(b, "GET", "/crimes/4711", "") }

func BenchmarkPostJSON(b *testing.B) { benchmark(b, "POST", "/crimes", benchBody()) }

func TestBenchmarksDoTheSame(t *testing.T) {
	for _, tt := range []struct{ method, target, body string }{
		{"GET", "/plaintext", ""}, {"GET", "/crimes/4711", ""}, {"POST", "/crimes", benchBody()},
	} {
		ours, theirs := ask(benchApp(), tt.method, tt.target, tt.body), ask(benchRaw(), tt.method, tt.target, tt.body)
		require.Equal(t, theirs.Code, ours.Code)
		assert.Equal(t, theirs.Body.String(), ours.Body.String())
		assert.Equal(t, theirs.Header().Get("Content-Type"), ours.Header().Get("Content-Type"))
	}
}

// What a request costs beyond raw httprouter: the Request, and nothing that grows.
func TestAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates too")
	}
	allocations := func(h http.Handler, target string) float64 {
		send := exchange(h, "GET", target, "")
		return testing.AllocsPerRun(1000, func() { send() })
	}
	assert.LessOrEqual(t, allocations(benchApp(), "/plaintext"), 2.0)
	assert.LessOrEqual(t, allocations(benchApp(), "/crimes/4711"), allocations(benchRaw(), "/crimes/4711")+2)
}
