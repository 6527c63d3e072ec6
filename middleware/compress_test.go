package middleware_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

func ExampleCompress() {
	app := quiet()
	app.Use(middleware.Compress())
	app.Get("/", func(*redstart.Request) redstart.Response {
		return redstart.Text(strings.Repeat("Gotham ", 1000))
	})

	reply := send(app, "GET", "/", "", "Accept-Encoding: gzip, deflate")
	fmt.Println(reply.Header().Get("Content-Encoding"), reply.Header().Get("Vary"), reply.Body.Len() < 200)
	// Output: gzip Accept-Encoding true
}

// expand undoes a content coding.
func expand(t *testing.T, coding string, r io.Reader) io.Reader {
	t.Helper()
	switch coding {
	case "gzip":
		z, err := gzip.NewReader(r)
		require.NoError(t, err)
		return z
	case "br":
		return brotli.NewReader(r)
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
		require.NoError(t, err)
		t.Cleanup(z.Close)
		return z
	}
	return r
}

// body is what a client makes of a reply.
func body(t *testing.T, reply *httptest.ResponseRecorder) string {
	t.Helper()
	all, err := io.ReadAll(expand(t, reply.Header().Get("Content-Encoding"), bytes.NewReader(reply.Body.Bytes())))
	require.NoError(t, err)
	return string(all)
}

var long = strings.Repeat("The riddle of the night. ", 100)

func TestCompressNegotiates(t *testing.T) {
	for _, tc := range []struct {
		name, accept string
		codings      []string
		want         string
	}{
		{"nothing", "", nil, ""},
		{"gzip", "gzip", nil, "gzip"},
		{"a browser", "gzip, deflate, br, zstd", nil, "zstd"},
		{"an older browser", "gzip, deflate, br", nil, "br"},
		{"preference", "gzip;q=1, br;q=0.5", nil, "gzip"},
		{"refused", "gzip;q=0, identity", nil, ""},
		{"anything", "*", nil, "zstd"},
		{"unknown", "compress", nil, ""},
		{"own order", "gzip, br, zstd", []string{"br", "gzip"}, "br"},
		{"not offered", "zstd", []string{"gzip"}, ""},
		{"broken", ";;,q=,=", nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app := quiet(redstart.WithoutRequestID())
			app.Use(middleware.Compress(middleware.CompressOptions{Codings: tc.codings}))
			app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Text(long).With("ETag", `"a"`) })
			for _, method := range []string{"GET", "HEAD"} {
				reply := send(app, method, "/", "", "Accept-Encoding: "+tc.accept)
				assert.Equal(t, tc.want, reply.Header().Get("Content-Encoding"))
				assert.Equal(t, []string{"Accept-Encoding"}, reply.Header()["Vary"], "also when it was not compressed")
				if method == "GET" {
					assert.Equal(t, long, body(t, reply))
					assert.Equal(t, strconv.Itoa(reply.Body.Len()), reply.Header().Get("Content-Length"))
				} else {
					assert.Zero(t, reply.Body.Len())
					assert.Equal(t, send(app, "GET", "/", "", "Accept-Encoding: "+tc.accept).Header(), reply.Header(), "HEAD is as GET")
				}
				if tc.want == "" {
					assert.Equal(t, `"a"`, reply.Header().Get("ETag"))
				} else {
					assert.Equal(t, `W/"a"`, reply.Header().Get("ETag"))
				}
			}
		})
	}
}

func TestCompressChoosesReplies(t *testing.T) {
	text := func() redstart.Response { return redstart.Text(long) }
	for _, tc := range []struct {
		name  string
		reply redstart.Response
		o     middleware.CompressOptions
		want  bool
		vary  bool
	}{
		{"text", text(), middleware.CompressOptions{}, true, true},
		{"HTML", redstart.HTML(long), middleware.CompressOptions{}, true, true},
		{"JSON", redstart.JSON([]string{long}), middleware.CompressOptions{}, true, true},
		{"problem", redstart.Fail(redstart.Error(400, long)), middleware.CompressOptions{}, true, true},
		{"suffix", text().With("Content-Type", "application/vnd.gotham+json; v=1"), middleware.CompressOptions{}, true, true},
		{"capitals", text().With("Content-Type", "Application/JSON"), middleware.CompressOptions{}, true, true},
		{"own type", text().With("Content-Type", "application/x-own"), middleware.CompressOptions{Types: []string{"application/x-own"}}, true, true},
		{"not the own type", text(), middleware.CompressOptions{Types: []string{"application/x-own", "*+json", "image/*"}}, false, false},
		{"image", text().With("Content-Type", "image/png"), middleware.CompressOptions{}, false, false},
		{"bytes", redstart.Bytes([]byte(long)), middleware.CompressOptions{}, false, false},
		{"no type", redstart.Bytes([]byte(long)).Without("Content-Type"), middleware.CompressOptions{}, false, false},
		{"small", redstart.Text(long[:1023]), middleware.CompressOptions{}, false, false},
		{"just large enough", redstart.Text(long[:1024]), middleware.CompressOptions{}, true, true},
		{"own size", redstart.Text("a"), middleware.CompressOptions{MinSize: 1}, true, true},
		{"empty", redstart.Text(""), middleware.CompressOptions{MinSize: 1}, false, false},
		{"encoded", text().With("Content-Encoding", "deflate"), middleware.CompressOptions{}, false, false},
		{"a range", text().With("Content-Range", "bytes 0-9/10").WithStatus(206), middleware.CompressOptions{}, false, false},
		{"no transform", text().With("Cache-Control", "public, No-Transform"), middleware.CompressOptions{}, false, false},
		{"varies already", text().WithVary("accept-encoding"), middleware.CompressOptions{}, true, false},
		{"skipped", text(), middleware.CompressOptions{Skip: func(*redstart.Request) bool { return true }}, false, false},
		{"event stream by hand", text().With("Content-Type", "text/event-stream; charset=utf-8"), middleware.CompressOptions{Types: []string{"text/*"}}, false, false},
		{"no content", redstart.NoContent(), middleware.CompressOptions{MinSize: 1}, false, false},
		{"digest", text().With("Content-Digest", "sha-256=:x:").With("Content-MD5", "x"), middleware.CompressOptions{}, true, true},
		{"weak tag", text().With("ETag", `W/"a"`), middleware.CompressOptions{}, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app := quiet()
			app.Use(middleware.Compress(tc.o))
			app.Get("/", func(*redstart.Request) redstart.Response { return tc.reply })
			plain := send(app, "GET", "/", "")
			reply := send(app, "GET", "/", "", "Accept-Encoding: gzip")
			assert.Equal(t, plain.Code, reply.Code)
			if !tc.want {
				assert.Equal(t, plain.Header()["Vary"], reply.Header()["Vary"])
				assert.Equal(t, plain.Body.String(), reply.Body.String())
				return
			}
			assert.Equal(t, "gzip", reply.Header().Get("Content-Encoding"))
			assert.Equal(t, tc.vary, strings.Contains(strings.Join(reply.Header()["Vary"], ","), "Accept-Encoding"))
			want, got := plain.Body.String(), body(t, reply)
			if tc.name == "problem" { // each has its id
				want, got = want[:len(long)], got[:len(long)]
			}
			assert.Equal(t, want, got)
			assert.Empty(t, reply.Header().Get("Content-Digest"))
			assert.Empty(t, reply.Header().Get("Content-Md5"))
			assert.NotContains(t, reply.Header().Get("ETag"), "W/W/")
		})
	}
}

func TestCompressEveryReply(t *testing.T) {
	plain, app := quiet(redstart.WithoutRequestID()), quiet(redstart.WithoutRequestID())
	app.Use(middleware.Compress(middleware.CompressOptions{MinSize: 1}))
	everyReply(plain)
	for _, kind := range everyReply(app) {
		for _, coding := range []string{"", "gzip", "br", "zstd"} {
			t.Run(kind.name+" "+coding, func(t *testing.T) {
				want := send(plain, kind.method, kind.path, "")
				got := send(app, kind.method, kind.path, "", "Accept-Encoding: "+coding)
				assert.Equal(t, kind.status, got.Code)
				if kind.method == "HEAD" {
					assert.Zero(t, got.Body.Len())
					return
				}
				assert.Equal(t, want.Body.String(), body(t, got))
				switch {
				case coding == "" || want.Body.Len() == 0 || kind.name == "events":
				case kind.name == "JSON that fails": // when the middleware has returned
					assert.Empty(t, got.Header().Get("Content-Encoding"))
				default:
					assert.Equal(t, coding, got.Header().Get("Content-Encoding"))
				}
			})
		}
	}
}

func TestCompressConstantsAndConditions(t *testing.T) {
	app := quiet()
	app.Use(middleware.Compress())
	app.Const("/", redstart.Text(long))
	strong := send(app, "GET", "/", "").Header().Get("ETag")
	first := send(app, "GET", "/", "", "Accept-Encoding: br")
	second := send(app, "GET", "/", "", "Accept-Encoding: br")
	assert.Equal(t, first.Body.Bytes(), second.Body.Bytes())
	assert.Equal(t, long, body(t, second))
	assert.Equal(t, "W/"+strong, second.Header().Get("ETag"))
	for _, tag := range []string{strong, "W/" + strong} {
		for _, accept := range []string{"", "br"} {
			reply := send(app, "GET", "/", "", "Accept-Encoding: "+accept, "If-None-Match: "+tag)
			assert.Equal(t, http.StatusNotModified, reply.Code)
			assert.Empty(t, reply.Header().Get("Content-Encoding"))
			assert.Equal(t, []string{"Accept-Encoding"}, reply.Header()["Vary"])
			want := strong
			if accept != "" {
				want = "W/" + strong
			}
			assert.Equal(t, want, reply.Header().Get("ETag"), "the one that a 200 would have")
			assert.Zero(t, reply.Body.Len())
		}
	}
}

func TestCompressFiles(t *testing.T) {
	app := quiet()
	app.Use(middleware.Compress())
	app.Static("/", redstart.FilesFS(fstest.MapFS{
		"cape.css": {Data: []byte(long)}, "small.css": {Data: []byte("a{}")}, "bat.png": {Data: []byte(long)},
		"ready.css": {Data: []byte(long)}, "ready.css.gz": {Data: []byte("as it is")},
	}))
	reply := send(app, "GET", "/cape.css", "", "Accept-Encoding: zstd")
	assert.Equal(t, long, body(t, reply))
	assert.Empty(t, reply.Header().Get("Content-Length"))
	assert.Empty(t, reply.Header().Get("Accept-Ranges"))
	assert.Equal(t, []string{"Accept-Encoding"}, reply.Header()["Vary"])
	tag := reply.Header().Get("ETag")
	assert.True(t, strings.HasPrefix(tag, `W/"`), tag)
	assert.Equal(t, 304, send(app, "GET", "/cape.css", "", "Accept-Encoding: zstd", "If-None-Match: "+tag).Code)

	part := send(app, "GET", "/cape.css", "", "Accept-Encoding: zstd", "Range: bytes=0-9")
	assert.Equal(t, 206, part.Code)
	assert.Equal(t, long[:10], part.Body.String())
	assert.Empty(t, part.Header().Get("Content-Encoding"))
	assert.Equal(t, 416, send(app, "GET", "/cape.css", "", "Accept-Encoding: zstd", "Range: bytes=999999-").Code)

	assert.Equal(t, "as it is", send(app, "GET", "/ready.css", "", "Accept-Encoding: gzip").Body.String())
	for _, name := range []string{"small.css", "bat.png"} {
		assert.Empty(t, send(app, "GET", "/"+name, "", "Accept-Encoding: gzip").Header().Get("Content-Encoding"), name)
	}
}

// A 304 of a file confirms the copy that the client has, be it a compressed one or not.
func TestCompressConfirmsTheCopyOfAFile(t *testing.T) {
	app := quiet()
	app.Use(middleware.Compress())
	app.Static("/", redstart.FilesFS(fstest.MapFS{"cape.css": {Data: []byte(long), ModTime: time.Unix(1e9, 0)}}))
	for _, accept := range []string{"", "gzip"} {
		tag := send(app, "GET", "/cape.css", "", "Accept-Encoding: "+accept).Header().Get("ETag")
		assert.Equal(t, accept != "", strings.HasPrefix(tag, "W/"))
		for _, line := range []string{tag, `"other", ` + tag} {
			reply := send(app, "GET", "/cape.css", "", "Accept-Encoding: "+accept, "If-None-Match: "+line)
			assert.Equal(t, 304, reply.Code)
			assert.Equal(t, tag, reply.Header().Get("ETag"))
		}
	}
}

// Each chunk of a stream, and what a mounted handler flushes, is there at once and can
// be read, though the next comes in an hour.
func TestCompressDelaysNothing(t *testing.T) {
	for _, coding := range []string{"gzip", "br", "zstd"} {
		for _, path := range []string{"/stream", "/mount/"} {
			t.Run(coding+path, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					app := quiet()
					app.Use(middleware.Compress())
					app.Get("/stream", func(*redstart.Request) redstart.Response {
						return redstart.Stream("text/csv", func(yield func(string) bool) {
							for range 3 {
								if !yield("name,crime\n") {
									return
								}
								time.Sleep(time.Hour)
							}
						})
					})
					app.Mount("/mount", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
						w.Header().Set("Content-Type", "text/csv")
						for range 3 {
							_, _ = io.WriteString(w, "name,crime\n")
							w.(http.Flusher).Flush()
							time.Sleep(time.Hour)
						}
					}))
					client := inMemory(t, app)
					begin := time.Now()
					reply := get(t, client, "GET", path, "Accept-Encoding", coding)
					assert.Equal(t, coding, reply.Header.Get("Content-Encoding"))
					r := expand(t, coding, reply.Body)
					for i := range 3 {
						line := make([]byte, len("name,crime\n"))
						_, err := io.ReadFull(r, line)
						require.NoError(t, err)
						assert.Equal(t, "name,crime\n", string(line))
						assert.Equal(t, time.Duration(i)*time.Hour, time.Since(begin))
					}
					rest, err := io.ReadAll(r)
					require.NoError(t, err)
					assert.Empty(t, rest)
				})
			})
		}
	}
}

func TestCompressAStreamThatBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := quiet()
		app.Use(middleware.Compress())
		app.Get("/late", func(*redstart.Request) redstart.Response {
			return redstart.Stream("text/csv", func(yield func(string, error) bool) {
				_ = yield("a,b\n", nil) && yield("", errors.New("the source failed"))
			})
		})
		app.Get("/early", func(*redstart.Request) redstart.Response {
			return redstart.Stream("text/csv", func(yield func(string, error) bool) { yield("", errors.New("the source failed")) })
		})
		app.Get("/announced", func(*redstart.Request) redstart.Response {
			return redstart.Stream("text/csv", func(yield func(string) bool) { yield(long) }).
				With("Content-Length", strconv.Itoa(len(long)))
		})
		client := inMemory(t, app)
		reply := get(t, client, "GET", "/late", "Accept-Encoding", "gzip")
		_, err := io.ReadAll(expand(t, "gzip", reply.Body))
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF)

		reply = get(t, client, "GET", "/early", "Accept-Encoding", "gzip")
		assert.Equal(t, 500, reply.StatusCode)
		assert.Equal(t, "application/problem+json", reply.Header.Get("Content-Type"))
		assert.Empty(t, reply.Header.Get("Content-Encoding"))

		reply = get(t, client, "GET", "/announced", "Accept-Encoding", "gzip")
		all, err := io.ReadAll(expand(t, "gzip", reply.Body))
		require.NoError(t, err)
		assert.Equal(t, long, string(all))
	})
}

func TestCompressHidesNothingFromMiddlewareOutside(t *testing.T) {
	app := quiet()
	app.Use(redstart.After(func(_ *redstart.Request, resp redstart.Response) redstart.Response {
		text, ok := resp.Bytes()
		assert.True(t, ok)
		assert.Equal(t, long, string(text))
		return resp
	}), middleware.Compress(), middleware.Compress(middleware.CompressOptions{Codings: []string{"br"}}))
	app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Text(long) })
	assert.Equal(t, long, body(t, send(app, "GET", "/", "", "Accept-Encoding: gzip")), "the inner one decides")
	assert.Equal(t, "br", send(app, "GET", "/", "", "Accept-Encoding: gzip, br").Header().Get("Content-Encoding"))
}

func TestCompressPanicsWhenMisconfigured(t *testing.T) {
	for want, o := range map[string]middleware.CompressOptions{
		`middleware: Compress: Codings: "deflate" is not known: want "zstd", "br" or "gzip"`:                                              {Codings: []string{"deflate"}},
		`middleware: Compress: Codings: "" is not known: want "zstd", "br" or "gzip"`:                                                     {Codings: []string{""}},
		"middleware: Compress: MinSize -1: want a number of bytes; 0 for 1024":                                                            {MinSize: -1},
		`middleware: Compress: Types: "text/event-stream": event streams are never compressed: leave it out`:                              {Types: []string{"text/*", "Text/Event-Stream"}},
		`middleware: Compress: Types: "text" is not a media type: want one such as "text/html", "text/*" or "*+json", without parameters`: {Types: []string{"text"}},
		`middleware: Compress: Types: "*/*" is not a media type: want one such as "text/html", "text/*" or "*+json", without parameters`:  {Types: []string{"*/*"}},
	} {
		assert.Equal(t, want, refused(t, func() { middleware.Compress(o) }))
	}
}

func BenchmarkCompress(b *testing.B) {
	page := strings.Repeat(`{"id":17,"kind":"robbery","district":"Narrows","severity":3,"text":"A bank, a bat, a riddle."},`, 200)
	for _, coding := range []string{"", "gzip", "br", "zstd"} {
		b.Run("coding="+coding, func(b *testing.B) {
			app := quiet()
			app.Use(middleware.Compress())
			app.Get("/", func(*redstart.Request) redstart.Response { return redstart.Text(page) })
			size := send(app, "GET", "/", "", "Accept-Encoding: "+coding).Body.Len()
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Accept-Encoding", coding)
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			for b.Loop() {
				app.ServeHTTP(discard{http.Header{}}, r)
			}
			b.ReportMetric(float64(size), "bytes/reply")
		})
	}
}

// discard is a client that looks at nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}
