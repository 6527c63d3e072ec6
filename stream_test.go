package redstart_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
)

// overBoth runs a test over HTTP/1.1 and over HTTP/2 without TLS.
func overBoth(t *testing.T, app *redstart.App, test func(t *testing.T, client *http.Client, url string)) {
	t.Helper()
	addr, client := online(t, app)
	h2c := &http.Transport{Protocols: new(http.Protocols)}
	h2c.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(h2c.CloseIdleConnections)
	t.Run("HTTP/1.1", func(t *testing.T) { test(t, client, "http://"+addr) })
	t.Run("h2c", func(t *testing.T) { test(t, &http.Client{Transport: h2c}, "http://"+addr) })
}

type chunks func(yield func(string) bool)

func TestStreamSources(t *testing.T) {
	abc := []string{"a", "", "bc", "def"}
	sources := map[string]func() redstart.Response{
		"strings": func() redstart.Response {
			return redstart.Stream("text/plain", func(yield func(string) bool) {
				for _, s := range abc {
					if !yield(s) {
						return
					}
				}
			})
		},
		"a named type": func() redstart.Response {
			return redstart.Stream("text/plain", chunks(func(yield func(string) bool) { yield("abcdef") }))
		},
		"iter.Seq of bytes": func() redstart.Response {
			return redstart.Stream("text/plain", iter.Seq[[]byte](func(yield func([]byte) bool) { yield([]byte("abcdef")) }))
		},
		"iter.Seq2 of bytes": func() redstart.Response {
			return redstart.Stream("text/plain", iter.Seq2[[]byte, error](func(yield func([]byte, error) bool) { yield([]byte("abcdef"), nil) }))
		},
		"strings with errors": func() redstart.Response {
			return redstart.Stream("text/plain", func(yield func(string, error) bool) { _ = yield("abc", nil) && yield("def", nil) })
		},
		"a function that writes": func() redstart.Response {
			return redstart.Stream("text/plain", func(w io.Writer) error { _, err := io.WriteString(w, "abcdef"); return err })
		},
	}
	app, _ := newApp(redstart.WithH2C())
	for name, make := range sources {
		app.Get("/"+strings.ReplaceAll(name, " ", "-"), func(*redstart.Request) redstart.Response { return make().WithStatus(201) })
		app.Get("/known/"+strings.ReplaceAll(name, " ", "-"), func(*redstart.Request) redstart.Response { return make().With("Content-Length", "6") })
	}
	overBoth(t, app, func(t *testing.T, client *http.Client, url string) {
		for name := range sources {
			resp, err := client.Get(url + "/" + strings.ReplaceAll(name, " ", "-"))
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, "abcdef", string(body), name)
			assert.Equal(t, 201, resp.StatusCode)
			assert.Equal(t, "text/plain", resp.Header.Get("Content-Type"))
			assert.EqualValues(t, -1, resp.ContentLength)

			resp, err = client.Get(url + "/known/" + strings.ReplaceAll(name, " ", "-"))
			require.NoError(t, err)
			body, err = io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, "abcdef", string(body), name)
			assert.EqualValues(t, 6, resp.ContentLength)

			resp, err = client.Head(url + "/known/" + strings.ReplaceAll(name, " ", "-"))
			require.NoError(t, err)
			assert.EqualValues(t, 6, resp.ContentLength)
		}
	})
}

func TestStreamSendsEachChunkAtOnce(t *testing.T) {
	app, _ := newApp(redstart.WithH2C())
	next := make(chan string)
	app.Get("/", func(*redstart.Request) redstart.Response {
		return redstart.Stream("text/plain", func(yield func(string) bool) {
			for chunk := range next {
				if !yield(chunk) {
					return
				}
			}
		})
	})
	overBoth(t, app, func(t *testing.T, client *http.Client, url string) {
		next = make(chan string, 1)
		next <- "first\n"
		resp, err := client.Get(url)
		require.NoError(t, err)
		defer resp.Body.Close()
		lines := bufio.NewReader(resp.Body)
		for _, chunk := range []string{"first\n", "second\n", "third\n"} {
			if chunk != "first\n" {
				next <- chunk
			}
			line, err := lines.ReadString('\n')
			require.NoError(t, err)
			assert.Equal(t, chunk, line)
		}
		close(next)
		_, err = lines.ReadByte()
		assert.Equal(t, io.EOF, err)
	})
}

// failing are streams that fail before and after their first byte.
func failing(app *redstart.App) {
	for _, after := range []int{0, 1} {
		for name, fail := range map[string]func() error{
			"error": func() error { return redstart.Error(502, "upstream") },
			"panic": func() error { panic("upstream") },
			"abort": func() error { panic(http.ErrAbortHandler) },
		} {
			app.Get(fmt.Sprintf("/%s/%d", name, after), func(*redstart.Request) redstart.Response {
				return redstart.Stream("text/plain", func(w io.Writer) error {
					for range after {
						_, _ = io.WriteString(w, "some")
					}
					return fail()
				}).With("ETag", `"1"`).WithCookie(&http.Cookie{Name: "c", Value: "1"})
			})
		}
		app.Get(fmt.Sprintf("/short/%d", after), func(*redstart.Request) redstart.Response {
			return redstart.Stream("text/plain", func(w io.Writer) error {
				_, err := io.WriteString(w, strings.Repeat("x", after))
				return err
			}).With("Content-Length", "10")
		})
	}
	app.Get("/long/1", func(*redstart.Request) redstart.Response {
		return redstart.Stream("text/plain", func(w io.Writer) error {
			_, err := io.WriteString(w, "much")
			return err
		}).With("Content-Length", "2")
	})
}

func TestStreamThatFails(t *testing.T) {
	app, log := newApp(redstart.WithH2C())
	failing(app)
	overBoth(t, app, func(t *testing.T, client *http.Client, url string) {
		for path, status := range map[string]int{"/error/0": 502, "/panic/0": 500, "/short/0": 500} {
			resp, err := client.Get(url + path)
			require.NoError(t, err, path)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err, path)
			assert.Equal(t, status, resp.StatusCode, path)
			assert.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"), path)
			assert.Contains(t, string(body), `"status":`+strconv.Itoa(status), path)
			assert.Empty(t, resp.Header.Get("ETag"), path)
			if path != "/short/0" {
				assert.Equal(t, []string{"c=1"}, resp.Header["Set-Cookie"], path)
			}
		}
		for _, path := range []string{"/error/1", "/panic/1", "/abort/1", "/short/1", "/long/1"} {
			resp, err := client.Get(url + path)
			if err == nil {
				_, err = io.ReadAll(resp.Body)
			}
			assert.Error(t, err, "%s: the client must see that the body is not complete", path)
		}
		_, err := client.Get(url + "/abort/0")
		assert.Error(t, err)
	})
	reasons := map[string]string{}
	for _, line := range log.lines(t, "request") {
		reasons[line["path"].(string)] = fmt.Sprint(line["level"], " ", line["reason"])
	}
	assert.Equal(t, map[string]string{
		"/error/0": "error <nil>", "/panic/0": "error <nil>", "/short/0": "error <nil>", "/abort/0": "info aborted",
		"/error/1": "error failed", "/panic/1": "error panic", "/abort/1": "info aborted", "/short/1": "error failed", "/long/1": "error failed",
	}, reasons)
}

func TestStreamEndsWithTheClient(t *testing.T) {
	app, log := newApp(redstart.WithH2C())
	ended := make(chan error, 1)
	app.Get("/seq", func(req *redstart.Request) redstart.Response {
		return redstart.Stream("text/plain", func(yield func(string) bool) {
			for yield("x") {
				runtime.Gosched()
			}
			<-req.Context().Done()
			ended <- context.Cause(req.Context())
		})
	})
	app.Get("/func", func(req *redstart.Request) redstart.Response {
		return redstart.Stream("text/plain", func(w io.Writer) error {
			var err error
			for err == nil {
				_, err = w.Write([]byte("x"))
			}
			ended <- err
			return err
		})
	})
	overBoth(t, app, func(t *testing.T, client *http.Client, url string) {
		for _, path := range []string{"/seq", "/func"} {
			resp, err := client.Get(url + path)
			require.NoError(t, err)
			_, err = resp.Body.Read(make([]byte, 1))
			require.NoError(t, err)
			resp.Body.Close()
			assert.Error(t, <-ended)
		}
	})
	for _, line := range log.lines(t, "request") {
		assert.Equal(t, "gone", line["reason"])
		assert.Equal(t, "info", line["level"], "a client that leaves is no error")
	}
}

func TestStreamEndedByItsContextIsNotTheClientsDoing(t *testing.T) {
	app, log := newApp()
	app.Use(func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			ctx, cancel := context.WithCancelCause(req.Context())
			cancel(errors.New("the program's own reason"))
			req.SetContext(ctx)
			return next(req)
		}
	})
	app.Get("/", func(*redstart.Request) redstart.Response {
		return redstart.Stream("text/plain", func(yield func(string) bool) { yield("x") })
	})
	assert.Equal(t, 500, get(app, "/").Code)
	assert.Equal(t, "error", log.line(t, "request")["level"])
}

func TestStreamOutlivesPausesAndTheWriteTimeout(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			app, _ := newApp(redstart.WithH2C(), redstart.WithTimeouts(redstart.Timeouts{Write: 10 * time.Second, Stall: 5 * time.Second}))
			app.Get("/", func(*redstart.Request) redstart.Response {
				return redstart.Stream("text/plain", func(yield func(string) bool) {
					for range 3 {
						if !yield("x") {
							return
						}
						time.Sleep(time.Minute)
					}
				})
			})
			_, client := inMemory(t, app)
			if h2 {
				p := new(http.Protocols)
				p.SetUnencryptedHTTP2(true)
				client.Transport.(*http.Transport).Protocols = p
			}
			resp, err := client.Get("http://gotham")
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, "xxx", string(body))
		})
	}
}

func TestStalledClientIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, log := newApp(redstart.WithTimeouts(redstart.Timeouts{Stall: 5 * time.Second}))
		app.Get("/", func(*redstart.Request) redstart.Response {
			return redstart.Stream("text/plain", func(yield func(string) bool) {
				for yield(strings.Repeat("x", 1000)) {
				}
			})
		})
		l, _ := inMemory(t, app)
		conn, err := l.DialContext(t.Context(), "", "")
		require.NoError(t, err)
		defer conn.Close()
		start := time.Now()
		_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: gotham\r\n\r\n")
		require.NoError(t, err)
		synctest.Wait()
		assert.Empty(t, log.lines(t, "request"))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		line := log.line(t, "request")
		assert.Equal(t, "slow", line["reason"])
		assert.Equal(t, "info", line["level"])
		assert.Equal(t, 5*time.Second, time.Since(start))
	})
}

// download sends bytes over a connection on the loopback, and returns how much the heap
// has grown at most, as seen by the client every 8 MiB.
func download(t testing.TB, reply redstart.Response, size int64) (peak uint64) {
	app, _ := newApp()
	app.Get("/", func(*redstart.Request) redstart.Response { return reply })
	server := httptest.NewServer(app)
	defer server.Close()
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	before := memory.HeapInuse
	resp, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	defer resp.Body.Close()
	received := int64(0)
	for err == nil {
		var n int64
		n, err = io.CopyN(io.Discard, resp.Body, 8<<20)
		received += n
		runtime.ReadMemStats(&memory)
		peak = max(peak, memory.HeapInuse)
	}
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, size, received)
	return peak - min(peak, before)
}

// downloads are the ways to send a large body.
func downloads(t testing.TB, size int64) map[string]redstart.Response {
	sparse := filepath.Join(t.TempDir(), "sparse.bin")
	require.NoError(t, os.WriteFile(sparse, nil, 0o600))
	require.NoError(t, os.Truncate(sparse, size))
	return map[string]redstart.Response{
		"file": redstart.File(sparse),
		"stream": redstart.Stream("", func(w io.Writer) error {
			chunk := make([]byte, 64<<10)
			for range size / int64(len(chunk)) {
				if _, err := w.Write(chunk); err != nil {
					return err
				}
			}
			return nil
		}),
	}
}

func TestLargeDownloadsTakeConstantMemory(t *testing.T) { // features: P6
	const size = 64 << 20
	for name, reply := range downloads(t, size) {
		assert.Less(t, download(t, reply, size), uint64(8<<20), name)
	}
}

// BenchmarkDownload sends 2 GiB over a connection on the loopback.
func BenchmarkDownload(b *testing.B) {
	const size = 2 << 30
	for name, reply := range downloads(b, size) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				b.ReportMetric(float64(download(b, reply, size))/(1<<20), "MiB-peak")
			}
		})
	}
}

func TestHugeStreamTakesConstantMemory(t *testing.T) {
	const total = 256 << 20
	app, _ := newApp()
	app.Get("/", func(*redstart.Request) redstart.Response {
		return redstart.Stream("application/octet-stream", func(w io.Writer) error {
			chunk := make([]byte, 64<<10)
			for range total / len(chunk) {
				if _, err := w.Write(chunk); err != nil {
					return err
				}
			}
			return nil
		})
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	sink := &counter{header: http.Header{}}
	app.ServeHTTP(sink, httptest.NewRequest("GET", "/", nil))
	runtime.ReadMemStats(&after)
	assert.EqualValues(t, total, sink.n)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20))
}

// counter is a ResponseWriter that counts.
type counter struct {
	header http.Header
	n      int64
}

func (c *counter) Header() http.Header         { return c.header }
func (c *counter) WriteHeader(int)             {}
func (c *counter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }
func (c *counter) FlushError() error           { return nil }

func TestStreamUnderAWriterThatCannotFlush(t *testing.T) {
	app, log := newApp()
	app.UseHTTP(hideFlush)
	app.Get("/", func(*redstart.Request) redstart.Response {
		return redstart.Stream("text/plain", func(yield func(string) bool) { _ = yield("a") && yield("b") })
	})
	w := get(app, "/")
	assert.Equal(t, "ab", w.Body.String(), "it is delivered")
	assert.Contains(t, log.line(t, "chunks are held back: a ResponseWriter made by middleware has neither Flush nor Unwrap")["writer"], "onlyWriter")
}

// onlyWriter is what careless net/http middleware makes: it hides the flush.
type onlyWriter struct{ http.ResponseWriter }

func hideFlush(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(onlyWriter{w}, r) })
}

func TestStreamFromNil(t *testing.T) {
	app, log := newApp()
	app.Get("/", func(*redstart.Request) redstart.Response {
		return redstart.Stream[func(io.Writer) error]("text/plain", nil)
	})
	assert.Equal(t, 500, get(app, "/").Code)
	assert.Equal(t, "redstart: the source of a Stream is nil (func(io.Writer) error)", log.line(t, "request")["error"])
}
