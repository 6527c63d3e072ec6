package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/sse"
)

// streams are five ways to write a stream, each in the form that suits it. What
// they send is finite and numbered, so a client that was cut continues where it
// was, and one that has everything is told to stop; see [resume].
type streams struct {
	store  *store.Store
	remote *http.Client
}

// count is an iterator, the simplest generator: ten messages, one a second.
func (s *streams) count(req *redstart.Request) redstart.Response {
	first, done := resume(req, 10)
	if done {
		return redstart.NoContent()
	}
	ctx := req.Context()
	return redstart.SSEResponse(func(yield func(redstart.SSEMessage) bool) {
		for i := first; i < 10; i++ {
			if !yield(redstart.SSEMessage{Data: fmt.Sprintf("事件 %d", i), ID: strconv.Itoa(i)}) {
				return // the client has gone
			}
			if !pause(ctx, time.Second) {
				return
			}
		}
	})
}

// update is the payload of the JSON stream.
type update struct {
	ID        int     `json:"id"`
	Message   string  `json:"message"`
	Timestamp float64 `json:"timestamp"`
}

// json is an iterator of JSON under an event name: five updates, one every two
// seconds.
func (s *streams) json(req *redstart.Request) redstart.Response {
	first, done := resume(req, 5)
	if done {
		return redstart.NoContent()
	}
	ctx := req.Context()
	return redstart.SSEResponse(func(yield func(redstart.SSEMessage) bool) {
		for i := first; i < 5; i++ {
			data := update{ID: i, Message: fmt.Sprintf("更新 %d", i), Timestamp: timestamp()}
			if !yield(sse.JSON(data).WithEvent("update").WithID(strconv.Itoa(i))) || !pause(ctx, 2*time.Second) {
				return
			}
		}
	})
}

// async is a channel that a goroutine feeds. The goroutine ends with the
// request, whether it has finished or the client has left.
func (s *streams) async(req *redstart.Request) redstart.Response {
	first, done := resume(req, 8)
	if done {
		return redstart.NoContent()
	}
	events := make(chan redstart.SSEMessage)
	go work(req.Context(), first, events)
	return redstart.SSEResponse(events)
}

func work(ctx context.Context, first int, events chan<- redstart.SSEMessage) {
	defer close(events)
	for i := first; i < 8; i++ {
		if !pause(ctx, 500*time.Millisecond) { // the work
			return
		}
		text := fmt.Sprintf("异步消息 %d - %s", i, time.Now().Format(time.TimeOnly))
		select {
		case events <- redstart.SSEMessage{Data: text, Event: "async", ID: strconv.Itoa(i)}:
		case <-ctx.Done():
			return
		}
	}
}

// alert is the payload of the database stream.
type alert struct {
	CrimeID   int     `json:"crime_id"`
	Location  string  `json:"location"`
	Severity  string  `json:"severity"`
	Timestamp float64 `json:"timestamp"`
}

// database is a function that waits, for its turn and for a query, and that may
// fail: the usual form.
func (s *streams) database(req *redstart.Request) redstart.Response {
	first, done := resume(req, store.Bulletins)
	if done {
		return redstart.NoContent()
	}
	return redstart.SSEResponse(sse.Func(func(ctx context.Context, send sse.Send) error {
		for i := first; i < store.Bulletins; i++ {
			if !pause(ctx, 300*time.Millisecond) {
				return context.Cause(ctx)
			}
			bulletin, err := s.store.Bulletin(ctx, i)
			if err != nil {
				return err
			}
			data := alert{CrimeID: i, Location: bulletin.Location, Severity: bulletin.Severity, Timestamp: timestamp()}
			if err := send(sse.JSON(data).WithEvent("crime_alert").WithID(strconv.Itoa(i))); err != nil {
				return err
			}
		}
		return nil
	}))
}

// api asks another service, on a goroutine that the framework owns. A request
// that fails is an event like any other, and the stream goes on.
func (s *streams) api(req *redstart.Request) redstart.Response {
	first, done := resume(req, 5)
	if done {
		return redstart.NoContent()
	}
	return redstart.SSEResponse(sse.Go(func(ctx context.Context, send sse.Send) error {
		for i := first; i < 5; i++ {
			event := sse.Message{Event: "api_update", ID: strconv.Itoa(i)}
			if data, err := fetch(ctx, s.remote, i); err != nil {
				event = sse.Message{Event: "error", ID: fmt.Sprintf("error_%d", i), Data: fmt.Sprintf("获取数据错误: %v", err)}
			} else {
				event.Data = data
			}
			if err := send(event); err != nil {
				return err
			}
			if !pause(ctx, time.Second) {
				return context.Cause(ctx)
			}
		}
		return nil
	}))
}

// resume finds the number to begin with: 0, or the one after the last event the
// client has seen. With the last of total there is nothing left, and the reply
// is 204: an EventSource, which otherwise reconnects when a stream ends, stops.
// A text that is no event of ours begins anew.
func resume(req *redstart.Request, total int) (first int, done bool) {
	last, err := strconv.Atoi(strings.TrimPrefix(req.LastEventID(), "error_"))
	if err != nil || last < 0 || last >= total {
		return 0, false
	}
	return last + 1, last+1 == total
}

// pause waits, and says whether to go on: not if ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// timestamp is the time in seconds since 1970, with a fraction.
func timestamp() float64 { return float64(time.Now().UnixMicro()) / 1e6 }
