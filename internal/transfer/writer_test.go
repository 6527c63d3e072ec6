package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recorder is a connection that keeps what happens to it.
type recorder struct {
	*httptest.ResponseRecorder
	calls []string
	err   error // of each write
	big   int   // the largest write
}

func newRecorder() *recorder { return &recorder{ResponseRecorder: httptest.NewRecorder()} }

func (r *recorder) SetWriteDeadline(t time.Time) error {
	if t.IsZero() {
		r.calls = append(r.calls, "disarm")
	} else {
		r.calls = append(r.calls, fmt.Sprint("arm ", time.Until(t).Round(time.Second)))
	}
	return nil
}

func (r *recorder) Write(p []byte) (int, error) {
	r.calls = append(r.calls, "write")
	r.big = max(r.big, len(p))
	if r.err != nil {
		return 0, r.err
	}
	return r.ResponseRecorder.Write(p)
}

func (r *recorder) FlushError() error {
	r.calls = append(r.calls, "flush")
	return nil
}

func TestEachWriteHasItsDeadline(t *testing.T) {
	r := newRecorder()
	w := NewWriter(r, 30*time.Second)
	assert.Equal(t, []string{"disarm"}, r.calls, "the server's own timeout no longer counts")
	r.calls = nil
	_, err := w.Write([]byte("x"))
	require.NoError(t, err)
	w.Flush()
	assert.Equal(t, []string{"arm 30s", "write", "disarm", "arm 30s", "flush", "disarm"}, r.calls,
		"nothing is armed while the body waits for more")

	r.calls = nil
	w = NewWriter(r, 0)
	_, err = w.Write([]byte("x"))
	require.NoError(t, err)
	assert.Equal(t, []string{"disarm", "write"}, r.calls, "no bound")
}

func TestFinishBoundsTheLastBytes(t *testing.T) {
	for name, tt := range map[string]struct {
		server *http.Server
		want   []string
	}{
		"a server that sets the next deadline": {&http.Server{WriteTimeout: time.Minute}, []string{"arm 30s"}},
		"one that does not":                    {&http.Server{}, nil},
		"no server":                            {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			if tt.server != nil {
				ctx = context.WithValue(ctx, http.ServerContextKey, tt.server)
			}
			r := newRecorder()
			w := NewWriter(r, 30*time.Second)
			r.calls = nil
			w.Finish(ctx)
			assert.Equal(t, tt.want, r.calls)
		})
	}
}

func TestLargeWritesAreSliced(t *testing.T) {
	r := newRecorder()
	w := NewWriter(r, time.Second)
	n, err := w.Write(make([]byte, 3*slice+1))
	require.NoError(t, err)
	assert.Equal(t, 3*slice+1, n)
	assert.Equal(t, slice, r.big)
	assert.EqualValues(t, 3*slice+1, w.Bytes)
	assert.Equal(t, 3*slice+1, r.Body.Len())
}

func TestReadFrom(t *testing.T) {
	const size = 2*slice + 5
	text := strings.Repeat("x", size)
	for name, tt := range map[string]struct {
		src  io.Reader
		want int64
		err  string
	}{
		"all":     {strings.NewReader(text), size, ""},
		"nothing": {strings.NewReader(""), 0, ""},
		"limited": {io.LimitReader(strings.NewReader(text), size-7), size - 7, ""},
		"short":   {io.LimitReader(strings.NewReader(text), size+7), size, ""},
		"fails":   {io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(&fs.PathError{Op: "read", Err: io.ErrUnexpectedEOF})), 3, "read : unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWriter(newRecorder(), time.Second)
			n, err := w.ReadFrom(tt.src)
			assert.Equal(t, tt.want, n)
			assert.Equal(t, tt.want, w.Bytes)
			if tt.err == "" {
				assert.NoError(t, err)
			} else {
				assert.EqualError(t, err, tt.err)
			}
			assert.NoError(t, w.Err, "the connection is sound")
			if limited, ok := tt.src.(*io.LimitedReader); ok && name == "limited" {
				assert.Zero(t, limited.N)
			}
		})
	}
}

func TestHeaderIsPreparedOnce(t *testing.T) {
	r := newRecorder()
	w := NewWriter(r, 0)
	prepared := 0
	w.BeforeHeader = func(h http.Header) { prepared++; h.Set("Late", "1") }
	w.Success = 203
	w.WriteHeader(http.StatusEarlyHints)
	assert.Zero(t, prepared, "an informational status is not the reply")
	w.WriteHeader(200)
	w.WriteHeader(500)
	_, _ = w.Write([]byte("x"))
	assert.Equal(t, 1, prepared)
	assert.Equal(t, 203, w.Status)

	w = NewWriter(newRecorder(), 0)
	w.Success = 203
	w.WriteHeader(404)
	assert.Equal(t, 404, w.Status, "only 200 is replaced")
}

func TestErrOfTheConnection(t *testing.T) {
	for err, kept := range map[error]bool{
		io.ErrClosedPipe: true, os.ErrDeadlineExceeded: true,
		http.ErrBodyNotAllowed: false, http.ErrContentLength: false, http.ErrNotSupported: false,
	} {
		r := newRecorder()
		r.err = err
		w := NewWriter(r, 0)
		_, got := w.Write([]byte("x"))
		assert.ErrorIs(t, got, err)
		assert.Equal(t, kept, w.Err != nil, err.Error())
	}
}

type bare struct{ http.ResponseWriter }

type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestUnflushedNamesWhoHidesIt(t *testing.T) {
	w := NewWriter(wrapper{bare{newRecorder()}}, time.Second)
	assert.ErrorIs(t, w.FlushError(), http.ErrNotSupported)
	assert.Equal(t, "transfer.bare", w.Unflushed)
	assert.NoError(t, w.Err)
	w = NewWriter(wrapper{newRecorder()}, time.Second)
	assert.NoError(t, w.FlushError())
	assert.Empty(t, w.Unflushed)
}

func TestSources(t *testing.T) {
	type named func(io.Writer) error
	boom := errors.New("boom")
	for name, tt := range map[string]struct {
		source any
		want   string
		err    string
	}{
		"function":      {func(w io.Writer) error { _, err := io.WriteString(w, "ab"); return err }, "ab", ""},
		"named":         {named(func(w io.Writer) error { _, err := io.WriteString(w, "ab"); return err }), "ab", ""},
		"strings":       {func(yield func(string) bool) { _ = yield("a") && yield("b") }, "ab", ""},
		"bytes":         {func(yield func([]byte) bool) { _ = yield([]byte("a")) && yield([]byte("b")) }, "ab", ""},
		"with errors":   {func(yield func(string, error) bool) { _ = yield("a", nil) && yield("lost", boom) }, "a", "boom"},
		"bytes, errors": {func(yield func([]byte, error) bool) { yield(nil, boom) }, "", "boom"},
		"nil":           {(func(io.Writer) error)(nil), "", "redstart: the source of a Stream is nil (func(io.Writer) error)"},
		"something":     {map[string]int{}, "", "redstart: map[string]int cannot be streamed"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecorder()
			w := NewWriter(r, time.Second)
			err := NewSource(tt.source).Serve(w, httptest.NewRequest("GET", "/", nil), 201)
			if tt.err == "" {
				require.NoError(t, err)
				assert.Equal(t, 201, r.Code)
			} else {
				require.EqualError(t, err, tt.err)
			}
			assert.Equal(t, tt.want, r.Body.String())
			if tt.want == "" {
				assert.Zero(t, w.Status, "nothing was sent, so there can be another reply")
			}
		})
	}
}

func TestSourceIsNotStartedWithoutABody(t *testing.T) {
	source := func(io.Writer) error { t.Error("started"); return nil }
	for method, status := range map[string]int{"HEAD": 200, "GET": 204, "POST": 304} {
		w := NewWriter(newRecorder(), time.Second)
		require.NoError(t, NewSource(source).Serve(w, httptest.NewRequest(method, "/", nil), status))
		assert.Equal(t, status, w.Status)
	}
}

func TestSourceStopsWhenTheRequestEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	yields := 0
	w := NewWriter(newRecorder(), time.Second)
	err := NewSource(func(yield func(string) bool) {
		for yield("x") {
			if yields++; yields == 3 {
				cancel()
			}
		}
	}).Serve(w, httptest.NewRequest("GET", "/", nil).WithContext(ctx), 200)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 3, yields)
	assert.ErrorIs(t, w.Err, context.Canceled)
}
