package websocket

import "sync"

const (
	// directSize is the largest payload that is copied behind its header, so that
	// the frame is one write.
	directSize = 16 << 10
	// keepBuffer is the largest buffer that goes back to the pool.
	keepBuffer = 32 << 10
)

// buffer is lent for the time of one write, or while more is coming in than the small
// buffer of a connection holds.
type buffer struct{ b []byte }

var buffers = sync.Pool{New: func() any { return &buffer{make([]byte, 0, 4<<10)} }}

func getBuffer() *buffer { return buffers.Get().(*buffer) }

func putBuffer(b *buffer) {
	if cap(b.b) <= keepBuffer {
		b.b = b.b[:0]
		buffers.Put(b)
	}
}
