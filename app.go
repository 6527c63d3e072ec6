package redstart

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/redstart-go/redstart/internal/callsite"
	"github.com/redstart-go/redstart/internal/clientip"
	"github.com/redstart-go/redstart/internal/headers"
	"github.com/redstart-go/redstart/internal/inspect"
	"github.com/redstart-go/redstart/internal/late"
	"github.com/redstart-go/redstart/internal/logging"
	"github.com/redstart-go/redstart/internal/processes"
	"github.com/redstart-go/redstart/internal/processes/supervisor"
	"github.com/redstart-go/redstart/internal/provide"
	"github.com/redstart-go/redstart/internal/requestid"
	"github.com/redstart-go/redstart/internal/routing"
	"github.com/redstart-go/redstart/internal/serving"
	"github.com/redstart-go/redstart/internal/settings"
	"github.com/redstart-go/redstart/internal/testclient"
	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/websocket"
)

// Version is the version of the framework.
const Version = "0.1.0"

// App holds the routes and serves them. Make one with [New]. Routes, middleware
// and handlers for errors may be registered in any order; those registered while
// it serves count from the next request on. An App is an [http.Handler] and safe
// for concurrent use.
type App struct {
	group
	config  config
	streams *sse.Server
	sockets *websocket.Server
	ids     *requestid.Source
	late    late.Group // handlers that were given up
	owner   provide.Owner
	docs    docsState
	born    time.Time // requests are timed from it: the monotonic clock alone is the cheaper one

	mu         sync.Mutex // guards registration
	registered []*route
	statics    []*route
	names      map[string]*route
	tables     map[string]*routing.Table[*route] // by host
	wrappers   []func(http.Handler) http.Handler
	onStart    []func(context.Context) error
	onStop     []func(context.Context) error
	entry      atomic.Pointer[http.Handler]
}

// Option sets up an [App].
type Option func(*config)

type config struct {
	logger           zerolog.Logger
	withoutAccessLog bool
	withoutRecover   bool
	withoutRequestID bool
	bodyLimit        int64
	timeouts         Timeouts
	server           serving.Settings
	processes        int
	trust            clientip.Trust
	headers          headers.Defaults
	docs             docsConfig
	streams          *sse.Server
	sockets          *websocket.Server
	renderer         Renderer
	notFound         Handler
	notAllowed       Handler
	listening        func(url string) // once it does, for who asks for a browser
	err              error            // of an option; reported when the app starts
}

// DefaultBodyLimit bounds a request's body, in bytes, unless another limit is set.
const DefaultBodyLimit = 4 << 20

// Timeouts bound how long clients may take. Zero stands for the default; a
// negative value for no bound. None of them ends a stream that goes on: streams
// bound each single write instead.
type Timeouts struct {
	Header time.Duration // for the request's header to arrive; 10 s
	Body   time.Duration // without a byte of the request's body; 30 s
	Write  time.Duration // for a plain reply to be taken, once there is one; 60 s
	Stall  time.Duration // without a byte of a download being taken; 30 s
	Idle   time.Duration // between two requests of a connection; 120 s
	Drain  time.Duration // from the signal to stop to the end of the program; 15 s
}

func (t Timeouts) withDefaults() Timeouts {
	serving.Default(&t.Header, 10*time.Second)
	serving.Default(&t.Body, 30*time.Second)
	serving.Default(&t.Write, 60*time.Second)
	serving.Default(&t.Stall, 30*time.Second)
	serving.Default(&t.Idle, 120*time.Second)
	serving.Default(&t.Drain, 15*time.Second)
	return t
}

// WithTimeouts sets the timeouts.
func WithTimeouts(t Timeouts) Option { return func(c *config) { c.timeouts = t } }

// WithLogger sets the logger. The default writes to standard error: readable on a
// terminal, JSON otherwise.
func WithLogger(l zerolog.Logger) Option { return func(c *config) { c.logger = l } }

// WithoutAccessLog turns off the log line of each request. Errors with a status
// of 500 and above are logged nevertheless.
func WithoutAccessLog() Option { return func(c *config) { c.withoutAccessLog = true } }

// WithoutRecover lets panics of handlers go up to net/http, which cuts the
// connection, and to the middleware of UseHTTP on their way.
func WithoutRecover() Option { return func(c *config) { c.withoutRecover = true } }

// WithoutRequestID turns request ids off.
func WithoutRequestID() Option { return func(c *config) { c.withoutRequestID = true } }

// WithBodyLimit bounds the bodies of requests, in bytes. The default is 4 MiB; 0
// is no bound. [BodyLimit] sets it for one route.
func WithBodyLimit(bytes int64) Option { return func(c *config) { c.bodyLimit = max(bytes, 0) } }

// WithTLS serves HTTPS, and HTTP/2 over it, with a certificate and key in PEM files.
// When these change, new connections get the new certificate within seconds; a pair
// that cannot be used then, or has expired, is logged, and the last one stays. Without
// the name of one of them the app does not start: it shall not serve in the clear for
// want of a setting.
func WithTLS(certFile, keyFile string) Option {
	return func(c *config) {
		if certFile == "" || keyFile == "" {
			c.err = errors.Join(c.err, fmt.Errorf("WithTLS: want the files of a certificate and of its key, got %q and %q", certFile, keyFile))
		}
		c.server.CertFile, c.server.KeyFile = certFile, keyFile
	}
}

// WithTLSConfig serves HTTPS, and HTTP/2 over it, as the configuration says. Package
// middleware/acme has one whose certificates come by themselves. nil, and one without a
// certificate, are an error of the start. With [WithTLS] too, the files are for the
// clients that none of its own certificates is for.
func WithTLSConfig(t *tls.Config) Option {
	return func(c *config) {
		if t == nil {
			c.err = errors.Join(c.err, errors.New("WithTLSConfig: the configuration is nil: leave the option out to serve without TLS"))
		}
		c.server.TLS = t
	}
}

// WithH2C serves HTTP/2 without TLS besides HTTP/1.1, for use behind a proxy: one
// connection then carries many streams. The proxy has to begin with HTTP/2, as it does
// when it is told to; a request to upgrade is answered by HTTP/1.1. Where there is TLS,
// and HTTP/2 anyway, it changes nothing.
func WithH2C() Option { return func(c *config) { c.server.H2C = true } }

// WithHTTP2 refines HTTP/2. What is zero stands for the default: 250 streams to a
// connection, which is asked for a sign of life after 30 s of silence and has 15 s to
// give it, and is cut after [Timeouts].Stall without a byte taken; for the rest as
// net/http has it. A negative SendPingTimeout or WriteByteTimeout is none. A value that
// net/http would ignore is an error of the start.
func WithHTTP2(h http.HTTP2Config) Option {
	return func(c *config) {
		if err := serving.CheckHTTP2(h); err != nil {
			c.err = errors.Join(c.err, fmt.Errorf("WithHTTP2: %w", err))
		}
		c.server.HTTP2 = h
	}
}

// WithSocketMode sets the permissions of a Unix socket, such as 0o660 for a proxy of
// the same group. Otherwise they are what the umask leaves. With an address of another
// kind it is an error of the start.
func WithSocketMode(mode fs.FileMode) Option {
	return func(c *config) { c.server.SocketMode = mode }
}

// WithProcesses runs the program n times over, on one address. 0 and 1 are a single
// process; more than 255, and fewer than none, are an error of the start.
//
// The process that was started becomes the supervisor: its [App.Start] or [App.Run]
// serves nothing and runs no OnStart function. It starts the program again, with the
// same arguments and no standard input, n times, and those processes serve. On Linux the kernel spreads
// connections over them; on other Unix systems, and on a Unix socket, whoever is
// quickest takes the next one; elsewhere n above 1 is an error. The processes share
// no memory: limits, [App.Streams] and rate limits count in each by itself.
//
//   - A process that ends by itself, with whatever exit status, is started again: at
//     once, and when it ends again within 10 s, after 100 ms, doubling up to 10 s.
//     Meanwhile another process accepts its connections. Only the requests that it
//     had accepted are lost. When none gets to serve, Start gives up: after three
//     tries each, or ten once some process has served.
//   - SIGHUP to the supervisor is a rolling restart, with the program that is then at
//     its path: process by process a new one is started, and once it serves, the old
//     one drains. One that does not get to serve within a minute ends the restart,
//     and the old ones stay.
//   - SIGTERM and SIGINT stop as [App.Start] says, the supervisor last. A process
//     that has not ended 5 s after twice [Timeouts].Drain is killed. When the
//     supervisor is killed, the others drain.
//
// No connection is refused or reset by a rolling restart, and every request that
// reaches the old process is answered. For half a second its replies tell the client
// to close the connection, then it closes those that are idle. As with every server
// that closes idle connections, a request which an idle client sends at that very
// moment gets no reply: browsers and Go's client repeat it if it is a GET.
//
// The program's main function runs in the supervisor too, up to Start: what only
// a serving process needs belongs into OnStart, or behind [App.Supervises].
func WithProcesses(n int) Option {
	return func(c *config) {
		if n < 0 || n > processes.Max {
			c.err = errors.Join(c.err, fmt.Errorf("WithProcesses(%d): want 0 to %d", n, processes.Max))
		}
		c.processes = n
	}
}

// Process tells which process of an app with [WithProcesses] this is: a slot from 1
// to of, which stays the same over restarts. Both are 0 in a program that is alone,
// and in the supervisor.
func Process() (slot, of int) {
	slot, of, _ = processes.Slot()
	return slot, of
}

// TrustProxies lets these proxies speak for their clients, for [Request.IP], Host and
// Scheme. By default nobody may, and these are the connection's. Given again it adds to
// the list; an entry that is none of these is an error of the start:
//
//	"10.0.0.0/8", "192.0.2.7"    a network, an address
//	"loopback", "private"        this machine; the networks of RFC 1918 and RFC 4193
//	"unix"                       peers on a Unix socket
//	"forwarded"                  the proxies write Forwarded (RFC 7239)
//	"x-forwarded"                they write X-Forwarded-For, -Host and -Proto
//
// Say which of the two the proxies write: they may pass on the other as a client sent
// it. Without either word, what both say alike counts. The headers are read from right to
// left, up to the first address that is no proxy's: that is the client.
func TrustProxies(networks ...string) Option {
	return func(c *config) {
		trust, err := c.trust.And(networks...)
		c.trust, c.err = trust, errors.Join(c.err, err)
	}
}

// DefaultHeader sets a header on every reply that lacks it, error replies, files
// and streams included, but for paths that are, or are below, one of except, such as
// "/embed". Of several for one header the first that counts for a path is set.
func DefaultHeader(name, value string, except ...string) Option {
	return func(c *config) {
		c.err = errors.Join(c.err, c.headers.Add(name, value, except))
	}
}

// WithStreams sets what all event streams of the app share: their heartbeat,
// limits and drain. The server must not be shared with another app.
func WithStreams(s *sse.Server) Option { return func(c *config) { c.streams = s } }

// WithSockets sets what all WebSocket conversations of the app share: their limits,
// their heartbeat, the origins of pages that may connect, and the drain. The default is
// the zero [websocket.Server].
func WithSockets(s *websocket.Server) Option { return func(c *config) { c.sockets = s } }

// WithTemplates sets what [Render] makes pages with. A renderer that cannot be prepared,
// as one with a template that is broken, is an error of the start.
func WithTemplates(r Renderer) Option { return func(c *config) { c.renderer = r } }

// New makes an App that recovers from panics, gives requests an id and writes an
// access log; options turn these off.
func New(opts ...Option) *App {
	c := config{logger: logging.Default(os.Stderr), bodyLimit: DefaultBodyLimit}
	for i, opt := range opts {
		if opt == nil {
			misuse("New", "%s is nil: leave it out", nth("option", i, len(opts)))
		}
		opt(&c)
	}
	c.timeouts = c.timeouts.withDefaults()
	if slot, _, child := processes.Slot(); child {
		c.logger = c.logger.With().Int("process", slot).Logger()
	}
	a := &App{
		config: c, streams: c.streams, ids: requestid.NewSource(), born: time.Now(),
		names: map[string]*route{}, tables: map[string]*routing.Table[*route]{"": {}},
	}
	a.group.app = a
	if c.renderer != nil {
		a.config.err = errors.Join(c.err, c.renderer.Load(map[string]any{"url": a.URL}))
	}
	if a.streams == nil {
		a.streams = &sse.Server{}
	}
	if a.sockets = c.sockets; a.sockets == nil {
		a.sockets = &websocket.Server{}
	}
	clientKey := func(r *http.Request) string { return a.config.trust.Resolve(r).Address() }
	if a.streams.ClientKey == nil {
		a.streams.ClientKey = clientKey
	}
	if a.sockets.ClientKey == nil {
		a.sockets.ClientKey = clientKey
	}
	if a.streams.ErrorMessage == nil {
		a.streams.ErrorMessage = streamError
	}
	return a
}

// Streams returns what the app's event streams share, to ask for their number.
func (a *App) Streams() *sse.Server { return a.streams }

// Sockets returns what the app's WebSocket conversations share, to ask for their number
// and to find one by its id.
func (a *App) Sockets() *websocket.Server { return a.sockets }

// drain sends away what would not end by itself.
func (a *App) drain(ctx context.Context) error {
	var conversations error
	var both sync.WaitGroup
	both.Go(func() { conversations = a.sockets.Drain(ctx) })
	streams := a.streams.Drain(ctx)
	both.Wait()
	return errors.Join(streams, conversations)
}

// Host makes a group of routes for one host name, written in ASCII and without a scheme
// or a pattern; a port in it does not matter, and "" is every host. A request for that
// host is answered by them first, then by the routes for every host. A name that no
// request can have panics.
func (a *App) Host(name string) *Group {
	host := routing.HostName(name)
	if problem := routing.CheckHost(name); problem != "" {
		misuse(fmt.Sprintf("Host %q", name), "%s", problem)
	}
	a.change(func() {
		if a.tables[host] == nil {
			a.tables[host] = &routing.Table[*route]{}
		}
	})
	return &Group{group{app: a, parent: &a.group, host: host}}
}

// UseHTTP puts net/http middleware around everything, the first outermost. It
// must let streams flush: a ResponseWriter it wraps needs an Unwrap method.
func (a *App) UseHTTP(mw ...func(http.Handler) http.Handler) {
	for i, m := range mw {
		if m == nil {
			misuse(nth("UseHTTP: middleware", i, len(mw)), "it is nil: leave it out")
		}
	}
	a.change(func() { a.wrappers = append(a.wrappers, mw...) })
}

// NotFound chooses the reply where no route answers. Its status is 404 unless it
// sets one.
func (a *App) NotFound(h Handler) { a.change(func() { a.config.notFound = h }) }

// MethodNotAllowed chooses the reply where the path has routes for other methods
// only. Its status is 405 unless it sets one; Allow is added to it.
func (a *App) MethodNotAllowed(h Handler) { a.change(func() { a.config.notAllowed = h }) }

// OnStart adds a function that runs before the first request is taken, in the
// order of adding. An error stops the start and is returned from it.
func (a *App) OnStart(f func(context.Context) error) {
	if f == nil {
		misuse("OnStart", "the function is nil")
	}
	a.change(func() { a.onStart = append(a.onStart, f) })
}

// OnStop adds a function that runs when the last request has ended, in reverse
// order of adding. All run, whatever errors they return; the errors are returned
// from Start, Run or Serve.
func (a *App) OnStop(f func(context.Context) error) {
	if f == nil {
		misuse("OnStop", "the function is nil")
	}
	a.change(func() { a.onStop = append(a.onStop, f) })
}

// change does one registration; the routes are built anew at the next request.
func (a *App) change(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
	a.docs.site.Forget()
	a.entry.Store(nil)
}

func (a *App) addRoute(r *route) {
	a.change(func() {
		if other := a.names[r.name]; r.name != "" && other != nil {
			panic(fmt.Sprintf("redstart: two routes are named %q: %s at %s and %s at %s", r.name, other.pattern, other.where, r.pattern, r.where))
		}
		if i := slices.IndexFunc(a.registered, func(other *route) bool { return r.doc.ID != "" && other.doc.ID == r.doc.ID }); i >= 0 {
			other := a.registered[i]
			panic(fmt.Sprintf("redstart: two routes have the operation id %q: %s at %s and %s at %s", r.doc.ID, other.pattern, other.where, r.pattern, r.where))
		}
		if err := a.tables[r.group.host].Add(r.method, r.pattern, r, r.where); err != nil {
			panic("redstart: " + err.Error())
		}
		if r.name != "" {
			a.names[r.name] = r
		}
		r.index = len(a.registered)
		a.registered = append(a.registered, r)
	})
}

func (a *App) addStatic(r *route) {
	a.change(func() { a.statics = append(a.statics, r) })
}

// Routes lists what is registered: the routes in the order of registration, then
// the folders of [App.Static].
func (a *App) Routes() []RouteInfo {
	a.mu.Lock()
	defer a.mu.Unlock()
	infos := make([]RouteInfo, 0, len(a.registered)+len(a.statics))
	for _, r := range slices.Concat(a.registered, a.statics) {
		infos = append(infos, RouteInfo{
			Method: r.method, Pattern: r.pattern, Name: r.name,
			Handler: cmp.Or(r.function, callsite.Name(r.handler)), Source: r.where, Host: r.group.host, Socket: r.socket, Security: r.securities(),
		})
	}
	return infos
}

// URL makes the path of a named route from pairs of a parameter's name and value:
// app.URL("crime", "id", 7). Values are escaped. An unknown name, a parameter
// that is missing, unknown or empty, and an odd number of pairs are errors.
func (a *App) URL(name string, pairs ...any) (string, error) {
	a.mu.Lock()
	r := a.names[name]
	a.mu.Unlock()
	if r == nil {
		return "", fmt.Errorf("redstart: URL: no route is named %q", name)
	}
	u, err := r.parsed.URLOf(pairs)
	if err != nil {
		return "", fmt.Errorf("redstart: URL %q: %w", name, err)
	}
	return u, nil
}

// handler returns the compiled app, which it builds after a change.
func (a *App) handler() http.Handler {
	if h := a.entry.Load(); h != nil {
		return *h
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if h := a.entry.Load(); h != nil {
		return *h
	}
	if err := a.config.err; err != nil {
		// Start, Run and Serve return it. Whoever uses the app as a plain handler
		// has to learn of it too.
		a.config.logger.Error().Err(err).Msg("an option of the app has no effect")
	}
	var h http.Handler = &dispatcher{app: a, routes: a.build()}
	for _, wrap := range slices.Backward(a.wrappers) {
		h = wrap(h)
	}
	a.entry.Store(&h)
	return h
}

// ServeHTTP answers one request. It lets the app be used wherever an
// [http.Handler] is wanted, tests included.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler().ServeHTTP(w, r) }

// Start serves on addr until SIGINT or SIGTERM, then drains: it takes no new
// connections, lets requests finish, tells streams to reconnect elsewhere, and
// runs the OnStop functions. A second signal ends it at once. The address is
// "host:port", ":port", "unix:/path/to/socket", see [WithSocketMode], or a socket that
// the program was started with: "systemd:" for that of systemd's socket activation,
// "systemd:name" for that of several with this FileDescriptorName, and "fd:3" for a
// descriptor by its number.
//
// It returns nil after an orderly stop. Errors, such as a port in use, are logged
// as well, so that a main function need not look.
func (a *App) Start(addr string) error {
	err := serving.UntilSignal(a.config.logger, func(ctx context.Context, force <-chan struct{}) error {
		return a.run(ctx, force, addr)
	})
	if err != nil {
		a.config.logger.Error().Err(err).Msg("stopped")
	}
	return err
}

// Main is the usual last line of a program: [App.Start], with what whoever runs the program
// says of it. What is on the right goes before what is on its left:
//
//	in code                   redstart.env or environment       flag
//	"127.0.0.1"               REDSTART_HOST=0.0.0.0             --host 0.0.0.0
//	8080                      REDSTART_PORT=9000                --port 9000
//	WithProcesses(4)          REDSTART_PROCESSES=8              --processes 8
//	WithLogger(l.Level(...))  REDSTART_LOG_LEVEL=warn           --log-level warn
//	WithoutDocs()             REDSTART_DISABLE_OPENAPI=true     --disable-openapi
//	                          REDSTART_OPEN_BROWSER=true        --open-browser
//
// There are --version and --help as well. Of the middle column the environment goes before
// redstart.env, a file in the working directory that has such lines, and comments that
// begin with "#". Variables that are empty do not count; one that is unknown is a warning
// in the log, and an unknown one of the file an error.
//
// Main returns when the app has stopped in order, and otherwise exits the program: with
// status 1 after an error, which is logged, and with status 2, before anything is done,
// when what the program was told cannot be; with 0 when it was asked for help or for the
// version. It reads all of the command line, so a program with flags of its own calls Start
// instead.
//
// The processes of [WithProcesses] read the same for themselves, so that a rolling restart
// takes over what has changed in the file; but the address and the number of processes are
// the supervisor's, from its start to its end.
func Main(app *App) {
	if app == nil {
		misuse("Main", "the app is nil")
	}
	c := &app.config
	set, warnings, status, ended := settings.This(Version).Settings(settings.Settings{
		Host: settings.DefaultHost, Port: settings.DefaultPort, Processes: c.processes,
		LogLevel: c.logger.GetLevel(), DisableOpenAPI: c.docs.off,
	})
	if ended {
		os.Exit(status)
	}
	addr := set.Addr()
	if at, of, child := processes.Served(); child {
		addr, set.Processes = at, of
	}
	app.change(func() {
		c.processes, c.docs.off, c.logger = set.Processes, set.DisableOpenAPI, c.logger.Level(set.LogLevel)
	})
	for _, w := range warnings {
		c.logger.Warn().Str("name", w.Name).Str("where", w.Where).Msg(w.Text)
	}
	browser := settings.NewBrowser(c.logger)
	if set.OpenBrowser {
		c.listening = browser.Open
	}
	err := app.Start(addr)
	browser.Close()
	if err != nil {
		os.Exit(settings.StatusError)
	}
}

// Run is [App.Start] that stops when ctx ends instead of on a signal, and does not
// log the error it returns.
func (a *App) Run(ctx context.Context, addr string) error { return a.run(ctx, nil, addr) }

func (a *App) run(ctx context.Context, force <-chan struct{}, addr string) error {
	if err := a.config.err; err != nil {
		return fmt.Errorf("redstart: %w", err)
	}
	if asked, err := a.inspected(); asked {
		return err
	}
	member, err := processes.Join(addr, a.config.processes > 1)
	switch {
	case err != nil:
		return fmt.Errorf("redstart: WithProcesses: %w", err)
	case member != nil:
		patience := supervisor.Patience(a.config.timeouts.Drain)
		return member.Serve(ctx, force, patience, func(ctx context.Context, force <-chan struct{}) error {
			return a.serve(ctx, force, member.Listener(), member)
		})
	case a.config.processes > 1:
		return a.supervise(ctx, force, addr)
	}
	l, err := serving.Listen(ctx, addr, a.config.server.SocketMode)
	if err != nil {
		return err
	}
	return a.serve(ctx, force, l, nil)
}

// Supervises says whether Start and Run will supervise other processes, see
// [WithProcesses], instead of serving.
func (a *App) Supervises() bool {
	_, _, child := processes.Slot()
	return a.config.processes > 1 && !child
}

func (a *App) supervise(ctx context.Context, force <-chan struct{}, addr string) error {
	c := supervisor.Config{
		Addr: addr, Processes: a.config.processes, Drain: a.config.timeouts.Drain, Logger: a.config.logger,
		Secure: a.config.server.Secure(), SocketMode: a.config.server.SocketMode,
		Started: func(url string, pids []int) {
			a.announce(url).Int("processes", a.config.processes).Ints("pids", pids).Msg("listening")
			a.tellListening(url)
		},
	}
	return c.Run(ctx, force)
}

// inspected tells the command redstart what the app is made of, if that is what it was
// started for.
func (a *App) inspected() (asked bool, err error) {
	document := func(encode func(*OpenAPI) []byte) func() ([]byte, error) {
		return func() ([]byte, error) { return encode(a.OpenAPI()), nil }
	}
	asked, err = inspect.Answer(map[string]func() ([]byte, error){
		inspect.Routes: func() ([]byte, error) { return inspect.Encode(a.routeList()) },
		inspect.JSON:   document((*OpenAPI).JSON),
		inspect.YAML:   document((*OpenAPI).YAML),
		inspect.JSON32: document(func(d *OpenAPI) []byte { return d.V32().JSON() }),
		inspect.YAML32: document(func(d *OpenAPI) []byte { return d.V32().YAML() }),
	})
	if err != nil {
		err = fmt.Errorf("redstart: %w", err)
	}
	return asked, err
}

func (a *App) routeList() (list []inspect.Route) {
	for _, r := range a.Routes() {
		told := inspect.Route{Method: r.Method, Host: r.Host, Pattern: r.Pattern, Name: r.Name, Handler: r.Handler, Source: r.Source, Socket: r.Socket}
		for _, s := range r.Security {
			var names []string
			for _, scheme := range s.Schemes {
				names = append(names, scheme.Name)
			}
			if len(names) > 0 {
				told.Guards = append(told.Guards, strings.Join(names, " or "))
			}
			for _, scope := range s.Scopes {
				told.Guards = append(told.Guards, "scope "+scope)
			}
		}
		list = append(list, told)
	}
	return list
}

// announce begins the line that says where the app is.
func (a *App) announce(url string) *zerolog.Event {
	line := a.config.logger.Info().Str("url", url)
	if n := len(a.Routes()); n > 0 { // a supervisor may have none
		line.Int("routes", n)
	}
	line.Str("version", Version)
	if at := a.docsAt(); at != "" {
		line.Str("docs", url+at)
	}
	return line
}

func (a *App) tellListening(url string) {
	if f := a.config.listening; f != nil {
		f(url)
	}
}

// Serve is [App.Run] on a listener, which it closes. It may be called for several
// listeners. Once one of them was told to stop, the app refuses new event streams:
// make another app to serve again. [WithProcesses] is an error here: a listener that
// is open already cannot be shared.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	if n := a.config.processes; n > 1 {
		err := fmt.Errorf("redstart: WithProcesses(%d): Serve has one process only: use Start or Run with an address", n)
		return errors.Join(err, l.Close())
	}
	return a.serve(ctx, nil, l, nil)
}

func (a *App) serve(ctx context.Context, force <-chan struct{}, l net.Listener, member *processes.Member) error {
	if err := a.config.err; err != nil {
		return errors.Join(fmt.Errorf("redstart: %w", err), l.Close())
	}
	if asked, err := a.inspected(); asked {
		return errors.Join(err, l.Close())
	}
	a.handler() // built now, what is wrong with the routes is found before the first request
	c := serving.Config{
		Handler: a, Logger: a.config.logger, Settings: a.config.server,
		HeaderTimeout: a.config.timeouts.Header, WriteTimeout: a.config.timeouts.Write,
		StallTimeout: a.config.timeouts.Stall, IdleTimeout: a.config.timeouts.Idle, DrainTimeout: a.config.timeouts.Drain,
		Drain: a.drain, Join: a.late.Wait,
		Started: func(url string) {
			if member != nil {
				member.Ready() // the supervisor announces all of them
			} else {
				a.announce(url).Msg("listening")
				a.tellListening(url)
			}
		},
		Adopted: member.Adopted(),
	}
	c.OnStart, c.OnStop = a.hooks()
	return c.Serve(ctx, force, l)
}

// hooks begins a life of the app. What is provided is made when the functions of OnStart
// are through, and closed behind those of OnStop.
func (a *App) hooks() (start, stop []func(context.Context) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.owner.Open()
	closeAll := func(ctx context.Context) error { return a.tellPanic(a.owner.Close(ctx)) }
	return slices.Concat(a.onStart, []func(context.Context) error{a.makeNeeded}),
		slices.Concat([]func(context.Context) error{closeAll}, a.onStop)
}

// tellPanic logs the place of a panic, if an error that is returned from Run is about one:
// its text does not name it.
func (a *App) tellPanic(err error) error {
	if stack := stackOf(err); stack != nil {
		a.config.logger.Error().Err(err).Bytes("stack", stack).Msg("a function for what is provided panicked")
	}
	return err
}

// TestingT is the part of a test that [App.TestClient] needs: a *testing.T is one. It
// spares programs the package testing.
type TestingT = testclient.TB

// TestClient talks to an app in the test's own process. Its methods fail the test when
// there is no reply. A target is a path, or a URL to ask another host than example.com;
// headers are pairs of a name and a value. Redirects are not followed.
//
//	Get Head Delete (target, header...)      a [TestResult]
//	Post Put Patch (target, body, header...) the same
//	Do(method, target, body, header...)      the same
//	Stream(target, header...)                a [TestStream]
//	WebSocket(target, options)               a [TestSocket]
//	DialWebSocket(target, options)           a [websocket.Conn], or what a server that refuses says
//
// A body is nil, a string, bytes or a reader, [url.Values] for a form, a [TestForm] for one
// with files, or anything else to be encoded as JSON. The field Header is sent with each request, Jar keeps cookies, those
// that are Secure too, and Timeout bounds each wait, by a minute unless it is set.
type TestClient = testclient.Client

// TestResult is a whole reply: Status, Header, Body as a string, and Err when the body
// broke off. JSON(&v) decodes the body, Cookie(name) finds one that is set.
type TestResult = testclient.Result

// TestForm is a body: a form with files. A [TestFile] has the name of its Field, a Name, a
// ContentType and its Content.
//
//	client.Post("/crimes", redstart.TestForm{
//		Values: url.Values{"kind": {"riddle"}},
//		Files:  []redstart.TestFile{{Field: "photo", Name: "joker.png", Content: picture}},
//	})
type (
	TestForm = testclient.Form
	TestFile = testclient.File
)

// TestSocket is a conversation as a test has it: a [websocket.Conn] whose method Next()
// waits for a message, as that of a TestStream does.
type TestSocket = testclient.Socket

// TestStream is an event stream as a test reads it: Next() waits for a message, Messages()
// is an iter.Seq2 of them, Close() leaves.
type TestStream = testclient.Stream

// TestClient returns a client for the app which lives as long as the test. Requests pass
// everything that they do in life, net/http's server included, over connections in memory
// and without a port; when a call returns, the handler has returned too. The functions of
// OnStart run before, those of OnStop at the end of the test. All of it works in a bubble
// of testing/synctest.
func (a *App) TestClient(t TestingT) *TestClient {
	t.Helper()
	if err := a.config.err; err != nil {
		t.Fatalf("redstart: %v", err)
	}
	start, stop := a.hooks()
	stop = append(stop, a.late.Wait) // which comes first
	return testclient.New(t, testclient.Config{Handler: a, Start: start, Stop: stop, ErrorLog: logging.Standard(a.config.logger)})
}

// Test does one exchange with the app in memory, for tests of one line: see [TestClient]
// for the arguments. The functions of OnStart and OnStop do not run. Without a reply the
// result's Err says why.
func (a *App) Test(method, target string, body any, header ...string) TestResult {
	return testclient.Once(testclient.Config{Handler: a, ErrorLog: logging.Standard(a.config.logger)}, method, target, body, header...)
}

// makeNeeded looks for what the routes have declared by [Needs], and has it made.
func (a *App) makeNeeded(ctx context.Context) error {
	a.mu.Lock()
	routes := slices.Clone(a.registered)
	a.mu.Unlock()
	ctx, done := provide.Starting(ctx)
	defer done()
	var errs []error
	for _, r := range routes {
		for _, t := range r.needs {
			if _, err := r.group.use(ctx, t); err != nil {
				errs = append(errs, fmt.Errorf("the route %s %s at %s: %w", r.method, r.pattern, r.where, err))
			}
		}
	}
	return a.tellPanic(errors.Join(errs...))
}

// Provide makes a value known to the handlers of an app or a group, and to middleware,
// by its type T, for [Use]. What a group provides goes before what the groups around it
// and the app do. The value stays the caller's, unless [CloseOnStop] is given. A type
// that the group provides already panics, and so does a nil.
//
//	redstart.Provide(app, db)
//	redstart.Provide[Store](app.Group("/archive"), archive)
func Provide[T any](at Registrar, value T, opts ...ProvideOption) {
	var c provideConfig
	for _, opt := range opts {
		opt(&c)
	}
	g, where := at.registrar(), callsite.Outside(here)
	if provide.Nil(value) {
		panic(fmt.Sprintf("redstart: Provide[%v] at %s: the value is nil: provide one that is made, or a function by ProvideFunc", reflect.TypeFor[T](), where))
	}
	g.provide(provide.Given(reflect.TypeFor[T](), value, where, &g.app.owner, c.close))
}

// ProvideFunc provides a value that is made when it is first asked for, once, or before
// the first request if a route [Needs] it. The context is not a request's, and what is
// made may keep it: it ends only if the app is stopped before the start is over. [Use]
// takes it, and finds what is provided to the same group. An error, a panic or a nil is an
// error from Start, Run or Serve, and to a request that asks it is one with status 500;
// the next one tries again.
//
// When the app has stopped, behind the functions of OnStop, what was made is closed by
// its method Close() or Close(context.Context), with or without an error, in reverse
// order. An app that is only used as an [http.Handler] closes nothing.
func ProvideFunc[T any](at Registrar, build func(context.Context) (T, error)) {
	g, where := at.registrar(), callsite.Outside(here)
	if build == nil {
		panic(fmt.Sprintf("redstart: ProvideFunc[%v] at %s: the function is nil", reflect.TypeFor[T](), where))
	}
	g.provide(provide.Made(reflect.TypeFor[T](), func(ctx context.Context) (any, error) { return build(ctx) }, where, &g.app.owner))
}

// ProvideOption refines [Provide].
type ProvideOption func(*provideConfig)

type provideConfig struct{ close bool }

// CloseOnStop has the app close the value as if it had made it: see [ProvideFunc].
func CloseOnStop() ProvideOption { return func(c *provideConfig) { c.close = true } }

func (g *group) provide(e *provide.Entry) {
	if other := g.provided.Add(e.Type, e); other != nil {
		panic(fmt.Sprintf("redstart: a %v is provided at %s and at %s: provide it once, or to another group", e.Type, other.Where, e.Where))
	}
}

// use finds what is provided to the group.
func (g *group) use(ctx context.Context, t reflect.Type) (any, error) {
	for at := g; at != nil; at = at.parent {
		if e := at.provided.Lookup(t); e != nil {
			if value, ok := e.Value(); ok {
				return value, nil
			}
			// What is made outlives whoever asks: it shall neither end with a request nor
			// know of it.
			return e.Get(&requestContext{Context: provide.Context(ctx), caller: &caller{group: at}})
		}
	}
	return nil, fmt.Errorf("nobody provides a %v: call redstart.Provide with one, for the app or the route's group", t)
}

// Use returns what was provided for the type T to the route's group, or around it. It
// takes the [*Request], or a context that is a request's or derived from one, as that of
// a typed handler, of a conversation, or of a function for [ProvideFunc]. When nobody
// provides a T, or it cannot be made, it panics: a client gets a 500. [Needs] finds that
// out at the start.
func Use[T any](from Caller) T {
	c, _ := from.Value(callerKey{}).(*caller)
	if c == nil {
		panic(&provide.Missing{Err: fmt.Errorf("the context that Use[%v] was given is not that of a request", reflect.TypeFor[T]())})
	}
	ctx, ok := from.(context.Context)
	if !ok {
		ctx = context.Background()
	}
	value, err := c.group.use(ctx, reflect.TypeFor[T]())
	if err != nil {
		panic(&provide.Missing{Err: err})
	}
	return value.(T)
}

// Needs declares that a route uses what is provided for the type T. When that is missing
// or cannot be made, the app does not start, and the error names the route and the type.
func Needs[T any]() RouteOption {
	return func(r *route) { r.needs = append(r.needs, reflect.TypeFor[T]()) }
}

// dispatcher is the app compiled: it takes a request through the middleware and
// the handler, and then, alone with the connection, writes what they returned.
type dispatcher struct {
	app    *App
	routes *routes
}

func (d *dispatcher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := d.app
	req := &Request{http: r, w: w, app: a, begin: time.Since(a.born), limit: a.config.bodyLimit}
	if !a.config.withoutRequestID {
		req.id.Assign(a.ids, r.Header)
	}
	chain := d.routes.find(req)
	if req.route != nil {
		req.limit = req.route.bodyLimit
	}
	req.openBody()
	resp := &req.response
	outcome, abort := Outcome{Reason: reasonAborted}, false
	defer func() {
		// Also when a panic goes through here, so that whoever waits for the end
		// of the request hears of it in any case.
		req.finish(resp, outcome)
		req.release()
	}()
	req.holdWriteTimeout()
	*resp = chain(req)
	req.refuseBody()
	outcome, abort = req.reply(resp)
	if outcome.Reason == reasonParked {
		// A function that is told of the stream's end may keep the Request until then:
		// it shall not keep net/http's buffers as well.
		req.w = nil
	}
	if abort && r.Context().Value(http.ServerContextKey) != nil {
		// Only a server can cut the connection; without one, as in a test with a
		// recorder, the panic would reach the caller.
		panic(http.ErrAbortHandler)
	}
}

// release ends what belongs to the request: its context, and streams that were
// returned by a handler and never served.
func (req *Request) release() {
	if c := req.ctx.Load(); c != nil {
		c.stop()
		if !c.lasting {
			defer c.cancel(errReplied)
		}
	}
	if s := req.extra.Load(); s != nil {
		req.closeBody(s)
		for _, stream := range s.tracked {
			if err := req.protect(func() error { stream.Discard(); return nil }); err != nil {
				req.Log().Error().Err(err).Bytes("stack", stackOf(err)).Msg("a function of a stream's OnEnd panicked")
			}
		}
	}
}

var errReplied = errors.New("redstart: the request has been replied to")

// discarder is a body that has to be told when it is not served.
type discarder interface{ Discard() }

// track remembers a stream or a conversation, to discard it should it never be served.
func (req *Request) track(resp Response) {
	stream, ok := resp.body.(discarder)
	if !ok {
		return
	}
	if s := req.state(); !slices.Contains(s.tracked, stream) {
		s.tracked = append(s.tracked, stream)
	}
}

// reasonAborted is the reason of a request that ended in a panic which goes on:
// http.ErrAbortHandler, or any when the app does not recover.
const reasonAborted = "aborted"

// reasonParked is the reason of a request whose stream goes on without it.
const reasonParked = "parked"

// account is what is told of a request when it has ended. It holds on to nothing
// else of the request, since a stream may go on for long without it.
type account struct {
	app     *App
	begin   time.Duration
	done    *doneFunc
	err     error
	method  string
	path    string
	pattern string
	ip      string
	id      string
	skips   int32
	asked   *Request      // by which a done function may still say that it skips the log
	skip    *atomic.Int32 // the same, without holding on to the request
	stream  bool
}

// account takes stock of the request. The address is left for later where it need
// not be known.
func (req *Request) account(resp *Response) account {
	a := account{
		app: req.app, begin: req.begin, done: resp.done, err: resp.err, method: req.http.Method, path: req.http.URL.Path,
		id: req.id.Text, skips: req.skipsLog(), stream: resp.kind == kindEvents || resp.kind == kindSocket,
	}
	if req.route != nil {
		a.pattern = req.route.pattern
	}
	if a.done != nil {
		a.asked = req
	}
	return a
}

// finish tells whoever asked of the outcome, and writes the access log.
func (req *Request) finish(resp *Response, outcome Outcome) {
	if outcome.Reason == reasonParked {
		return // the account is finished when the stream ends
	}
	if req.app.config.withoutAccessLog && !outcome.failed() && resp.done == nil {
		return
	}
	a := req.account(resp)
	a.finish(outcome, req.http)
}

// finish closes the account. The request may be nil when the address is known.
func (a *account) finish(outcome Outcome, r *http.Request) {
	c := &a.app.config
	outcome.Err = cmp.Or(outcome.Err, a.err)
	outcome.Duration = time.Since(a.app.born) - a.begin
	for d := a.done; d != nil; d = d.next {
		a.callDone(d.f, outcome)
	}
	switch {
	case a.asked != nil:
		a.skips = a.asked.skipsLog()
	case a.skip != nil:
		a.skips = a.skip.Load()
	}
	bad := outcome.failed()
	if a.skips == skipAll || (c.withoutAccessLog || a.skips == skipSuccesses) && !bad {
		return
	}
	event := c.logger.Info()
	if bad {
		event = c.logger.Error()
	}
	if event == nil {
		return
	}
	if r != nil {
		a.ip = c.trust.Resolve(r).Address()
	}
	line := logging.Access{
		Method: a.method, Path: a.path, Route: a.pattern, IP: a.ip, ID: a.id, Status: outcome.Status, Bytes: outcome.Bytes,
		Events: outcome.Events, Took: outcome.Duration, Reason: outcome.Reason, Stream: a.stream,
	}
	if bad {
		line.Err, line.Stack = outcome.Err, stackOf(outcome.Err)
	}
	line.Write(event)
}

func (a *account) callDone(f func(Outcome), outcome Outcome) {
	defer func() {
		if v := recover(); v != nil {
			err := panicError(v, debug.Stack())
			a.app.config.logger.Error().Err(err).Str("request_id", a.id).Bytes("stack", err.Stack).Msg("a WithDone function panicked")
		}
	}()
	f(outcome)
}

// Outcome is what became of a reply, for logs and metrics.
type Outcome struct {
	Status   int
	Bytes    int64         // of the body; for a parked subscriber with the chunks' framing
	Events   int64         // messages of an event stream
	Duration time.Duration // from the request's arrival to the last byte
	// Reason is "" for a plain reply that was written in full. Otherwise it says
	// how the body ended, in the words of [sse.Reason]: "completed" for a file, a
	// stream or a mounted handler's reply that was.
	Reason string
	// Err is the error that the reply is about, or by which a body broke off. A
	// client that left or was too slow is none.
	Err error
}

// doneFunc is a list of functions, last added first.
type doneFunc struct {
	f    func(Outcome)
	next *doneFunc
}

// after appends another list.
func (d *doneFunc) after(other *doneFunc) *doneFunc {
	if d == nil {
		return other
	}
	return &doneFunc{d.f, d.next.after(other)}
}

// failed says whether the outcome is the program's fault, and so an error in the
// log. A client that left, was too slow or asked for the wrong thing is not.
func (o *Outcome) failed() bool {
	return o.Status >= 500 || o.Reason == string(sse.Failed) || o.Reason == string(sse.Panicked)
}
