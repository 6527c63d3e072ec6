package sse

// fifo is a queue in one slice. The places of what was taken are used again, so
// that a queue of steady length allocates nothing, and a queue that has become
// much shorter gives its memory back. The zero value is empty.
type fifo[T any] struct {
	items []T // those before head were taken
	head  int
}

// fifoSlack is the length below which a queue is not worth tidying.
const fifoSlack = 32

// all returns the items, oldest first, until the next change.
func (q *fifo[T]) all() []T { return q.items[q.head:] }

func (q *fifo[T]) len() int { return len(q.items) - q.head }

func (q *fifo[T]) push(v T) { q.items = append(q.items, v) }

// pop takes the oldest item; there must be one. Its cost is a constant on
// average: what is moved is no more than was taken since the last time.
func (q *fifo[T]) pop() T {
	var none T
	v := q.items[q.head]
	q.items[q.head] = none
	q.head++
	if q.head >= fifoSlack && q.head >= q.len() {
		q.tidy()
	}
	return v
}

// filter keeps the items for which keep is true.
func (q *fifo[T]) filter(keep func(T) bool) {
	kept := q.items[:0]
	for _, v := range q.all() {
		if keep(v) {
			kept = append(kept, v)
		}
	}
	clear(q.items[len(kept):])
	q.items, q.head = kept, 0
	q.shrink()
}

// tidy moves the items to the front of the slice.
func (q *fifo[T]) tidy() {
	n := copy(q.items, q.all())
	clear(q.items[n:])
	q.items, q.head = q.items[:n], 0
	q.shrink()
}

func (q *fifo[T]) shrink() {
	if n := len(q.items); cap(q.items) > 4*max(n, fifoSlack) {
		q.items = append(make([]T, 0, 2*n), q.items...)
	}
}
