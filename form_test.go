package redstart_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

// multipartForm makes a request of fields, pairs of name and value, and of files,
// whose names begin with "@": "@photo", "joker.png:content".
func multipartForm(target string, fields ...string) *http.Request {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i < len(fields); i += 2 {
		if field, ok := strings.CutPrefix(fields[i], "@"); ok {
			name, content, _ := strings.Cut(fields[i+1], ":")
			part, _ := w.CreateFormFile(field, name)
			_, _ = io.WriteString(part, content)
		} else {
			_ = w.WriteField(fields[i], fields[i+1])
		}
	}
	_ = w.Close()
	r := httptest.NewRequest("POST", target, &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return r
}

func urlencoded(target, body string) *http.Request {
	r := httptest.NewRequest("POST", target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func ExampleRequest_Form() {
	app := quietApp()
	app.Post("/crimes", func(req *redstart.Request) redstart.Response {
		form, err := req.Form()
		if err != nil {
			return redstart.Fail(err)
		}
		return redstart.Text(form.Get("kind") + " " + strings.Join(form.Values["witness"], " and "))
	})
	r := httptest.NewRequest("POST", "/crimes", strings.NewReader("kind=riddle&witness=Alfred&witness=Robin"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	fmt.Println(w.Body)
	// Output: riddle Alfred and Robin
}

func ExampleUpload_SaveTo() {
	dir, err := os.MkdirTemp("", "photos")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	app := quietApp()
	app.Post("/photos", func(req *redstart.Request) redstart.Response {
		photo, err := req.File("photo")
		if err != nil {
			return redstart.Fail(err)
		}
		path, err := photo.SaveTo(dir)
		if err != nil {
			return redstart.Fail(err)
		}
		return redstart.Text(fmt.Sprintf("%s, %d bytes", filepath.Base(path), photo.Size))
	})
	for range 2 {
		w := httptest.NewRecorder()
		app.ServeHTTP(w, multipartForm("/photos", "@photo", "../joker.png:ha ha"))
		fmt.Println(w.Body)
	}
	// Output:
	// joker.png, 5 bytes
	// joker-2.png, 5 bytes
}

func ExampleRequest_Parts() {
	app := quietApp()
	app.Post("/evidence", func(req *redstart.Request) redstart.Response {
		var total int64
		for part, err := range req.Parts() {
			if err != nil {
				return redstart.Fail(err)
			}
			n, err := io.Copy(io.Discard, part) // to wherever it belongs
			if err != nil {
				return redstart.Fail(err)
			}
			total += n
		}
		return redstart.Text(fmt.Sprintf("%d bytes", total))
	}, redstart.BodyLimit(10<<30))
	w := httptest.NewRecorder()
	app.ServeHTTP(w, multipartForm("/evidence", "note", "from the docks", "@film", "tape.mov:frames"))
	fmt.Println(w.Body)
	// Output: 20 bytes
}

func TestFormIsReadOnce(t *testing.T) {
	with(t, multipartForm("/x", "kind", "arson", "@photo", "a.png:x", "@photo", "b.png:yy"), func(req *redstart.Request) {
		form, err := req.Form()
		require.NoError(t, err)
		again, err := req.Form()
		require.NoError(t, err)
		assert.Same(t, form, again)
		assert.Equal(t, "arson", form.Get("kind"))
		files, err := req.Files("photo")
		require.NoError(t, err)
		require.Len(t, files, 2)
		assert.Equal(t, "b.png", files[1].Name)
		first, err := req.File("photo")
		require.NoError(t, err)
		assert.Same(t, files[0], first)
		_, err = req.File("film")
		assert.EqualError(t, err, `missing file "film"`)
		assert.Equal(t, 400, redstart.StatusOf(err))
		_, err = req.Body()
		assert.ErrorContains(t, err, "is gone")
	})
}

func TestFormOfABodyThatWasReadBefore(t *testing.T) {
	for name, r := range map[string]*http.Request{
		"urlencoded": urlencoded("/x", "kind=arson"), "multipart": multipartForm("/x", "kind", "arson"),
	} {
		t.Run(name, func(t *testing.T) {
			with(t, r, func(req *redstart.Request) {
				body, err := req.Body()
				require.NoError(t, err)
				assert.Contains(t, string(body), "arson")
				form, err := req.Form()
				require.NoError(t, err)
				assert.Equal(t, "arson", form.Get("kind"))
			})
		})
	}
	with(t, urlencoded("/x", "kind=arson"), func(req *redstart.Request) {
		_, err := req.Form()
		require.NoError(t, err)
		body, err := req.Body()
		require.NoError(t, err)
		assert.Equal(t, "kind=arson", string(body), "an urlencoded body stays")
	})
}

func TestFormOfNoBody(t *testing.T) {
	with(t, httptest.NewRequest("GET", "/x", nil), func(req *redstart.Request) {
		form, err := req.Form()
		require.NoError(t, err)
		assert.Empty(t, form.Values)
		assert.Empty(t, form.Files)
	})
}

// formFault is a handler that reads a form and returns its error.
func formFault(req *redstart.Request) redstart.Response {
	if _, err := req.Form(); err != nil {
		return redstart.Fail(err)
	}
	return redstart.NoContent()
}

func partsFault(req *redstart.Request) redstart.Response {
	for part, err := range req.Parts() {
		if err == nil {
			_, err = io.Copy(io.Discard, part)
		}
		if err != nil {
			return redstart.Fail(err)
		}
	}
	return redstart.NoContent()
}

func TestFormFaults(t *testing.T) {
	app, _ := newApp(redstart.WithBodyLimit(1000))
	app.Post("/form", formFault)
	app.Post("/small", formFault, redstart.LimitForm(redstart.FormLimits{Parts: 1, Text: 8}))
	app.Post("/parts", partsFault)
	const multi = "multipart/form-data; boundary=b"
	part := "--b\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\n"
	for _, tt := range []struct {
		name, target, contentType, encoding, body string
		status                                    int
		want                                      string
	}{
		{"another type", "/form", "application/json", "", "{}", 415, `"application/json\": expected multipart/form-data or application/x-www-form-urlencoded`},
		{"no type", "/form", "", "", "a=b", 415, `Content-Type \"\"`},
		{"compressed", "/form", multi, "gzip", "x", 415, `Content-Encoding \"gzip\"`},
		{"no boundary", "/form", "multipart/form-data", "", "x", 400, "boundary"},
		{"broken escape", "/form", "application/x-www-form-urlencoded", "", "kind=%z", 400, `form field \"kind\"`},
		{"cut", "/form", multi, "", part + "arson", 400, "part 1"},
		{"value not UTF-8", "/form", multi, "", part + "\xff\r\n--b--\r\n", 400, `form field \"kind\"`},
		{"body too large", "/form", multi, "", part + strings.Repeat("x", 1000) + "\r\n--b--\r\n", 413, "larger than 1000 bytes"},
		{"urlencoded body too large", "/form", "application/x-www-form-urlencoded", "", strings.Repeat("x", 1001), 413, "larger than 1000 bytes"},
		{"text too large", "/small", multi, "", part + "gargantuan\r\n--b--\r\n", 413, `form field \"kind\"`},
		{"urlencoded text too large", "/small", "application/x-www-form-urlencoded", "", "kind=gargantuan", 413, "larger than 8 bytes"},
		{"too many fields", "/small", "application/x-www-form-urlencoded", "", "a=1&b=2", 413, "more than 1 field"},
		{"parts of another type", "/parts", "application/x-www-form-urlencoded", "", "a=1", 415, "expected multipart/form-data"},
		{"parts cut", "/parts", multi, "", part + "arson", 400, "part 1"},
		{"parts too large", "/parts", multi, "", part + strings.Repeat("x", 1000) + "\r\n--b--\r\n", 413, "larger than 1000 bytes"},
	} {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/chunked=%t", tt.name, chunked), func(t *testing.T) {
				r := httptest.NewRequest("POST", tt.target, strings.NewReader(tt.body))
				if chunked {
					r.ContentLength = -1
				}
				if tt.contentType != "" {
					r.Header.Set("Content-Type", tt.contentType)
				}
				if tt.encoding != "" {
					r.Header.Set("Content-Encoding", tt.encoding)
				}
				w := httptest.NewRecorder()
				app.ServeHTTP(w, r)
				assert.Equal(t, tt.status, w.Code, "%s", w.Body)
				assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
				assert.Contains(t, w.Body.String(), tt.want)
			})
		}
	}
}

// spooled counts what lies in the folder for temporary files, open or not.
func spooled(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	return len(entries)
}

func TestFilesOfAFormLastAsLongAsTheReply(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for name, end := range map[string]func(f *redstart.Upload) redstart.Response{
		"reply": func(*redstart.Upload) redstart.Response { return redstart.Text("") },
		"panic": func(*redstart.Upload) redstart.Response { panic("dropped") },
		"abort": func(*redstart.Upload) redstart.Response { panic(http.ErrAbortHandler) },
		"stream": func(f *redstart.Upload) redstart.Response {
			return redstart.Stream("text/plain", func(w io.Writer) error {
				r, err := f.Open()
				if err != nil {
					return err
				}
				_, err = io.Copy(w, r)
				return err
			})
		},
		"events": func(f *redstart.Upload) redstart.Response {
			return redstart.SSEResponse(func(yield func(redstart.SSEMessage, error) bool) {
				_, err := f.Open()
				yield(redstart.SSEMessage{Data: "evidence"}, err)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			app, _ := newApp()
			var kept *redstart.Upload
			app.Post("/", func(req *redstart.Request) redstart.Response {
				f, err := req.File("photo")
				require.NoError(t, err)
				kept = f
				_, err = f.Open()
				require.NoError(t, err)
				return end(f)
			}, redstart.LimitForm(redstart.FormLimits{Memory: 3}))
			w := httptest.NewRecorder()
			func() {
				defer func() { _ = recover() }()
				app.ServeHTTP(w, multipartForm("/", "@photo", "a.png:evidence"))
			}()
			if name == "stream" || name == "events" {
				assert.Contains(t, w.Body.String(), "evidence")
			}
			_, err := kept.Open()
			assert.ErrorContains(t, err, "the request is over")
			assert.Zero(t, spooled(t, dir))
		})
	}
}

func TestFormOfAHandlerThatWasGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var early, late *redstart.Upload
		app, _ := newApp()
		app.Post("/", func(req *redstart.Request) redstart.Response {
			var err error
			late, err = req.File("photo")
			assert.NoError(t, err)
			<-req.Context().Done()
			return redstart.Text("")
		}, redstart.LimitForm(redstart.FormLimits{Memory: -1}), redstart.With(func(next redstart.Handler) redstart.Handler {
			return func(req *redstart.Request) redstart.Response {
				if req.Query("early") != "" {
					early, _ = req.File("photo")
				}
				_, err := req.Within(time.Second, errors.New("too slow"), next)
				synctest.Wait() // the handler has returned as well
				if early != nil {
					_, openErr := early.Open()
					assert.NoError(t, openErr, "a form that was read before stays")
				}
				return redstart.Fail(err)
			}
		}))
		for _, target := range []string{"/", "/?early=1"} {
			app.ServeHTTP(httptest.NewRecorder(), multipartForm(target, "@photo", "a.png:x"))
			_, err := late.Open()
			assert.ErrorContains(t, err, "the request is over")
		}
	})
}

func TestFormReadWithinIsTheRequestsAfterwards(t *testing.T) {
	app, _ := newApp()
	app.Post("/", func(req *redstart.Request) redstart.Response {
		_, err := req.Form()
		assert.NoError(t, err)
		return redstart.Text("")
	}, redstart.LimitForm(redstart.FormLimits{Memory: -1}), redstart.With(func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			resp, err := req.Within(time.Minute, errors.New("too slow"), next)
			assert.NoError(t, err)
			f, err := req.File("photo")
			assert.NoError(t, err)
			_, err = f.Open()
			assert.NoError(t, err)
			return resp
		}
	}))
	app.ServeHTTP(httptest.NewRecorder(), multipartForm("/", "@photo", "a.png:x"))
}

func TestSaveAsNeitherEscapesNorReplaces(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, root.Close()) }()
	with(t, multipartForm("/x", "@photo", "a.png:evidence"), func(req *redstart.Request) {
		f, err := req.File("photo")
		require.NoError(t, err)
		require.NoError(t, f.SaveAs(root, "7.png"))
		assert.ErrorIs(t, f.SaveAs(root, "7.png"), fs.ErrExist)
		assert.Error(t, f.SaveAs(root, "../7.png"))
		sniffed, err := f.DetectType()
		require.NoError(t, err)
		assert.Equal(t, "text/plain; charset=utf-8", sniffed)
	})
	data, err := root.ReadFile("7.png")
	require.NoError(t, err)
	assert.Equal(t, "evidence", string(data))
}

// A body that was read to its end leaves no deadline behind that would end a stream.
func TestAStreamGoesOnAfterAForm(t *testing.T) {
	for name, read := range map[string]redstart.Handler{"form": formFault, "parts": partsFault} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app, _ := newApp(redstart.WithTimeouts(redstart.Timeouts{Body: time.Second}))
				app.Post("/", func(req *redstart.Request) redstart.Response {
					if resp := read(req); resp.Err() != nil {
						return resp
					}
					return redstart.SSEResponse(sse.Func(func(ctx context.Context, send sse.Send) error {
						select {
						case <-ctx.Done():
							return context.Cause(ctx)
						case <-time.After(time.Minute):
							return send(sse.Text("still here"))
						}
					}))
				})
				_, client := inMemory(t, app)
				r := multipartForm("http://gotham/", "kind", "arson", "@photo", "a.png:x")
				r.RequestURI = ""
				resp, err := client.Do(r)
				require.NoError(t, err)
				defer func() { require.NoError(t, resp.Body.Close()) }()
				text, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				assert.Contains(t, string(text), "still here")
			})
		})
	}
}

// endless is a multipart body of a size that no memory need hold.
func endless(parts int, size int64) (body io.Reader, contentType string, length int64) {
	block := make([]byte, 1<<20)
	_, _ = rand.Read(block)
	var readers []io.Reader
	for i := range parts {
		head := fmt.Sprintf("\r\n--b\r\nContent-Disposition: form-data; name=\"film\"; filename=\"%d.mov\"\r\n\r\n", i)
		readers = append(readers, strings.NewReader(head[2*btoi(i == 0):]))
		for range size / int64(len(block)) {
			readers = append(readers, bytes.NewReader(block))
		}
		length += int64(len(head)-2*btoi(i == 0)) + size
	}
	end := "\r\n--b--\r\n"
	return io.MultiReader(append(readers, strings.NewReader(end))...), "multipart/form-data; boundary=b", length + int64(len(end))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// upload sends a body over a connection and returns how much the heap has grown at
// most, as seen by the handler every few MiB.
func upload(tb testing.TB, parts int, size int64, handler func(req *redstart.Request, seen func()) error) uint64 {
	var peak uint64
	seen := func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapInuse)
	}
	app, _ := newApp(redstart.WithBodyLimit(0))
	app.Post("/", func(req *redstart.Request) redstart.Response {
		if err := handler(req, seen); err != nil {
			return redstart.Fail(err)
		}
		return redstart.NoContent()
	})
	server := httptest.NewServer(app)
	defer server.Close()
	body, contentType, length := endless(parts, size)
	r, err := http.NewRequest("POST", server.URL, body)
	require.NoError(tb, err)
	r.ContentLength = length
	r.Header.Set("Content-Type", contentType)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	resp, err := server.Client().Do(r)
	require.NoError(tb, err)
	defer resp.Body.Close()
	require.Equal(tb, 204, resp.StatusCode)
	return peak - min(peak, before.HeapInuse)
}

// discardParts reads all parts and throws them away.
func discardParts(req *redstart.Request, seen func()) error {
	buf := make([]byte, 256<<10)
	read, next := int64(0), int64(0)
	for part, err := range req.Parts() {
		for err == nil {
			var n int
			n, err = part.Read(buf)
			if read += int64(n); read >= next {
				seen()
				next += 8 << 20
			}
		}
		if err != io.EOF {
			return err
		}
	}
	seen()
	return nil
}

func spoolForm(req *redstart.Request, seen func()) error {
	_, err := req.Form()
	seen()
	return err
}

func TestLargeUploadsTakeConstantMemory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	assert.Less(t, upload(t, 2, 16<<20, discardParts), uint64(8<<20))
	assert.Less(t, upload(t, 2, 16<<20, spoolForm), uint64(8<<20))
}

// BenchmarkUpload sends 2 GiB over a connection on the loopback.
func BenchmarkUpload(b *testing.B) {
	const parts, size = 16, 128 << 20
	b.SetBytes(parts * size)
	for b.Loop() {
		b.ReportMetric(float64(upload(b, parts, size, discardParts))/(1<<20), "MiB-peak")
	}
}
