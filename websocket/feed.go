package websocket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"github.com/redstart-go/redstart/sse"
)

// NewFeed makes a conversation in which only the server talks: the client is sent what
// is published to the subscription's topics, each message in an [Envelope], and begins
// or resumes as by [Conn.Join]. It needs no goroutine of its own: the hub's event loops
// write to it, so that one that is idle costs as little as a subscriber to events.
//
// What the client sends is thrown away, but for pings, which are answered, and the
// Close frame; after 64 KiB of data it is closed with 1008. Over TLS, or where a
// connection cannot be given to an event loop for another reason, two small goroutines
// keep it. The context of the request ends with [sse.ErrParked] when the feed has begun;
// OnEnd tells of its end. Of the options, those about reading and the outbox mean nothing here.
func NewFeed(sub *sse.Subscription, opts ...Option) *Conversation {
	return (&Conversation{feed: sub}).With(opts...)
}

// Feed is [NewFeed] for some topics of a hub.
func Feed(hub *sse.Hub, topics ...string) *Conversation { return NewFeed(hub.Subscribe(topics...)) }

// listener is what a server keeps of a feed.
type listener struct {
	server *Server
	key    string
	onEnd  []func(Report)
	born   time.Time

	mu     sync.Mutex
	cancel context.CancelCauseFunc // until it is parked
	parked *sse.ParkedFeed
	early  error         // the wish to end, while it was being parked
	frames *frameSkipper // while a frame of the client is under way
	data   int64         // that the client has sent, in bytes
	answer *CloseError   // how the peer has closed
}

// startFeed performs the handshake and parks the connection.
func (s *Server) startFeed(ctx context.Context, cancel context.CancelCauseFunc, w http.ResponseWriter, r *http.Request, v *Conversation) Report {
	if err := v.feed.Check(ctx); err != nil {
		return Report{Reason: Unstarted, Err: err} // there is still time for a status
	}
	up, report := s.upgrade(w, r, v)
	if up == nil {
		return report
	}
	l := &listener{server: s, key: up.key, onEnd: v.options.onEnd, cancel: cancel, born: time.Now()}
	s.mu.Lock()
	if s.feeds == nil {
		s.feeds = map[*listener]struct{}{}
	}
	s.feeds[l] = struct{}{}
	s.stats.Accepted++
	draining := s.draining
	s.mu.Unlock()
	if draining {
		l.dismiss(0)
	}
	if err := l.park(ctx, up, v.feed, sse.LastEventID(r)); err != nil {
		l.mu.Lock()
		err = cmp.Or(l.early, err) // what a drain gave up
		l.mu.Unlock()
		_, _ = up.nc.Write(farewell(err))
		_ = up.nc.Close()
		l.ended(err, 0, 0)
	}
	return Report{Status: http.StatusSwitchingProtocols, Detached: true}
}

// park hands the connection over to the hub.
func (l *listener) park(ctx context.Context, up *upgraded, sub *sse.Subscription, lastEventID string) error {
	_ = up.nc.SetWriteDeadline(time.Now().Add(max(up.set.writeTimeout, time.Second)))
	if _, err := up.nc.Write(up.response); err != nil {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	// What the client has sent ahead.
	if n := up.rw.Reader.Buffered(); n > 0 {
		ahead, _ := up.rw.Reader.Peek(n)
		answer, err := l.hear(ahead)
		_, _ = up.nc.Write(answer)
		if err != nil {
			return err
		}
	}
	_ = up.nc.SetWriteDeadline(time.Time{})
	parked, err := sub.Park(ctx, up.nc, sse.Parking{
		Config: l.server.parkConfig(up), LastEventID: lastEventID, Heard: l.hear, Ended: l.ended,
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.parked = parked
	early, cancel := l.early, l.cancel
	l.cancel = nil
	l.mu.Unlock()
	cancel(sse.ErrParked) // nobody is left to whom the request's context means anything
	if early != nil {
		parked.Close(early) // without the lock, as in dismiss
	}
	return nil
}

// parkConfig is what feeds of the same settings share.
func (s *Server) parkConfig(up *upgraded) *sse.ParkConfig {
	f := framing(uint8(up.agreed.deflateBits))
	config := &sse.ParkConfig{
		Framing: f, Heartbeat: max(up.set.heartbeat, 0), Pulse: pulseFrame,
		WriteTimeout: max(up.set.writeTimeout, 0), Farewell: farewell,
	}
	if up.set != s.settings() {
		return config
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parks == nil {
		s.parks = map[*sse.Framing]*sse.ParkConfig{}
	}
	if s.parks[f] == nil {
		s.parks[f] = config
	}
	return s.parks[f]
}

// pulseFrame is a ping. Who does not answer it is found out by TCP.
var pulseFrame = appendFrame(nil, ws.OpPing, true, false, nil, false)

// dismiss ends a feed for a drain. What is still being prepared for it is given up.
func (l *listener) dismiss(time.Duration) {
	l.mu.Lock()
	l.early = ErrDraining
	parked, cancel := l.parked, l.cancel
	l.mu.Unlock()
	// Without the lock: a loop that hears a client has its own, and waits for this one.
	if parked != nil {
		parked.Close(ErrDraining)
	} else {
		cancel(closingFor(ErrDraining))
	}
}

// ended is called once, when the connection was closed.
func (l *listener) ended(cause error, messages, bytes int64) {
	l.mu.Lock()
	end := closingFor(cause)
	if l.answer != nil {
		end = l.answer
	}
	cancel := l.cancel
	l.mu.Unlock()
	report := Report{
		Reason: reasonFor(end), Status: http.StatusSwitchingProtocols, Detached: true,
		Code: end.Code, CloseReason: end.Reason, Remote: end.Remote,
		MessagesOut: messages, BytesOut: bytes, Duration: time.Since(l.born),
	}
	if failed, ok := errors.AsType[*feedError](end.cause); ok {
		report.Reason, report.Err = Failed, failed.error
	} else if report.Reason == Slow || report.Reason == Violation {
		report.Err = end
	}
	if cancel != nil {
		cancel(end)
	}
	l.server.count(&report)
	release(l.onEnd, report)
	s := l.server
	s.mu.Lock()
	delete(s.feeds, l)
	s.mu.Unlock()
	s.giveUp(l.key)
}

// closingFor says how a feed is closed that ends for this cause.
func closingFor(cause error) *CloseError {
	if end, ok := errors.AsType[*CloseError](cause); ok {
		return end
	}
	switch {
	case errors.Is(cause, ErrDraining):
		return &CloseError{Code: GoingAway, cause: ErrDraining}
	case errors.Is(cause, sse.ErrHubClosed):
		return &CloseError{Code: GoingAway, Reason: "the hub is closed", cause: ErrDraining}
	case errors.Is(cause, sse.ErrLagging):
		return &CloseError{Code: TryAgainLater, Reason: "fell behind", cause: ErrSlow}
	case errors.Is(cause, sse.ErrSlowClient):
		return &CloseError{Code: Abnormal, cause: ErrSlow}
	case errors.Is(cause, sse.ErrClientGone), errors.Is(cause, ErrGone):
		return &CloseError{Code: Abnormal, Remote: true, cause: ErrGone}
	}
	return &CloseError{Code: InternalError, cause: &feedError{cause}}
}

// feedError is what went wrong with a feed.
type feedError struct{ error }

func (e *feedError) Unwrap() error { return e.error }

// farewell is the Close frame for a feed that ends for this cause.
func farewell(cause error) []byte {
	end := closingFor(cause)
	if end.Remote || !end.Code.sendable() {
		return nil // who has closed was answered; who takes nothing is not told anything
	}
	return appendFrame(nil, ws.OpClose, true, false, closeBody(end.Code, end.Reason), false)
}

// hear takes what the client sends.
func (l *listener) hear(p []byte) (answer []byte, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.frames == nil {
		l.frames = &frameSkipper{data: l.data}
	}
	defer func() {
		if l.data = l.frames.data; l.frames.idle() {
			l.frames = nil
		}
	}()
	for err == nil {
		var op ws.OpCode
		var payload []byte
		if op, payload, p, err = l.frames.next(p); err != nil || op == 0 {
			break
		}
		switch op {
		case ws.OpPing:
			answer = appendFrame(answer, ws.OpPong, true, false, payload, false)
		case ws.OpClose:
			code, reason, fault := parseClose(payload)
			if fault != "" {
				err = violation(ProtocolError, fault)
				break
			}
			answer = appendFrame(answer, ws.OpClose, true, false, closeBody(code, ""), false)
			l.answer = &CloseError{Code: code, Reason: reason, Remote: true}
			err = l.answer
		}
	}
	return answer, err
}

// maxUnheard is how much data a client may send to a feed, which does not listen.
const maxUnheard = 64 << 10

// frameSkipper reads a client's frames piece by piece. It keeps nothing of data.
type frameSkipper struct {
	begun   []byte // of a header or a control frame
	skip    int64  // of data
	data    int64  // in all
	headers headerSource
}

// idle says that no frame is under way.
func (f *frameSkipper) idle() bool { return len(f.begun) == 0 && f.skip == 0 }

// next returns the next control frame in p, with its payload, and what is behind it.
// The opcode is 0 when there is none.
func (f *frameSkipper) next(p []byte) (op ws.OpCode, payload, rest []byte, err error) {
	for len(p) > 0 {
		if f.skip > 0 {
			n := min(f.skip, int64(len(p)))
			f.skip -= n
			p = p[n:]
			continue
		}
		need := 2
		if len(f.begun) >= 2 {
			need = headerBytes(f.begun[1])
		}
		if len(f.begun) < need {
			n := min(need-len(f.begun), len(p))
			f.begun = append(f.begun, p[:n]...)
			p = p[n:]
			if len(f.begun) < 2 || len(f.begun) < headerBytes(f.begun[1]) {
				continue
			}
		}
		size := headerBytes(f.begun[1])
		h, fault := f.headers.parse(f.begun[:size])
		switch {
		case fault == "" && !h.Masked:
			fault = "a client's frame without a mask"
		case fault == "" && h.OpCode.IsControl() && h.Rsv != 0:
			fault = "reserved bits"
		}
		if fault != "" {
			return 0, nil, nil, violation(ProtocolError, fault)
		}
		if !h.OpCode.IsControl() {
			f.begun = nil
			if f.skip = h.Length; h.Length > maxUnheard || f.data+h.Length > maxUnheard {
				return 0, nil, nil, violation(PolicyViolation, "this is a feed: it does not listen")
			}
			f.data += h.Length
			continue
		}
		n := min(size+int(h.Length)-len(f.begun), len(p))
		f.begun = append(f.begun, p[:n]...)
		p = p[n:]
		if len(f.begun) < size+int(h.Length) {
			break
		}
		payload = f.begun[size:]
		f.begun = nil
		ws.Cipher(payload, h.Mask, 0)
		return h.OpCode, payload, p, nil
	}
	return 0, nil, nil, nil
}

// violation is the end of a feed whose client broke a rule.
func violation(code Code, fault string) *CloseError {
	return &CloseError{Code: code, Reason: clip(fault), cause: fmt.Errorf("%w: %s", ErrViolation, fault)}
}
