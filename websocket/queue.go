package websocket

// Policy says what happens to a message that is posted (see [Conn.Post]) to a
// connection whose outbox is full.
type Policy uint8

const (
	// CloseWhenFull closes the connection with 1013: the peer is to come back and
	// begin anew.
	CloseWhenFull Policy = iota
	// DropOldest throws away what waits longest, until there is room.
	DropOldest
	// DropNewest throws the message away, and Post returns [ErrDropped].
	DropNewest
	// Conflate lets a message replace one with the same key that waits still, whether
	// the outbox is full or not: see [Conn.PostKeyed]. A message that does not fit in
	// spite of that closes the connection like CloseWhenFull.
	Conflate
)

// queue holds encoded frames that wait for the socket.
type queue struct {
	frames []queued
	head   int
	size   int            // bytes
	keyed  map[string]int // where in frames the message with that key is
}

type queued struct {
	frame []byte // nil when it was conflated
	size  int    // of the message's data
	key   string
}

func (q *queue) empty() bool { return q.head == len(q.frames) }

// fits says whether n more bytes may be queued. The first always may.
func (q *queue) fits(n, limit int) bool { return q.empty() || limit < 0 || q.size+n <= limit }

func (q *queue) push(frame []byte, size int, key string) {
	if key != "" {
		if q.keyed == nil {
			q.keyed = map[string]int{}
		}
		q.keyed[key] = len(q.frames)
	}
	q.frames = append(q.frames, queued{frame, size, key})
	q.size += len(frame)
}

func (q *queue) front() []byte { return q.frames[q.head].frame }

// pop takes the first frame away, and what was conflated behind it. It returns the
// size of the message.
func (q *queue) pop() int {
	f := q.frames[q.head]
	q.size -= len(f.frame)
	if at, ok := q.keyed[f.key]; ok && at == q.head {
		delete(q.keyed, f.key)
	}
	q.frames[q.head] = queued{}
	q.head++
	q.settle()
	return f.size
}

// settle leaves a frame at the front, if there is any.
func (q *queue) settle() {
	for !q.empty() && q.front() == nil {
		q.head++
	}
	if q.empty() {
		*q = queue{} // whatever a backlog has grown to is let go of
	} else if q.head > 64 && q.head > len(q.frames)/2 {
		n := copy(q.frames, q.frames[q.head:])
		clear(q.frames[n:])
		q.frames = q.frames[:n]
		for key := range q.keyed {
			q.keyed[key] -= q.head
		}
		q.head = 0
	}
}

// conflate takes away what waits under the key, and says how large the message was.
func (q *queue) conflate(key string) (size int, ok bool) {
	at, ok := q.keyed[key]
	if !ok || key == "" {
		return 0, false
	}
	delete(q.keyed, key)
	f := q.frames[at]
	q.size -= len(f.frame)
	q.frames[at] = queued{}
	q.settle()
	return f.size, true
}

func (q *queue) clear() { *q = queue{} }

// pushLocked queues a message that there is room for.
func (c *Conn) pushLocked(m wireMessage) {
	o := &c.out
	frame := m.shared
	if frame == nil {
		frame = appendFrame(make([]byte, 0, len(m.payload)+frameOverhead), m.op, true, m.rsv1, m.payload, c.client)
	}
	o.queue.push(frame, m.size, m.key)
	o.messages++
	o.bytes += int64(m.size)
}

// frameOverhead is the longest header.
const frameOverhead = 14

// queueLocked queues a posted message as the policy has it. overflow says that the
// connection has to be closed instead.
func (c *Conn) queueLocked(m wireMessage) (overflow bool, err error) {
	o := &c.out
	policy, limit := c.set.policy, c.set.outbox
	if policy != Conflate {
		m.key = "" // needs no index
	} else if size, ok := o.queue.conflate(m.key); ok {
		o.dropLocked(size)
	}
	if !o.queue.fits(len(m.payload), limit) {
		switch policy {
		case DropNewest:
			o.dropped++
			return false, ErrDropped
		case DropOldest:
			for !o.queue.fits(len(m.payload), limit) {
				o.dropLocked(o.queue.pop())
			}
		default:
			o.queue.clear()
			return true, nil
		}
	}
	c.pushLocked(m)
	return false, nil
}

// dropLocked counts a message that was counted as sent and will not be.
func (o *output) dropLocked(size int) {
	o.dropped++
	o.messages--
	o.bytes -= int64(size)
}

// overflow closes the connection to a peer that does not keep up.
func (c *Conn) overflow() {
	const reason = "too slow"
	c.stop(&CloseError{Code: TryAgainLater, Reason: reason, cause: ErrSlow})
	c.sendClose(TryAgainLater, reason)
}
