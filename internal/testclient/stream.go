package testclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"sync"
	"time"

	"github.com/redstart-go/redstart/sse"
)

// buffered is how many messages a Stream reads ahead of its test. One that leaves more
// unread is a slow client, as in life.
const buffered = 1024

// Stream is an event stream that is read.
type Stream struct {
	// Header is the reply's.
	Header http.Header

	client   *Client
	target   string
	messages chan sse.Message
	err      error // set before messages is closed
	cancel   context.CancelFunc
	reading  sync.WaitGroup
	once     sync.Once
}

// Stream opens an event stream with GET. It is closed when the test ends, if not before.
// A reply that is none fails the test.
func (c *Client) Stream(target string, header ...string) *Stream {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.t.Context()))
	late := time.AfterFunc(c.timeout(), cancel)
	resp, used, err := c.send(ctx, http.MethodGet, target, nil, append([]string{"Accept", "text/event-stream"}, header...))
	if !late.Stop() {
		err = fmt.Errorf("no stream has begun within %v", c.timeout())
	}
	if err != nil {
		cancel()
		c.t.Fatalf("GET %s: %v", target, err)
		return nil
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); resp.StatusCode != http.StatusOK || kind != "text/event-stream" {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
		_ = resp.Body.Close()
		cancel()
		c.t.Fatalf("GET %s: the reply is no event stream, but has status %d and type %q: %s", target, resp.StatusCode, resp.Header.Get("Content-Type"), excerpt(string(text)))
		return nil
	}
	s := &Stream{Header: resp.Header, client: c, target: target, messages: make(chan sse.Message, buffered), cancel: cancel}
	s.reading.Go(func() { s.read(ctx, resp.Body, used) })
	c.closeAtEnd(s.Close)
	return s
}

func (s *Stream) read(ctx context.Context, body io.ReadCloser, used *near) {
	defer func() { _ = body.Close() }()
	defer close(s.messages)
	for m, err := range sse.Read(body) {
		if err != nil {
			s.err = err
			return
		}
		select {
		case s.messages <- m:
		case <-ctx.Done():
			return
		}
	}
	// Another request may come over the same connection.
	select {
	case <-used.far.served:
	case <-used.far.gone:
	case <-ctx.Done():
	}
}

// Next waits for the next message. When none comes the test fails.
func (s *Stream) Next() sse.Message {
	s.client.t.Helper()
	timer := time.NewTimer(s.client.timeout())
	defer timer.Stop()
	select {
	case m, ok := <-s.messages:
		if ok {
			return m
		}
		if s.err != nil {
			s.client.t.Fatalf("GET %s: the stream broke off: %v", s.target, s.err)
		}
		s.client.t.Fatalf("GET %s: the stream has ended", s.target)
	case <-timer.C:
		s.client.t.Fatalf("GET %s: no message within %v", s.target, s.client.timeout())
	}
	return sse.Message{}
}

// Messages returns the messages from here on, as long as the stream goes on. One that
// broke off ends with an error, as one that failed does; one that ended does not.
func (s *Stream) Messages() iter.Seq2[sse.Message, error] {
	return func(yield func(sse.Message, error) bool) {
		for m := range s.messages {
			if !yield(m, nil) {
				return
			}
		}
		if s.err != nil && !errors.Is(s.err, context.Canceled) {
			yield(sse.Message{}, s.err)
		}
	}
}

// Close leaves, as a client that closes its page. It returns at once when the stream has
// ended or was closed before.
func (s *Stream) Close() {
	s.once.Do(func() {
		s.cancel()
		for range s.messages { // what was read ahead, which nobody wants
		}
		s.reading.Wait()
	})
}
