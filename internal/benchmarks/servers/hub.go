package servers

import (
	"slices"
	"strconv"
	"sync"
)

// hub is the registry that is written by hand where there is no library for it: a
// channel for each subscriber, and who does not keep up loses events.
type hub struct {
	mu      sync.Mutex
	members map[chan *event]struct{}
	recent  []*event
	last    int64
}

type event struct {
	number int64
	id     string
	data   string
	text   []byte // data, for a WebSocket
	frame  []byte // id and data as they go over the wire, for a subscriber to events
}

const (
	backlog = 64  // events that wait for one subscriber
	history = 256 // events that a subscriber can resume over
)

func newHub() *hub { return &hub{members: map[chan *event]struct{}{}} }

// publish sends data to all subscribers. The frame is encoded once for all of them.
func (h *hub) publish(data string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	e := &event{number: h.last, id: strconv.FormatInt(h.last, 10), data: data, text: []byte(data)}
	e.frame = appendEvent(nil, e.id, data)
	if len(h.recent) == 2*history {
		h.recent = slices.Delete(h.recent, 0, history)
	}
	h.recent = append(h.recent, e)
	for ch := range h.members {
		select {
		case ch <- e:
		default:
		}
	}
	return e.id
}

// subscribe returns what came after the event of that id, and a channel for what
// will come.
func (h *hub) subscribe(lastEventID string) (missed []*event, live chan *event) {
	live = make(chan *event, backlog)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.members[live] = struct{}{}
	if last, err := strconv.ParseInt(lastEventID, 10, 64); err == nil {
		for i, e := range h.recent {
			if e.number > last {
				missed = slices.Clone(h.recent[i:])
				break
			}
		}
	}
	return missed, live
}

func (h *hub) unsubscribe(live chan *event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.members, live)
}

func appendEvent(dst []byte, id, data string) []byte {
	dst = append(dst, "id: "...)
	dst = append(dst, id...)
	dst = append(dst, "\ndata: "...)
	dst = append(dst, data...)
	return append(dst, "\n\n"...)
}
