package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/session"
)

// MaxSessionCookie is the most that a session's cookie may have, in bytes, with its name
// and attributes: what all browsers keep.
const MaxSessionCookie = 4093

// SessionOptions say where sessions are kept, and for how long. Keys or a Store are
// needed.
type SessionOptions struct {
	// Keys are secrets of 32 or more random bytes. The first makes cookies, all of them
	// read them: put a new one in front, and take the old one away after MaxAge. What is
	// signed and sealed with is derived from them, for this cookie.
	Keys [][]byte
	// Seal hides the values from the browser's user, by AES-256-GCM. Otherwise cookies
	// are signed, by HMAC-SHA-256: they can be read but not changed. A key should not seal
	// more than four billion cookies.
	Seal bool
	// Store keeps the values in place of the cookie, which then only holds a random
	// number of 256 bits. So they may be large, are not shown, and end for good when
	// somebody logs out.
	Store SessionStore
	// Wait bounds the time that the Store may take for one call. The default is two
	// seconds.
	Wait time.Duration
	// MaxAge is how long a session lasts from its beginning, or from a [Login] on. The
	// default is 24 hours.
	MaxAge time.Duration
	// Idle ends a session that was not used for so long. One that is in use is written
	// again once a tenth of Idle has passed, so that it may end by as much too early.
	// Zero is no such end; it has to be shorter than MaxAge.
	Idle time.Duration
	// Name is the cookie's. The default is "session".
	Name string
	// HostPrefix puts "__Host-" before it, which has browsers take it from nobody but this
	// very host over HTTPS: no neighbour under the same domain can slip in one of its own.
	HostPrefix bool
	// Path and Domain are where the browser sends the cookie: to this host, below "/".
	Path, Domain string
	// SameSite is Lax by default: pages of other sites cannot send the cookie, but for
	// links.
	SameSite http.SameSite
	// Secure keeps the cookie to HTTPS in any case. Otherwise it is when the client uses
	// HTTPS, which behind a proxy needs [redstart.TrustProxies].
	Secure bool
	// TrustedOrigins are other sites whose pages may send requests that change something:
	// see [CSRFOptions].
	TrustedOrigins []string
	// InsecureCrossOrigin lets the pages of every site do so, with the visitor's session.
	InsecureCrossOrigin bool
}

// Session gives each browser a session, req.Session(), in a cookie: see
// [redstart.Session]. Scripts cannot read the cookie (HttpOnly).
//
// A cookie that was changed, is expired, or was made with a key that is not known, is an
// empty session. The session is written when something has changed, into the header of
// whatever reply the handler returns, errors and streams included; what a stream's source
// changes later comes too late, and the log says so. One that has become empty is
// forgotten by browser and Store. One whose cookie would have more than
// [MaxSessionCookie] bytes, which browsers drop without a word, is an error with status
// 500 in place of the reply. So is a Store that fails, with status 503, before the handler
// is called, or after.
//
// A reply for which the session was read gets Vary: Cookie, and Cache-Control: private
// unless it has one; one that sets the cookie is kept out of shared caches in any case,
// since they would hand it to others.
//
// Requests that may change something, and handshakes of WebSockets, are refused with
// status 403 if they come with a session's cookie from a page of another origin, as
// [CSRF] does it for all.
//
// A session that is kept in its cookie cannot be taken back: whoever has copied the cookie
// is in until it expires, whatever [Logout] tells the browser. To end sessions before,
//
//   - keep them in a Store: Logout ends one for good, and so does its method Delete;
//   - or keep a number with each user, put it into the session after [Login], and have the
//     load function of [SessionAuth] compare the two: counting it up ends all sessions of
//     that user, with a Store or without, as is wanted after a change of password;
//   - or take a key out of Keys, which ends all sessions that were made with it.
//
// MaxAge and Idle bound how long a copy is good for when nobody notices.
//
// Two requests of one browser at the same time each have the session as it was: the one
// that is answered later wins. A session that ended in a Store meanwhile is not brought
// back by the other.
func Session(o SessionOptions) redstart.Middleware {
	m, err := newSessions(o)
	if err != nil {
		misuse("Session", "%v", err)
	}
	return func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			cookies := req.HTTP().CookiesNamed(m.name)
			if len(cookies) > 0 {
				if err := m.check(req); err != nil {
					return redstart.Fail(err)
				}
			}
			s, err := m.open(req, cookies)
			if err != nil {
				return redstart.Fail(err)
			}
			req.SetSession(s)
			return m.save(req, s, next(req))
		}
	}
}

// sessions is the options prepared.
type sessions struct {
	SessionOptions
	name  string
	codec *session.Codec // nil for a Store without Keys
	check func(*redstart.Request) error
}

func newSessions(o SessionOptions) (*sessions, error) {
	if o.Wait != 0 && o.Store == nil {
		return nil, errors.New("a Wait is for a Store, and there is none: leave it out")
	}
	for _, d := range []struct {
		name     string
		value    *time.Duration
		fallback time.Duration
		unit     time.Duration
	}{{"a MaxAge", &o.MaxAge, 24 * time.Hour, time.Second}, {"an Idle", &o.Idle, 0, time.Second}, {"a Wait", &o.Wait, 2 * time.Second, 1}} {
		if *d.value < 0 || *d.value%d.unit != 0 {
			return nil, fmt.Errorf("%s of %v: want whole seconds, above zero", d.name, *d.value)
		}
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	if o.Idle >= o.MaxAge {
		return nil, fmt.Errorf("an Idle of %v has no effect, since every session ends after its MaxAge of %v: want less, or a longer MaxAge", o.Idle, o.MaxAge)
	}
	m := &sessions{SessionOptions: o, name: o.Name}
	if m.name == "" {
		m.name = "session"
	}
	if m.Path == "" {
		m.Path = "/"
	}
	if m.SameSite == 0 || m.SameSite == http.SameSiteDefaultMode {
		m.SameSite = http.SameSiteLaxMode
	}
	if m.SameSite == http.SameSiteNoneMode {
		m.Secure = true // or no browser takes it
	}
	if o.HostPrefix {
		if m.Domain != "" || m.Path != "/" {
			return nil, errors.New("a HostPrefix is for a cookie of this host as a whole: leave out Domain and Path, or it")
		}
		m.name, m.Secure = "__Host-"+m.name, true
	}
	if err := (redstart.Response{}).WithCookie(m.cookie("", 0, false)).Err(); err != nil {
		return nil, errors.New("the " + strings.TrimPrefix(err.Error(), "redstart: "))
	}
	m.check = originCheck("Session", o.TrustedOrigins, o.InsecureCrossOrigin)
	if o.Store != nil && o.Seal {
		return nil, errors.New("a Store leaves nothing to Seal: the cookie holds no values")
	}
	if o.Store != nil && len(o.Keys) == 0 {
		return m, nil
	}
	var err error
	m.codec, err = session.New(m.name, o.Keys, o.Seal)
	return m, err
}

func (m *sessions) cookie(value string, age time.Duration, secure bool) *http.Cookie {
	return &http.Cookie{
		Name: m.name, Value: value, Path: m.Path, Domain: m.Domain, MaxAge: int(age / time.Second),
		Secure: m.Secure || secure, HttpOnly: true, SameSite: m.SameSite,
	}
}

// open reads the session of a request. What is in the cookie itself is looked at when it
// is asked for.
func (m *sessions) open(req *redstart.Request, cookies []*http.Cookie) (*browserSession, error) {
	const most = 4 // of one name: those of neighbours under the same domain come as well
	cookies = cookies[:min(len(cookies), most)]
	s := &browserSession{owner: m, req: req}
	if m.Store == nil {
		s.cookies = cookies
		return s, nil
	}
	for _, c := range cookies {
		token, ok := m.token(c.Value)
		if !ok {
			continue
		}
		ctx, cancel := context.WithTimeout(req.Context(), m.Wait)
		data, err := m.Store.Load(ctx, storeKey(token))
		cancel()
		if err != nil {
			return nil, sessionStoreFailed(err)
		}
		if record, ok := session.Parse(data, time.Now()); data != nil && ok {
			s.record, s.token, s.known = record, token, true
			break
		}
	}
	return s, nil
}

func sessionStoreFailed(err error) error {
	return redstart.Error(http.StatusServiceUnavailable, "sessions are not available at the moment").
		WithCause(fmt.Errorf("middleware: the Store of Session: %w", err))
}

// read looks for a session in the cookies themselves.
func (m *sessions) read(s *browserSession, cookies []*http.Cookie) {
	for _, c := range cookies {
		data, ok := m.codec.Decode(c.Value)
		if !ok {
			continue
		}
		if record, ok := session.Parse(data, time.Now()); ok {
			s.record, s.known = record, true
			return
		}
	}
}

// save writes the session into the header of the reply, if that is necessary.
func (m *sessions) save(req *redstart.Request, s *browserSession, resp redstart.Response) redstart.Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved = true
	if s.err != nil {
		resp.Discard()
		return redstart.Fail(s.err)
	}
	if !s.touched {
		return resp
	}
	resp = resp.WithVary("Cookie")
	now := time.Now()
	if !s.changed && !(s.known && s.record.Stale(now, m.Idle)) {
		return private(resp)
	}
	var value string
	var age time.Duration
	if s.record.Empty() {
		if !s.known {
			return private(resp) // nobody has heard of it
		}
		age = -time.Second
	} else {
		s.begin()
		s.record.Stamp(now, m.MaxAge, m.Idle)
		age = time.Unix(s.record.Ends, 0).Sub(now).Round(time.Second)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), m.Wait) // the client's leaving must not stop it
	defer cancel()
	value, kept, err := m.keep(ctx, s, age < 0)
	cookie := m.cookie(value, age, req.Scheme() == "https")
	if size := len(cookie.String()); err == nil && size > MaxSessionCookie {
		err = redstart.Errorf(http.StatusInternalServerError,
			"the session's cookie has %d bytes, and browsers keep no more than %d: keep less in the session, or use a Store", size, MaxSessionCookie)
	}
	switch {
	case err != nil:
		resp.Discard()
		return redstart.Fail(err)
	case !kept:
		return private(resp)
	}
	return unshared(resp.WithCookie(cookie))
}

// keep stores the session and returns the cookie's value. It is not kept if it has ended
// in the Store meanwhile.
func (m *sessions) keep(ctx context.Context, s *browserSession, end bool) (value string, kept bool, err error) {
	old := s.replaces
	if end && old == "" {
		old = s.token
	}
	if m.Store != nil && s.known && old != "" {
		found, err := m.Store.Delete(ctx, storeKey(old))
		if err != nil {
			return "", false, sessionStoreFailed(err)
		}
		if !found && !end && !s.proved {
			return "", false, nil
		}
	}
	if end {
		return "", true, nil
	}
	data, err := s.record.Marshal()
	if err != nil {
		return "", false, err
	}
	if m.Store == nil {
		return m.codec.Encode(data), true, nil
	}
	ends := time.Unix(s.record.Ends, 0)
	if s.stored() {
		kept, err = m.Store.Update(ctx, storeKey(s.token), data, ends)
	} else {
		kept, err = true, m.Store.Create(ctx, storeKey(s.token), data, ends)
	}
	if err != nil {
		return "", false, sessionStoreFailed(err)
	}
	if m.codec != nil {
		return m.codec.Encode([]byte(s.token)), kept, nil
	}
	return s.token, kept, nil
}

// unshared keeps a reply that sets a cookie out of shared caches, whatever it says
// itself (RFC 9111 section 7.3).
func unshared(resp redstart.Response) redstart.Response {
	h := resp.Header()
	says := h.Get("Cache-Control")
	if says == "" && strings.HasPrefix(h.Get("Content-Type"), "text/event-stream") {
		says = "no-cache, no-transform" // what an event stream gets otherwise
	}
	var keep []string
	for directive := range strings.SplitSeq(says, ",") {
		directive = strings.TrimSpace(directive)
		name, _, _ := strings.Cut(strings.ToLower(directive), "=")
		if name != "" && name != "public" && name != "s-maxage" {
			keep = append(keep, directive)
		}
	}
	if !slices.Contains(keep, "private") && !slices.Contains(keep, "no-store") {
		keep = append(keep, "private")
	}
	return resp.With("Cache-Control", strings.Join(keep, ", "))
}
