package websocket

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/redstart-go/redstart/internal/reclaim"
	"github.com/redstart-go/redstart/sse"
)

// Server holds what the conversations of one process share: their defaults, their
// limits, their register, and the drain at shutdown. The zero value is ready to use. Its
// fields must not change once it serves. It is safe for concurrent use.
type Server struct {
	// The defaults of the options of the same names. For a duration, a size or a
	// number zero stands for the package's default, and a negative value for none.
	Heartbeat       time.Duration
	PongTimeout     time.Duration
	WriteTimeout    time.Duration
	Grace           time.Duration
	MaxMessageBytes int64
	OutboxBytes     int
	OutboxPolicy    Policy
	Compression     bool
	RateLimit       Rate

	// Origins and Subprotocols are the defaults of the options of the same names.
	Origins      []string
	Subprotocols []string
	// InsecureAnyOrigin lets every page of the web connect, with the cookies of
	// whoever looks at it.
	InsecureAnyOrigin bool

	// MaxConns and MaxConnsPerClient bound the connections that are open at the same
	// time; zero is no bound. A newcomer beyond it is refused with status 503 and a
	// Retry-After before it is upgraded. Those who are connected are never evicted.
	MaxConns          int
	MaxConnsPerClient int
	// ClientKey tells clients apart for MaxConnsPerClient. The default is the IP
	// address of the peer; use the user's name where one is known.
	ClientKey func(*http.Request) string

	// DrainWindow is the time over which Drain spreads the goodbyes, so that clients
	// do not come back all at once.
	DrainWindow time.Duration

	settle sync.Once
	common settings

	mu       sync.Mutex
	wheel    *wheel
	open     map[string]*Conn // by id
	admitted int              // open, and on the way to it
	perKey   map[string]int
	keys     map[string]string // of clients, by connection id
	draining bool
	drained  chan struct{} // closed when draining and nothing is admitted any more
	stats    Stats

	rooms pump
	feeds map[*listener]struct{}
	parks map[*sse.Framing]*sse.ParkConfig

	reclaimer reclaim.Reclaimer
}

// Stats are totals over the life of a [Server]. What conversations have sent and
// received is added when they end.
type Stats struct {
	Open              int   // now
	Accepted, Refused int64 // handshakes; Refused are those beyond a limit or in a drain
	MessagesIn        int64
	MessagesOut       int64
	BytesIn, BytesOut int64
	Dropped           int64
}

// Stats returns the totals so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Open = len(s.open) + len(s.feeds)
	return stats
}

// Open returns the number of connections that are open now.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open) + len(s.feeds)
}

// Conn finds an open connection by its [Conn.ID].
func (s *Server) Conn(id string) (*Conn, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.open[id]
	return c, ok
}

// Conns returns the connections that are open now, in no order.
func (s *Server) Conns() iter.Seq[*Conn] {
	s.mu.Lock()
	conns := slices.Collect(maps.Values(s.open))
	s.mu.Unlock()
	return slices.Values(conns)
}

// Handle serves the conversation as a whole reply on plain net/http: it answers for a
// handshake that fails, and logs a conversation that fails or panics, to the
// http.Server's ErrorLog. Like Serve it returns when the conversation has begun.
func (s *Server) Handle(w http.ResponseWriter, r *http.Request, v *Conversation) Report {
	logf := log.Printf
	if server, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && server.ErrorLog != nil {
		logf = server.ErrorLog.Printf
	}
	from, path := r.RemoteAddr, r.URL.Path
	if !v.claimed.Load() {
		v.With(OnEnd(func(report Report) {
			panicked, _ := errors.AsType[*PanicError](report.Err)
			switch {
			case report.Reason == Panicked && panicked != nil:
				logf("websocket: %s %s: %v\n%s", from, path, panicked, panicked.Stack)
			case report.Reason == Failed:
				logf("websocket: %s %s: %v", from, path, report.Err)
			}
		}))
	}
	report := s.Serve(w, r, v)
	if report.Detached {
		return report
	}
	report.Status = http.StatusInternalServerError
	if refusal, ok := errors.AsType[*HandshakeError](report.Err); ok {
		maps.Copy(w.Header(), refusal.Header)
	}
	if coded, ok := errors.AsType[interface {
		error
		StatusCode() int
	}](report.Err); ok {
		report.Status = coded.StatusCode()
	}
	http.Error(w, report.Err.Error(), report.Status)
	return report
}

// Serve performs the handshake, takes the connection over, starts the conversation on
// a goroutine of its own and returns at once, with Detached set. When that is not
// possible the report says why: its Err is a [*HandshakeError], an
// [*UnsupportedWriterError] or what went wrong, and the caller owes the client a
// reply. What the request's context holds stays within reach of the conversation; its
// end does not concern it.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, v *Conversation) Report {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
	return s.ServeContext(ctx, cancel, w, r, v)
}

// ServeContext is Serve with a context of the caller's, which has to outlive the
// request and ends with the conversation: cancel is called with the cause. It lets a
// framework give its handler the very context that the conversation's end cancels.
func (s *Server) ServeContext(ctx context.Context, cancel context.CancelCauseFunc, w http.ResponseWriter, r *http.Request, v *Conversation) Report {
	if !v.claimed.CompareAndSwap(false, true) {
		cancel(errServedTwice)
		return Report{Reason: Unstarted, Err: errServedTwice}
	}
	if v.feed != nil {
		report := s.startFeed(ctx, cancel, w, r, v)
		if !report.Detached {
			cancel(report.Err)
			v.release(report)
		}
		return report
	}
	c, report := s.begin(ctx, cancel, w, r, v)
	if c == nil {
		cancel(report.Err)
		v.release(report)
		return report
	}
	go s.converse(c, v) // leave takes it off the register, which Drain waits for
	return Report{Status: http.StatusSwitchingProtocols, Detached: true}
}

// upgraded is a connection after its handshake, to which the reply was not sent yet.
type upgraded struct {
	nc       net.Conn
	rw       *bufio.ReadWriter
	key      string // of the client
	agreed   agreement
	set      *settings
	response []byte
}

// upgrade checks the handshake and takes the connection over. Without one the report
// says why.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, v *Conversation) (*upgraded, Report) {
	fail := func(err error) (*upgraded, Report) { return nil, Report{Reason: Unstarted, Err: err} }
	set := v.options.resolve(s.settings())
	agreed, fault := negotiate(r, s.handshakeOptions(&v.options), set.compression)
	if fault != nil {
		return fail(fault)
	}
	if err := checkHijack(w); err != nil {
		return fail(err)
	}
	key := s.clientKey(r)
	if refusal := s.admit(key); refusal != nil {
		return nil, Report{Reason: Refused, Err: refusal}
	}
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.giveUp(key)
		return fail(fmt.Errorf("websocket: taking the connection over: %w", err))
	}
	// The server's timeouts for the request ended with it.
	_ = nc.SetDeadline(time.Time{})
	return &upgraded{nc, rw, key, agreed, set, agreed.response(w.Header())}, Report{}
}

// begin performs the handshake. Without a connection the report says why.
func (s *Server) begin(ctx context.Context, cancel context.CancelCauseFunc, w http.ResponseWriter, r *http.Request, v *Conversation) (*Conn, Report) {
	if v.run == nil {
		return nil, Report{Reason: Unstarted, Err: errNoFunction}
	}
	up, report := s.upgrade(w, r, v)
	if up == nil {
		return nil, report
	}
	c := newConn(up.nc, up.set, s.clock())
	c.id, c.rooms = rand.Text(), &s.rooms
	c.subprotocol, c.deflateBits = up.agreed.subprotocol, uint8(up.agreed.deflateBits)
	c.ctx, c.cancel = ctx, cancel
	// The request is kept for its data, without what would keep the http.Server's
	// buffers alive.
	c.request = r.WithContext(ctx)
	c.request.Body = http.NoBody
	c.in.preload(up.rw.Reader)
	if err := c.write(up.response); err != nil {
		_ = up.nc.Close()
		s.giveUp(up.key)
		return nil, Report{Reason: Gone, Detached: true, Err: fmt.Errorf("%w: %w", ErrGone, err)}
	}
	s.enter(c, up.key)
	return c, Report{}
}

// handshakeOptions are those of the conversation, filled up with the server's.
func (s *Server) handshakeOptions(own *options) *options {
	o := &options{origins: own.origins, anyOrigin: own.anyOrigin, subprotocols: own.subprotocols}
	if !own.setOrigins {
		o.origins, o.anyOrigin = s.Origins, s.InsecureAnyOrigin
	}
	if !own.setProtocols {
		o.subprotocols = s.Subprotocols
	}
	return o
}

func (s *Server) clientKey(r *http.Request) string {
	if s.MaxConnsPerClient <= 0 {
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
