package transfer

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// brackets is an encoding that shows what was done with it.
type brackets struct{ w io.Writer }

func (brackets) Encode(dst, body []byte, _ bool) ([]byte, error) { return append(dst, body...), nil }
func (brackets) Writer(w io.Writer) EncodingWriter               { return brackets{w} }
func (b brackets) Flush() error                                  { _, err := io.WriteString(b.w, "|"); return err }
func (b brackets) Close() error                                  { _, err := io.WriteString(b.w, "."); return err }
func (b brackets) Write(p []byte) (int, error) {
	_, err := io.WriteString(b.w, strings.ToUpper(string(p)))
	return len(p), err
}

func bracketed(h http.Header, _ int, _ int64) Encoding {
	h.Del("Content-Length")
	return brackets{}
}

func TestEncodedBodies(t *testing.T) {
	for name, tt := range map[string]struct {
		serve  func(w *Writer) error
		want   string
		header string // Content-Length
	}{
		"chunks": {func(w *Writer) error {
			return NewSource(func(yield func(string) bool) { _ = yield("ab") && yield("c") }).Serve(w, httptest.NewRequest("GET", "/", nil), 200)
		}, "AB|C|.", ""},
		"of the announced length": {func(w *Writer) error {
			w.Header().Set("Content-Length", "3")
			return NewSource(func(yield func(string) bool) { yield("abc") }).Serve(w, httptest.NewRequest("GET", "/", nil), 200)
		}, "ABC|.", ""},
		"a handler's": {func(w *Writer) error { _, err := io.WriteString(w, "abc"); return err }, "ABC.", ""},
		"copied":      {func(w *Writer) error { _, err := w.ReadFrom(strings.NewReader("abc")); return err }, "ABC.", ""},
		"copied in part": {func(w *Writer) error {
			_, err := w.ReadFrom(io.LimitReader(strings.NewReader("abc"), 2))
			return err
		}, "AB.", ""},
		"flushed first": {func(w *Writer) error { w.Flush(); _, err := io.WriteString(w, "a"); return err }, "A.", ""},
		"bodiless": {func(w *Writer) error {
			w.Bodiless = true
			w.Header().Set("Content-Length", "3")
			w.WriteHeader(200)
			return nil
		}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecorder()
			w := NewWriter(r, time.Second)
			w.Choose = bracketed
			require.NoError(t, tt.serve(w))
			require.NoError(t, w.EndEncoding())
			require.NoError(t, w.EndEncoding(), "it ends once")
			assert.Equal(t, tt.want, r.Body.String())
			assert.Equal(t, tt.header, r.Header().Get("Content-Length"))
			assert.EqualValues(t, len(tt.want), w.Bytes, "what was sent counts")
		})
	}
}

func TestChooseSeesTheFinalHeader(t *testing.T) {
	r := newRecorder()
	w := NewWriter(r, 0)
	w.BeforeHeader = func(h http.Header) { h.Set("Late", "1") }
	w.Success = 203
	asked := 0
	w.Choose = func(h http.Header, status int, size int64) Encoding {
		asked++
		assert.Equal(t, "1", h.Get("Late"))
		assert.Equal(t, 203, status)
		assert.EqualValues(t, 3, size)
		return nil
	}
	w.Header().Set("Content-Length", "3")
	w.WriteHeader(200)
	_, err := io.WriteString(w, "abc")
	require.NoError(t, err)
	require.NoError(t, w.EndEncoding())
	assert.Equal(t, 1, asked)
	assert.Equal(t, "abc", r.Body.String())
}

func TestABrokenEncodedBodyHasNoEnd(t *testing.T) {
	r := newRecorder()
	w := NewWriter(r, 0)
	w.Choose = bracketed
	r.err = io.ErrClosedPipe
	_, err := io.WriteString(w, "abc")
	require.ErrorIs(t, err, io.ErrClosedPipe)
	r.err = nil
	require.NoError(t, w.EndEncoding())
	assert.Empty(t, r.Body.String())

	w = NewWriter(newRecorder(), 0)
	w.Choose = func(http.Header, int, int64) Encoding { return failing{} }
	w.WriteHeader(200)
	assert.EqualError(t, w.FlushError(), "cannot flush")
	assert.EqualError(t, w.EndEncoding(), "cannot close")
}

type failing struct{ brackets }

func (f failing) Writer(io.Writer) EncodingWriter { return f }
func (failing) Flush() error                      { return errors.New("cannot flush") }
func (failing) Close() error                      { return errors.New("cannot close") }
