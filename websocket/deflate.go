package websocket

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// compressThreshold is the size below which compression costs more than it saves.
const compressThreshold = 512

// syncTail ends every message that was flushed, and is left out on the wire (RFC
// 7692 section 7.2.1). For the reader an empty final block follows, by which it sees
// the end.
const (
	syncTail  = "\x00\x00\xff\xff"
	inflation = syncTail + "\x01\x00\x00\xff\xff"
)

// deflater is a flate.Writer and what it writes to. It weighs hundreds of kilobytes:
// it is lent for one message and not kept by any connection.
type deflater struct {
	w   *flate.Writer
	out []byte
}

func (d *deflater) Write(p []byte) (int, error) {
	d.out = append(d.out, p...)
	return len(p), nil
}

// The pools are by window size, which a flate.Writer has for life.
var (
	deflaters [maxWindowBits + 1]sync.Pool
	inflaters sync.Pool
)

func getDeflater(bits int) *deflater {
	if d, ok := deflaters[bits].Get().(*deflater); ok {
		d.w.Reset(d)
		return d
	}
	d := new(deflater)
	if bits == maxWindowBits {
		d.w, _ = flate.NewWriter(d, flate.BestSpeed)
	} else {
		d.w, _ = flate.NewWriterWindow(d, 1<<bits)
	}
	return d
}

func putDeflater(d *deflater, bits int) {
	if d.out = d.out[:0]; cap(d.out) > keepBuffer {
		d.out = nil
	}
	deflaters[bits].Put(d)
}

// finish ends a message and returns what has to be sent of it still.
func (d *deflater) finish() []byte {
	_ = d.w.Flush() // writing to memory does not fail
	return bytes.TrimSuffix(d.out, []byte(syncTail))
}

// inflater is a flate reader and what it reads.
type inflater struct {
	r   io.ReadCloser
	src bytes.Reader
}

var errTooBig = errors.New("larger than allowed")

// inflate appends what packed inflates to, up to limit bytes and never much more: what
// a bomb would grow to is not made. A negative limit is none. It writes behind packed.
func inflate(dst, packed []byte, limit int64) ([]byte, error) {
	i, ok := inflaters.Get().(*inflater)
	if !ok {
		i = new(inflater)
	}
	i.src.Reset(append(packed, inflation...))
	if i.r == nil {
		i.r = flate.NewReader(&i.src)
	} else {
		_ = i.r.(flate.Resetter).Reset(&i.src, nil)
	}
	defer func() {
		i.src.Reset(nil) // the pool must not keep the message alive
		inflaters.Put(i)
	}()
	base := len(dst)
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, make([]byte, min(max(512, 2*len(packed), len(dst)-base), 1<<20))...)[:len(dst)]
		}
		n, err := i.r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if limit >= 0 && int64(len(dst)-base) > limit {
			return dst, errTooBig
		}
		if err == io.EOF {
			if i.src.Len() > len(inflation)+1 { // one empty byte may follow a final block (section 7.2.3.4)
				return dst, errors.New("bytes after the final block")
			}
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}
