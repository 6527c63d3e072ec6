package transfer

import (
	"io"
	"net/http"
	"sync"
	"unsafe"

	"github.com/redstart-go/redstart/internal/headers"
)

// Plain is a reply whose body is at hand: the text, unless there are data, which need
// not stay unchanged after the write. Its header is complete, but for what depends on
// the body.
type Plain struct {
	Status   int
	Text     string
	Data     []byte
	Choose   Choose // may be nil
	Constant bool   // the body of many replies, which the header's ETag stands for
	Guard    Guard
}

// Guard is around the functions of the program's that an encoding calls.
type Guard interface {
	// Protect calls a function, and makes a panic an error.
	Protect(func() error) error
	// Failed is told when an encoding fails. The body is then sent as it is.
	Failed(error)
}

// Write sends the reply, and returns the status and the size of what was sent. An error
// is the connection's.
func (p *Plain) Write(w http.ResponseWriter, r *http.Request) (status int, n int64, err error) {
	h := w.Header()
	status = p.Status
	if status == http.StatusResetContent { // which has no content (RFC 9110 section 15.3.6)
		p.Text, p.Data = "", nil
		delete(h, "Content-Type")
	}
	size := max(len(p.Text), len(p.Data))
	var encoding Encoding
	if p.Choose != nil {
		encoding = p.Choose(h, status, int64(size))
	}
	if p.Constant && status == http.StatusOK && headers.NotModified(r, h.Get("Etag")) {
		status = http.StatusNotModified
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		delete(h, "Content-Length")
		if encoding != nil {
			delete(h, "Content-Encoding")
		}
		if status == http.StatusNoContent {
			delete(h, "Content-Type")
		}
		w.WriteHeader(status)
		return status, 0, nil
	}
	data := p.Data
	if encoding != nil {
		buf := Buffer()
		defer buf.Free()
		if data == nil {
			data = unsafe.Slice(unsafe.StringData(p.Text), len(p.Text))
		}
		data = encode(h, encoding, buf, data, p.Constant, p.Guard)
		size = len(data)
	}
	h["Content-Length"] = headers.ContentLength(size)
	bodiless := size == 0 || r.Method == http.MethodHead
	if status != http.StatusOK || bodiless {
		w.WriteHeader(status)
	}
	if bodiless {
		return status, 0, nil
	}
	var written int
	if data != nil {
		written, err = w.Write(data)
	} else {
		written, err = io.WriteString(w, p.Text)
	}
	return status, int64(written), err
}

// encode puts the body through its encoding. It is no method: what it gives to the
// guard is kept on the heap, which replies that are not encoded shall do without.
func encode(h http.Header, encoding Encoding, buf *PooledBuffer, data []byte, constant bool, guard Guard) (encoded []byte) {
	err := guard.Protect(func() (err error) { encoded, err = encoding.Encode(buf.Bytes[:0], data, constant); return err })
	if err != nil {
		guard.Failed(err)
		delete(h, "Content-Encoding")
		return data
	}
	if !constant {
		buf.Bytes = encoded
	}
	return encoded
}

// PooledBuffer holds a body until it is written. It is used again by another reply.
type PooledBuffer struct{ Bytes []byte }

// mostKept is the size of buffers that are kept: larger ones would stay for good.
const mostKept = 64 << 10

var buffers = sync.Pool{New: func() any { return new(PooledBuffer) }}

// Buffer takes a buffer from the pool, to be given back by Free.
func Buffer() *PooledBuffer { return buffers.Get().(*PooledBuffer) }

// Free gives the buffer back. Nobody may use its bytes any more.
func (b *PooledBuffer) Free() {
	if cap(b.Bytes) > mostKept {
		b.Bytes = nil
	}
	b.Bytes = b.Bytes[:0]
	buffers.Put(b)
}

// Write appends to the buffer.
func (b *PooledBuffer) Write(p []byte) (int, error) {
	b.Bytes = append(b.Bytes, p...)
	return len(p), nil
}
