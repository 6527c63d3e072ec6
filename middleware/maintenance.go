package middleware

import (
	"net/http"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redstart-go/redstart"
)

// MaintenanceOptions refine [NewMaintenance].
type MaintenanceOptions struct {
	// Paths are served all the same, each with what is below it: "/livez", "/assets".
	Paths []string
	// Networks are those whose clients are served all the same, to try what is being
	// worked on: "192.0.2.7", "10.0.0.0/8".
	Networks []string
	// Reply makes the reply, with status 503 where it says 200. The default is the
	// reply to an error of that status, which OnError may see.
	Reply func(*redstart.Request) redstart.Response
}

// Maintenance is a switch that closes a site while it runs. [NewMaintenance] makes one
// with options; the zero value has none and is ready to use. It is safe for concurrent use.
type Maintenance struct {
	paths    []string
	networks []netip.Prefix
	reply    func(*redstart.Request) redstart.Response
	end      atomic.Pointer[time.Time] // when it is expected to end; nil when it is off
}

// NewMaintenance makes a switch, which is off:
//
//	closed := middleware.NewMaintenance()
//	app.Use(closed.Middleware)
//	...
//	closed.On(10 * time.Minute)
//
// A path that does not begin with a slash, and a network that is none, panic.
func NewMaintenance(options ...MaintenanceOptions) *Maintenance {
	o := given("NewMaintenance", options)
	m := &Maintenance{reply: o.Reply}
	for _, p := range o.Paths {
		if !strings.HasPrefix(p, "/") || path.Clean(p) != p {
			misuse("NewMaintenance", "Paths: %q: want a path such as \"/assets\", which stands for what is below it too", p)
		}
		m.paths = append(m.paths, p)
	}
	for _, text := range o.Networks {
		network, err := netip.ParsePrefix(text)
		if addr, addrErr := netip.ParseAddr(text); addrErr == nil {
			network, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			misuse("NewMaintenance", "Networks: %q: want an address or a network such as \"10.0.0.0/8\"", text)
		}
		m.networks = append(m.networks, network)
	}
	return m
}

func closedReply(*redstart.Request) redstart.Response {
	return redstart.Fail(redstart.Error(http.StatusServiceUnavailable, "the site is being maintained"))
}

// On closes the site for about this long, which clients are told. It stays closed
// until [Maintenance.Off]: when the time is over, they are told to come back soon.
// Requests under way go on, and so do streams.
func (m *Maintenance) On(expected time.Duration) {
	end := time.Now().Add(expected)
	m.end.Store(&end)
}

// Off opens the site.
func (m *Maintenance) Off() { m.end.Store(nil) }

// Active says whether the site is closed.
func (m *Maintenance) Active() bool { return m.end.Load() != nil }

// soonest is the least that clients are told to wait.
const soonest = 5 * time.Second

// Middleware is the [redstart.Middleware] of the switch. While the site is closed it
// answers with status 503 and Retry-After, and an EventSource, which would take that for
// final, with status 200, the time to come back after, and the end of the stream.
func (m *Maintenance) Middleware(next redstart.Handler) redstart.Handler {
	reply := m.reply
	if reply == nil {
		reply = closedReply
	}
	return func(req *redstart.Request) redstart.Response {
		end := m.end.Load()
		if end == nil || m.allows(req) {
			return next(req)
		}
		left := max(time.Until(*end), soonest)
		if wantsEvents(req) {
			return comeBack("maintenance", left)
		}
		resp := reply(req)
		if resp.StatusCode() == http.StatusOK {
			resp = resp.WithStatus(http.StatusServiceUnavailable)
		}
		return resp.WithDefault("Retry-After", strconv.FormatInt(wholeSeconds(left), 10)).WithDefault("Cache-Control", "no-store")
	}
}

func (m *Maintenance) allows(req *redstart.Request) bool {
	// A path with dots in it might lead elsewhere than it says, in a mounted handler.
	if p := req.Path(); len(m.paths) > 0 && !strings.Contains(p, "/.") {
		for _, allowed := range m.paths {
			rest, ok := strings.CutPrefix(p, strings.TrimSuffix(allowed, "/"))
			if ok && (rest == "" || rest[0] == '/') {
				return true
			}
		}
	}
	if len(m.networks) == 0 {
		return false
	}
	addr, err := netip.ParseAddr(req.IP())
	if err != nil {
		return false
	}
	addr = addr.Unmap().WithZone("")
	for _, network := range m.networks {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}
