// Package transfer writes bodies that are produced while they are sent, such as
// downloads, to clients that may be slow or gone.
package transfer

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"time"
)

// sendfileSlice is how much of a file is handed to the kernel at a time: each
// slice has the full stall timeout.
const sendfileSlice = 1 << 20

// Writer is a ResponseWriter that knows what was written, and gives each write its
// own deadline. It is for one goroutine at a time, like what it wraps.
type Writer struct {
	http.ResponseWriter
	// Stall is how long the client may take to accept one write; 0 is no bound.
	Stall time.Duration
	// BeforeHeader, if set, is called once just before the header is sent.
	BeforeHeader func(http.Header)

	Status  int   // the status that was sent, 0 when none was
	Bytes   int64 // of the body
	Err     error // the first error of a write
	control *http.ResponseController
	armed   time.Time
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
		t.Status = status
		if t.BeforeHeader != nil {
			t.BeforeHeader(t.Header())
		}
	}
	t.ResponseWriter.WriteHeader(status)
}

func (t *Writer) begin() {
	if t.Status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	if now := time.Now(); t.Stall > 0 && now.Sub(t.armed) > t.Stall/8 {
		t.armed = now
		_ = t.control.SetWriteDeadline(now.Add(t.Stall))
	}
}

func (t *Writer) count(n int64, err error) {
	t.Bytes += n
	if err != nil && t.Err == nil {
		t.Err = err
	}
}

// Write sends part of the body.
func (t *Writer) Write(p []byte) (int, error) {
	t.begin()
	n, err := t.ResponseWriter.Write(p)
	t.count(int64(n), err)
	return n, err
}

// ReadFrom lets the kernel send files by itself, in slices.
func (t *Writer) ReadFrom(src io.Reader) (total int64, err error) {
	for {
		t.begin()
		n, err := io.CopyN(t.ResponseWriter, src, sendfileSlice)
		total += n
		if err == io.EOF {
			t.count(n, nil)
			return total, nil
		}
		t.count(n, err)
		if err != nil {
			return total, err
		}
	}
}

// FlushError sends what is buffered.
func (t *Writer) FlushError() error {
	t.begin()
	err := t.control.Flush()
	t.count(0, err)
	return err
}

// Flush is FlushError for handlers that look for an http.Flusher.
func (t *Writer) Flush() { _ = t.FlushError() }

// Hijack is for handlers that look for an http.Hijacker.
func (t *Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := t.control.Hijack()
	if err == nil {
		t.Status = http.StatusSwitchingProtocols
	}
	return conn, rw, err
}

// Disarm takes the deadline off once the body is complete: left armed, it could
// cut off the last bytes, which net/http sends, or the next reply of the
// connection.
func (t *Writer) Disarm() {
	if !t.armed.IsZero() {
		_ = t.control.SetWriteDeadline(time.Time{})
	}
}
