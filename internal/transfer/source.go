package transfer

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"reflect"
	"strconv"
)

// Source is a body that is produced while it is sent.
type Source struct {
	write func(w io.Writer) error
	err   error
}

// NewSource makes a Source from an iterator over []byte or string, with or without
// an error, or from a function that writes; also from types derived from these.
func NewSource(source any) *Source {
	if reflect.ValueOf(source).IsNil() {
		return &Source{err: fmt.Errorf("redstart: the source of a Stream is nil (%T)", source)}
	}
	switch s := source.(type) {
	case func(io.Writer) error:
		return &Source{write: s}
	case func(yield func([]byte) bool):
		return &Source{write: writeSeq(s)}
	case func(yield func(string) bool):
		return &Source{write: writeSeq(s)}
	case func(yield func([]byte, error) bool):
		return &Source{write: writeSeq2(s)}
	case func(yield func(string, error) bool):
		return &Source{write: writeSeq2(s)}
	}
	v := reflect.ValueOf(source)
	for _, target := range []reflect.Type{
		reflect.TypeFor[func(io.Writer) error](),
		reflect.TypeFor[func(yield func([]byte) bool)](),
		reflect.TypeFor[func(yield func(string) bool)](),
		reflect.TypeFor[func(yield func([]byte, error) bool)](),
		reflect.TypeFor[func(yield func(string, error) bool)](),
	} {
		if v.CanConvert(target) {
			return NewSource(v.Convert(target).Interface())
		}
	}
	return &Source{err: fmt.Errorf("redstart: %T cannot be streamed", source)}
}

func writeSeq[C []byte | string](seq iter.Seq[C]) func(io.Writer) error {
	return func(w io.Writer) error {
		for chunk := range seq {
			if _, err := w.Write([]byte(chunk)); err != nil {
				return err
			}
		}
		return nil
	}
}

func writeSeq2[C []byte | string](seq iter.Seq2[C, error]) func(io.Writer) error {
	return func(w io.Writer) error {
		for chunk, err := range seq {
			if err != nil {
				return err
			}
			if _, err := w.Write([]byte(chunk)); err != nil {
				return err
			}
		}
		return nil
	}
}

// Serve writes the body to w, flushing each chunk. When it returns an error and
// w.Status is 0, nothing was sent.
func (s *Source) Serve(w *Writer, r *http.Request, status int) error {
	if s.err != nil {
		return s.err
	}
	if r.Method == http.MethodHead || bodiless(status) {
		w.WriteHeader(status)
		return nil
	}
	announced := length(w.Header())
	if err := s.write(&flushWriter{w: w, r: r, status: status}); err != nil {
		return err
	}
	if announced >= 0 && announced != w.Given && w.Err == nil {
		return fmt.Errorf("redstart: the Stream ended after %d bytes, and its Content-Length is %d", w.Given, announced)
	}
	if w.Status == 0 {
		w.WriteHeader(status)
	}
	return nil
}

// bodiless says whether replies with a status have no body, whatever they are asked by.
func bodiless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusResetContent || status == http.StatusNotModified
}

// length returns the announced length of a body, -1 when there is none.
func length(h http.Header) int64 {
	if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil {
		return n
	}
	return -1
}

// flushWriter sends each chunk at once. It fails when the client has left, so that
// a source that only yields learns of it too.
type flushWriter struct {
	w      *Writer
	r      *http.Request
	status int
}

func (f *flushWriter) Write(p []byte) (int, error) {
	if err := f.r.Context().Err(); err != nil {
		f.w.fail(err)
		return 0, err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if f.w.Status == 0 {
		f.w.WriteHeader(f.status)
	}
	n, err := f.w.Write(p)
	if err == nil {
		// A writer that cannot flush delivers late, but it delivers; w.Unflushed
		// tells of it.
		if err = f.w.FlushError(); errors.Is(err, http.ErrNotSupported) {
			err = nil
		}
	}
	return n, err
}
