package sse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/redstart-go/redstart/internal/departure"
	"github.com/redstart-go/redstart/internal/fanout"
	"github.com/redstart-go/redstart/internal/upload"
)

// The defaults of a [Server].
const (
	DefaultHeartbeat    = 15 * time.Second
	DefaultWriteTimeout = 5 * time.Second
	DefaultGrace        = 5 * time.Second
	DefaultDrainWindow  = time.Second
	DefaultRetry        = 2 * time.Second
)

// maxUnreadBody is how much of a request's body is read and thrown away before a
// stream begins. net/http notices that a client has gone only once the body has
// been read.
const maxUnreadBody = 4 << 20

// maxRetry bounds Server.Retry: what a browser's timer takes is a little more.
const maxRetry = 24 * 24 * time.Hour

// Server holds what the streams of one process share: their defaults, their
// limits, and the drain at shutdown. The zero value is ready to use. Its fields
// must not change once it serves. It is safe for concurrent use.
type Server struct {
	// Heartbeat, WriteTimeout and Grace are the defaults of the options of the
	// same names. Zero stands for the default above, a negative value for none.
	Heartbeat    time.Duration
	WriteTimeout time.Duration
	Grace        time.Duration
	// MaxAge is the default of the option of the same name; zero is no limit.
	MaxAge time.Duration
	// Retry is about how long a client that is sent away waits before it comes
	// back; each is told between half and one and a half of it. Zero stands for
	// the default above; with a negative value clients are told nothing.
	Retry time.Duration
	// DrainWindow is the time over which Drain spreads the goodbyes to
	// subscribers, so that they do not come back all at once.
	DrainWindow time.Duration

	// MaxStreams and MaxStreamsPerClient bound the streams that are open at the
	// same time; zero is no bound. A newcomer beyond it is answered with status
	// 200, a retry and the end of the stream, because an EventSource takes any
	// other status for final. Those who are connected are never evicted.
	MaxStreams          int
	MaxStreamsPerClient int
	// ClientKey tells clients apart for MaxStreamsPerClient. The default is the
	// IP address of the peer; use the user's name where one is known.
	ClientKey func(*http.Request) string

	// ErrorMessage is the default of the option of the same name.
	ErrorMessage func(error) Message

	// Transport says how subscribers of a hub are written to.
	Transport Transport

	parkOnce   sync.Once
	parkShared *fanout.Config

	mu       sync.Mutex
	open     map[*active]struct{}
	perKey   map[string]int
	draining bool
	drained  chan struct{} // closed when draining and no stream is open

	counts streamCounts
}

// active is an open stream.
type active struct {
	key       string
	grace     time.Duration
	resumable bool
	cancel    context.CancelCauseFunc
	stream    interface{ info() StreamInfo }
}

// Open returns the number of streams that are open now.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// Handle serves the stream as a whole reply on plain net/http: it answers for a
// stream that fails before its first byte, and aborts the body of one that fails
// later. It returns the report unless it aborts.
func (s *Server) Handle(w http.ResponseWriter, r *http.Request, stream *Stream) Report {
	report := s.Serve(w, r, stream)
	if !report.Committed && !report.Abort {
		report.Status = http.StatusInternalServerError
		coded, ok := errors.AsType[interface {
			error
			StatusCode() int
		}](report.Err)
		if ok && coded.StatusCode() >= 400 && coded.StatusCode() <= 599 {
			report.Status = coded.StatusCode()
		}
		text := http.StatusText(report.Status)
		if _, ok := errors.AsType[*UnsupportedWriterError](report.Err); ok || errors.Is(report.Err, errServedTwice) {
			text = report.Err.Error() // for whoever tries the program out
		} else if report.Status < 500 {
			text = coded.Error()
		}
		http.Error(w, text, report.Status)
	}
	if report.Abort {
		panic(http.ErrAbortHandler)
	}
	return report
}

// Serve streams to w until the source ends, the client leaves, or the server
// drains. It returns when nothing uses w any more, and says in the report what
// the caller still owes: a reply when nothing was committed, an abort when the
// body must not end cleanly.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, stream *Stream) Report {
	ctx, cancel, stop := departure.Context(r.Context(), ErrClientGone)
	defer stop()
	return s.ServeContext(ctx, cancel, w, r, stream)
}

// ServeContext is Serve with a context of the caller's, which ends with the
// stream: cancel is called with the cause. It lets a framework give its handler
// the very context that the stream's end cancels.
func (s *Server) ServeContext(ctx context.Context, cancel context.CancelCauseFunc, w http.ResponseWriter, r *http.Request, stream *Stream) (report Report) {
	if !stream.claimed.CompareAndSwap(false, true) {
		cancel(errServedTwice)
		return Report{Reason: Unstarted, Err: errServedTwice}
	}
	begin := time.Now()
	entry := &active{cancel: cancel}
	// Deferred for a source that ends the goroutine (runtime.Goexit), and a hook
	// of the program's that panics: what the stream holds is let go of all the
	// same. The place is given up last, so that a drain waits for OnEnd too.
	report = Report{Reason: Panicked, Err: errGoexit}
	defer func() {
		if !report.Parked {
			s.leave(entry)
		}
	}()
	defer func() {
		if report.Parked {
			cancel(ErrParked)
			return
		}
		report.Duration = time.Since(begin)
		s.counts.add(&report)
		cancel(cmp.Or(report.Err, ErrEnded))
		stream.release(report)
	}()
	report = s.serve(ctx, entry, w, r, stream, begin)
	return report
}

func (s *Server) serve(ctx context.Context, entry *active, w http.ResponseWriter, r *http.Request, stream *Stream, begin time.Time) Report {
	o := stream.options
	status := cmp.Or(o.status, http.StatusOK)
	if stream.err != nil {
		return Report{Reason: Unstarted, Err: stream.err}
	}
	if status < 200 || status > 999 {
		return Report{Reason: Unstarted, Err: fmt.Errorf("sse: Status(%d): want a final status, 200 to 999", status)}
	}
	commit := func() { s.writeHeader(w, status) }
	if r.Method == http.MethodHead || !bodyAllowed(status) {
		commit()
		return Report{Reason: Unstarted, Status: status, Committed: true}
	}
	if err := checkFlush(w); err != nil {
		return Report{Reason: Unstarted, Err: err}
	}
	sub, _ := stream.source.(*Subscription)
	if sub != nil {
		if err := sub.allowed(ctx); err != nil {
			return Report{Reason: Unstarted, Err: err}
		}
	}
	pulse, err := o.pulse()
	if err != nil {
		return Report{Reason: Unstarted, Err: &sourceError{err}}
	}
	rc := http.NewResponseController(w)
	// A WriteTimeout of the http.Server counts from the request's header on and
	// would cut or deafen the stream: from here on each write has its own. It
	// comes first, since an HTTP/2 stream whose deadline has passed is lost.
	_ = rc.SetWriteDeadline(time.Time{})
	if err := drainBody(r); err != nil {
		return Report{Reason: Unstarted, Err: err}
	}

	out := newWriter(w, rc)
	out.timeout = s.writeTimeout(&o)
	out.commit = commit
	out.onFailure = entry.cancel
	out.retry = o.retry

	entry.key = s.clientKey(r)
	entry.grace = pick(o.setGrace, o.grace, s.Grace, DefaultGrace)
	if entry.resumable = sub != nil; entry.resumable && !o.setGrace {
		entry.grace = 0
	}
	entry.stream = &servedStream{out: out, begin: begin, remote: r.RemoteAddr, path: r.URL.Path, subscription: sub}
	if refusal := s.admit(entry); refusal != nil {
		out.close(s.goodbye(reasonFor(refusal)))
		return conclude(out, status, refusal)
	}
	defer out.close(nil) // the fence, whatever the source does
	if !o.lazy {
		err = out.firstBytes()
	}
	if sub != nil && err == nil {
		err = sub.open(ctx, out, LastEventID(r))
	}
	if sub != nil && err == nil && s.canPark(ctx, w, r, &o) && s.park(ctx, entry, out, sub, stream, begin) {
		return Report{Status: status, Committed: true, Parked: true}
	}

	// The context's end stops the source's sends. It must have been heard before
	// the outcome is read.
	heard := out.stopWith(ctx)
	if age := s.maxAge(&o); age > 0 {
		timer := time.AfterFunc(age, func() { entry.cancel(ErrMaxAge) })
		defer timer.Stop()
	}
	if beat := s.heartbeat(&o); beat > 0 && err == nil {
		out.startHeartbeat(beat, pulse)
	}
	if err == nil {
		err = protect(func() error { return stream.source.run(ctx, out) })
	}
	heard()
	return s.finish(out, status, err, o)
}

// finish says goodbye, as far as the client can still be reached, and reports.
func (s *Server) finish(out *writer, status int, err error, o options) Report {
	out.mu.Lock()
	if panicked, _ := errors.AsType[*PanicError](err); out.stopped != nil && (panicked == nil || isAbort(err)) {
		// Whatever the source made of it, this came first. A panic is a fault of
		// the program, though, that nobody would hear of otherwise.
		err = out.stopped
	}
	committed := out.committed || len(out.buf) > 0 // about to be, by another goroutine
	out.mu.Unlock()

	var final []byte
	switch reason := reasonFor(err); reason {
	case Completed:
		if !committed {
			final = AppendComment(nil, "") // an empty stream is a stream all the same
		}
	case Drained, Aged, Lagging, HubClosed:
		final = s.goodbye(reason)
	case Failed, Panicked:
		if committed && !isAbort(err) {
			final = s.lastWords(err, o)
		}
	}
	out.close(final)
	return conclude(out, status, err)
}

// conclude makes the report of a stream whose writer is closed.
func conclude(out *writer, status int, err error) Report {
	out.mu.Lock()
	defer out.mu.Unlock()
	if reason := reasonFor(err); out.failed != nil && reason != Failed && reason != Panicked {
		// What could not be written is not completed, whatever the source thinks;
		// and a client that was too slow has also gone by now.
		err = out.failed
	}
	report := Report{
		Reason: reasonFor(err), Events: out.events, Bytes: out.bytes,
		Committed: out.committed, Err: err,
	}
	if out.committed {
		report.Status = status
	}
	switch report.Reason {
	case Failed, Panicked, SlowClient:
		report.Abort = out.committed || isAbort(err)
		if !out.committed {
			report.Reason = Unstarted
		}
	case ClientGone:
		if out.committed {
			report.Err = nil
		}
	default:
		report.Err = nil
	}
	return report
}

// lastWords encodes what the client is told of a failure.
func (s *Server) lastWords(err error, o options) []byte {
	message := o.errorMessage
	if message == nil {
		message = s.ErrorMessage
	}
	fallback, _ := Text("the stream failed").WithEvent("error").AppendTo(nil)
	if message == nil {
		return fallback
	}
	var words []byte
	if e := protect(func() (e error) { words, e = message(err).AppendTo(nil); return e }); e != nil {
		return fallback
	}
	return words
}

// goodbye encodes the event that sends a client away with a time to come back.
// It is a named event, which a page need not listen to: several clients take a
// block that has only a retry for an empty message. Its data is the reason and
// never the cause, whose text may not be meant for clients.
func (s *Server) goodbye(reason Reason) []byte {
	retry := min(max(cmp.Or(s.Retry, DefaultRetry), 0), maxRetry)
	m := Message{Event: "sse.bye", Data: string(reason), Retry: retry/2 + rand.N(retry+1)}
	return appendFrame(nil, &m, nil)
}

var (
	contentType  = []string{"text/event-stream"}
	cacheControl = []string{"no-cache, no-transform"}
	accelNo      = []string{"no"}
)

func (s *Server) writeHeader(w http.ResponseWriter, status int) {
	h := w.Header()
	h["Content-Type"] = contentType
	// What the handler chose stays, also when it chose that there be none.
	if _, has := h["Cache-Control"]; !has {
		h["Cache-Control"] = cacheControl
	}
	if _, has := h["X-Accel-Buffering"]; !has {
		h["X-Accel-Buffering"] = accelNo
	}
	h.Del("Content-Length")
	h.Del("Etag")
	w.WriteHeader(status)
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// drainBody reads the rest of the request, without which net/http cannot see the
// client leave.
func drainBody(r *http.Request) error {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	_, err := io.CopyN(io.Discard, r.Body, maxUnreadBody+1)
	refusal := unreadBodyError{http.StatusBadRequest, "the body could not be read"}
	limited, isLimited := errors.AsType[*http.MaxBytesError](err)
	switch {
	case err == nil:
		refusal = tooLarge(maxUnreadBody)
		return fmt.Errorf("sse: the handler left the body unread; read it before streaming: %w", &refusal)
	case err == io.EOF, errors.Is(err, http.ErrBodyReadAfterClose):
		return nil
	case isLimited:
		refusal = tooLarge(limited.Limit)
	case errors.Is(err, upload.ErrTooLarge):
		refusal = unreadBodyError{http.StatusRequestEntityTooLarge, upload.ErrTooLarge.Error()}
	case errors.Is(err, os.ErrDeadlineExceeded):
		refusal = unreadBodyError{http.StatusRequestTimeout, "the body stopped arriving"}
	case errors.Is(err, io.ErrUnexpectedEOF):
		refusal.text = "the body ended before it was complete"
	}
	return fmt.Errorf("sse: reading the rest of the request: %w: %w", &refusal, err)
}

// unreadBodyError is the client's fault: it sent a body that is broken, or more
// than anybody wanted. Its text is for the client; the errors around it, which the
// report has, are for the program.
type unreadBodyError struct {
	status int
	text   string
}

func tooLarge(limit int64) unreadBodyError {
	return unreadBodyError{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", limit)}
}

func (e *unreadBodyError) Error() string   { return e.text }
func (e *unreadBodyError) StatusCode() int { return e.status }

func (s *Server) heartbeat(o *options) time.Duration {
	return pick(o.setHeartbeat, o.heartbeat, s.Heartbeat, DefaultHeartbeat)
}

func (s *Server) writeTimeout(o *options) time.Duration {
	return pick(o.setWriteTimeout, o.writeTimeout, s.WriteTimeout, DefaultWriteTimeout)
}

// maxAge chooses an age for one stream, 80 to 100 percent of the limit.
func (s *Server) maxAge(o *options) time.Duration {
	age := pick(o.setMaxAge, o.maxAge, s.MaxAge, 0)
	if age <= 0 {
		return 0
	}
	return age - rand.N(age/5+1)
}

// pick chooses between a stream's option and the server's default.
func pick(set bool, option, server, fallback time.Duration) time.Duration {
	if set {
		return option
	}
	return cmp.Or(server, fallback)
}

func (s *Server) clientKey(r *http.Request) string {
	if s.MaxStreamsPerClient <= 0 {
		return ""
	}
	if s.ClientKey != nil {
		return s.ClientKey(r)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
