package sse

import (
	"bytes"
	"slices"
	"time"
	"unsafe"
)

// sieve is the filter of one subscriber.
type sieve struct {
	keep func(topic string, m Message) bool
	told uint64 // the position that the client knows
}

// siftPage is how many records are looked at before publishers may have the lock.
const siftPage = 256

// candidate is a record to be looked at, with the name of its topic.
type candidate struct {
	topic string
	frame []byte
	seq   uint64
	at    int64
}

// sift is fill for a subscriber with a filter, which is called without the lock.
func (sub *subscriber) sift(dst []byte) (_ []byte, total int, at int64) {
	limit := len(dst) + fillLimit
	var page []candidate
	for {
		var n int
		dst, n, page = sub.candidates(dst, page[:0])
		total += n
		for _, c := range page {
			wanted := false
			if sub.failed = protect(func() error {
				wanted = sub.sieve.keep(c.topic, frameMessage(c.frame))
				return nil
			}); sub.failed != nil {
				return dst, total, at
			}
			if wanted {
				dst = sub.put(dst, c.topic, c.frame)
				total++
				sub.sieve.told = c.seq
				if at == 0 {
					at = c.at
				}
			}
		}
		if len(page) < siftPage || len(dst) >= limit {
			break
		}
	}
	if total == 0 {
		dst, total = sub.remind(dst)
	}
	sub.hub.stats.deliver(total)
	return dst, total, at
}

// candidates moves the position behind at most siftPage records, and returns them.
func (sub *subscriber) candidates(dst []byte, page []candidate) ([]byte, int, []candidate) {
	h := sub.hub
	h.mu.RLock()
	defer h.mu.RUnlock()
	dst, n, ok := sub.beginLocked(dst)
	if !ok {
		return dst, n, nil
	}
	if n > 0 {
		sub.sieve.told = sub.seq // before the page moves it
	}
	for t, r := range sub.behindLocked {
		page = append(page, candidate{t.name, r.frame, r.seq, r.at})
		if len(page) == siftPage {
			break
		}
	}
	return dst, n, page
}

// remind tells a client its position when the one it knows will soon be evicted: it
// would be told of a gap when it comes back, though it has missed nothing.
func (sub *subscriber) remind(dst []byte) ([]byte, int) {
	h := sub.hub
	h.mu.RLock()
	defer h.mu.RUnlock()
	floor, told := sub.floor(), sub.sieve.told
	if sub.failed != nil || sub.lagging || sub.life != h.life || told == sub.seq || sub.seq < floor {
		return dst, 0
	}
	if told >= floor && (told-floor > (sub.seq-floor)/4 || floor == 0 && !h.fillingLocked(sub.topics)) {
		return dst, 0
	}
	sub.announce(Message{Event: "sse.hello"})
	dst = sub.putOpening(dst)
	sub.opening, sub.sieve.told = nil, sub.seq
	return dst, 1
}

// fillingLocked says whether the log, or that of one of the topics, is half full.
func (h *Hub) fillingLocked(topics []listening) bool {
	if h.total.exceeded(2*h.records, 2*h.bytes) {
		return true
	}
	if all := h.arrivals.all(); h.total.age > 0 && len(all) > 0 {
		if r := all[0].topic.find(all[0].seq); r == nil || time.Now().UnixNano()-r.at > int64(h.total.age/2) {
			return true
		}
	}
	return slices.ContainsFunc(topics, func(t listening) bool {
		return h.perTopic.exceeded(2*t.live, 2*t.bytes)
	})
}

// frameMessage reads one of the hub's own frames, which are known to be in order. The
// message's strings are the frame's bytes, which never change.
func frameMessage(frame []byte) Message {
	var m Message
	lines := 0
	var joined []byte // of several lines
	for len(frame) > 1 {
		end := bytes.IndexByte(frame, '\n')
		field, value, _ := bytes.Cut(frame[:end], []byte(": "))
		frame = frame[end+1:]
		text := unsafe.String(unsafe.SliceData(value), len(value))
		switch string(field) {
		case "event":
			m.Event = text
		case "id":
			m.ID = text
		case "data":
			switch lines++; lines {
			case 1:
				m.Data = text
			case 2:
				joined = append(make([]byte, 0, len(m.Data)+len(frame)+len(text)+1), m.Data...)
				fallthrough
			default:
				joined = append(append(joined, '\n'), text...)
			}
		}
	}
	if lines > 1 {
		m.Data = unsafe.String(unsafe.SliceData(joined), len(joined))
	}
	return m
}
