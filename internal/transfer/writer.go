// Package transfer writes bodies that are produced while they are sent, such as
// downloads, to clients that may be slow or gone.
package transfer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"time"
)

// slice is how much is handed to the connection at a time. Each slice has the full
// stall timeout, so that a client which is slow but takes something is not cut.
const slice = 128 << 10

// Writer is a ResponseWriter that knows what was written, and gives each write its
// own deadline. It is for one goroutine at a time, like what it wraps.
type Writer struct {
	http.ResponseWriter
	// Stall is how long the client may take to accept a slice of the body; 0 is no
	// bound.
	Stall time.Duration
	// BeforeHeader, if set, is called once just before the header is sent.
	BeforeHeader func(http.Header)
	// Success, unless it is 0, is sent in place of status 200.
	Success int
	// Choose, if set, is asked for an encoding once the header is complete.
	Choose Choose
	// Bodiless is set for a reply that has a header only, as one to HEAD.
	Bodiless bool

	Status int   // the status that was sent, 0 when none was
	Bytes  int64 // of the body, as it was sent
	Given  int64 // of the body, before it was encoded
	Err    error // the first error of the connection, nil as long as it works
	// Unflushed is the type of a ResponseWriter inside that cannot flush, if that
	// was wanted, and "" otherwise.
	Unflushed string

	control  *http.ResponseController
	encoder  EncodingWriter
	hijacked bool
}

// NewWriter wraps w. A write timeout of the whole server no longer applies.
func NewWriter(w http.ResponseWriter, stall time.Duration) *Writer {
	t := &Writer{ResponseWriter: w, Stall: stall, control: http.NewResponseController(w)}
	_ = t.control.SetWriteDeadline(time.Time{})
	return t
}

// Unwrap lets http.ResponseController find what this type does not offer.
func (t *Writer) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// WriteHeader sends the header.
func (t *Writer) WriteHeader(status int) {
	if t.Status == 0 && status >= 200 {
		if status == http.StatusOK && t.Success != 0 {
			status = t.Success
		}
		t.Status = status
		if t.BeforeHeader != nil {
			t.BeforeHeader(t.Header())
		}
		t.encode(status)
	}
	t.ResponseWriter.WriteHeader(status)
}

// Begin sends the header, unless that was done.
func (t *Writer) Begin() error {
	if t.Status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	return nil
}

// write does one exchange with the connection, within the stall timeout. The
// deadline is taken off afterwards: left armed, it would reset an HTTP/2 stream
// that only waits for more to send.
func (t *Writer) write(f func() (int64, error)) (int64, error) {
	if t.Status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	if t.Stall > 0 && t.control.SetWriteDeadline(time.Now().Add(t.Stall)) == nil {
		defer func() { _ = t.control.SetWriteDeadline(time.Time{}) }()
	}
	n, err := f()
	t.Bytes += n
	t.fail(err)
	return n, err
}

// fail keeps the first error of the connection. Those by which net/http refuses
// what the writer's user does wrong are no such thing.
func (t *Writer) fail(err error) {
	if err == nil || err == io.EOF || t.Err != nil || t.hijacked {
		return
	}
	if _, reading := errors.AsType[*fs.PathError](err); reading {
		return // of the file that is sent
	}
	for _, misuse := range []error{http.ErrBodyNotAllowed, http.ErrContentLength, http.ErrHijacked, http.ErrNotSupported} {
		if errors.Is(err, misuse) {
			return
		}
	}
	t.Err = err
}

// Write sends part of the body.
func (t *Writer) Write(p []byte) (n int, err error) {
	if t.Status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	if t.encoder != nil {
		n, err = t.encoder.Write(p)
	} else {
		n, err = t.send(p)
	}
	t.Given += int64(n)
	return n, err
}

// send hands bytes to the connection.
func (t *Writer) send(p []byte) (total int, err error) {
	for first := true; first || len(p) > 0; first = false {
		n, err := t.write(func() (int64, error) {
			n, err := t.ResponseWriter.Write(p[:min(len(p), slice)])
			return int64(n), err
		})
		total += int(n)
		if err != nil {
			return total, err
		}
		p = p[n:]
	}
	return total, nil
}

// ReadFrom lets the kernel send files by itself, in slices.
func (t *Writer) ReadFrom(src io.Reader) (total int64, err error) {
	if t.Status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	if t.encoder != nil {
		return io.Copy(struct{ io.Writer }{t}, src) // which has no ReadFrom
	}
	defer func() { t.Given += total }()
	left := int64(1<<63 - 1)
	if limited, ok := src.(*io.LimitedReader); ok {
		// net/http looks for the file behind one limit, not behind two.
		src, left = limited.R, limited.N
		defer func() { limited.N -= total }()
	}
	for left > 0 {
		size := min(left, slice)
		n, err := t.write(func() (int64, error) { return io.CopyN(t.ResponseWriter, src, size) })
		total += n
		left -= n
		if err == io.EOF {
			return total, nil // the source has ended
		}
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// FlushError sends what is buffered.
func (t *Writer) FlushError() error {
	if t.encoder != nil {
		if err := t.encoder.Flush(); err != nil {
			return err
		}
	}
	_, err := t.write(func() (int64, error) { return 0, t.control.Flush() })
	if errors.Is(err, http.ErrNotSupported) {
		t.Unflushed = innermost(t.ResponseWriter)
	}
	return err
}

// innermost names the type at the end of a chain of wrappers.
func innermost(w http.ResponseWriter) string {
	for {
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return fmt.Sprintf("%T", w)
		}
		w = wrapper.Unwrap()
	}
}

// Flush is FlushError for handlers that look for an http.Flusher.
func (t *Writer) Flush() { _ = t.FlushError() }

// Hijack is for handlers that look for an http.Hijacker.
func (t *Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := t.control.Hijack()
	if err == nil {
		t.Status, t.hijacked = http.StatusSwitchingProtocols, true
	}
	return conn, rw, err
}

// Finish is to be called when the body is complete, with the request's context.
// The last bytes are net/http's to send, and shall not wait for a stalled client
// for ever either. They get a deadline where net/http sets another one for the
// next reply of the connection, which is to say when the server has a WriteTimeout.
func (t *Writer) Finish(ctx context.Context) {
	server, ok := ctx.Value(http.ServerContextKey).(*http.Server)
	if ok && server.WriteTimeout > 0 && t.Stall > 0 && !t.hijacked {
		_ = t.control.SetWriteDeadline(time.Now().Add(t.Stall))
	}
}
