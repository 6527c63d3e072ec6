package middleware

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/redstart-go/redstart"
)

// IdempotencyOptions refine [Idempotency].
type IdempotencyOptions struct {
	// Required refuses requests without a key, with status 400.
	Required bool
	// Scope says whose keys they are, so that nobody gets another's reply: a user's
	// name, for one. The default is the request's credentials, which are its
	// Authorization and its cookies. Where cookies change between two tries of one
	// request, name the user here.
	Scope func(*redstart.Request) string
	// Store keeps the replies. The default is one of [NewMemoryReplies], of which each
	// process has its own, and knows nothing of a request that another has done.
	Store ReplyStore
	// Keep is how long a reply can be had again. The default is 24 hours.
	Keep time.Duration
	// Lease is how long a request may be under way; after that another with its key
	// is tried again, since the process that had the first may be gone. The default is
	// a minute.
	Lease time.Duration
	// Wait bounds the time that the Store may take. The default is a second.
	Wait time.Duration
	// FailOpen passes requests on, unprotected, while the Store fails. Otherwise they
	// are refused with status 503: a client that sends a key relies on it.
	FailOpen bool
}

// Idempotency lets a client repeat a request that may have been done already, because
// the reply got lost, without having it done twice: it sends both with the same header
// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07), and gets the first
// reply again, with Idempotency-Replayed: true. It is for the methods that change
// something, which are all but GET, HEAD, OPTIONS and TRACE; a request without a key
// passes.
//
// The second request must be the first again, in method, path, query and body, to the
// byte: a client that encodes a form anew has to keep its boundary.
//
//	another request with that key          422
//	the first is still under way           409, with Retry-After
//	no key where one is required           400
//	a key that is longer than 255 bytes    400, as are control characters
//
// Kept are status, headers but Set-Cookie, and body. A reply of status 408, 425, 429 or
// from 500 on is not, since the next try may have another outcome; so the handler is
// called again, and should undo what it has begun before it fails. A stream or a file is
// not kept either: it has the key until it ends, or its Lease is over.
//
// The body of the request is read here, within its limit: use BodyLimit outside. Timeout
// belongs outside as well: the key of a handler that was given up is taken until it has
// returned, and its reply is kept for the next try. What answers before the request is
// looked at, such as authentication, is to be outside too.
func Idempotency(options ...IdempotencyOptions) redstart.Middleware {
	i := newIdempotency(given("Idempotency", options))
	return func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			switch req.Method() {
			case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
				return next(req)
			}
			return i.handle(req, next)
		}
	}
}

// idempotency is the options prepared.
type idempotency struct{ IdempotencyOptions }

func newIdempotency(o IdempotencyOptions) *idempotency {
	for _, d := range []struct {
		name     string
		value    *time.Duration
		fallback time.Duration
	}{{"Keep", &o.Keep, 24 * time.Hour}, {"Lease", &o.Lease, time.Minute}, {"Wait", &o.Wait, time.Second}} {
		if *d.value < 0 {
			misuse("Idempotency", "%s %v: want a time above zero, or none for %v", d.name, *d.value, d.fallback)
		}
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	if o.Scope == nil {
		o.Scope = credentials
	}
	if o.Store == nil {
		o.Store = NewMemoryReplies(0, 0)
	}
	return &idempotency{o}
}

// credentials is the default scope.
func credentials(req *redstart.Request) string {
	h := req.HTTP().Header
	return strings.Join(h["Authorization"], "\n") + "\n\n" + strings.Join(h["Cookie"], "\n")
}

func (i *idempotency) handle(req *redstart.Request, next redstart.Handler) redstart.Response {
	sent := req.HTTP().Header["Idempotency-Key"]
	if len(sent) == 0 {
		if i.Required {
			return redstart.Fail(redstart.Error(http.StatusBadRequest, "this request needs a header Idempotency-Key, which is new for each request and the same when it is tried again"))
		}
		return next(req)
	}
	key, err := parseIdempotencyKey(sent)
	if err != nil {
		return redstart.Fail(err)
	}
	body, err := req.Body()
	if err != nil {
		return redstart.Fail(err)
	}
	key = digest(i.Scope(req), key)
	u := req.HTTP().URL
	fingerprint := digest(req.Method(), u.EscapedPath(), u.RawQuery, string(body))

	ctx, cancel := context.WithTimeout(req.Context(), i.Wait)
	claim, err := i.Store.Claim(ctx, key, fingerprint, i.Lease)
	cancel()
	switch {
	case err != nil:
		return i.withoutStore(req, next, err)
	case claim.Fingerprint != fingerprint:
		return redstart.Fail(redstart.Error(http.StatusUnprocessableEntity, "this Idempotency-Key was sent with another request: a new request needs a new key"))
	case claim.Reply != nil:
		return claim.Reply.response()
	case !claim.Won:
		return redstart.Fail(redstart.Error(http.StatusConflict, "a request with this Idempotency-Key is under way")).With("Retry-After", "1")
	}
	return i.first(req, next, key, claim.Token)
}

func (i *idempotency) withoutStore(req *redstart.Request, next redstart.Handler, err error) redstart.Response {
	if i.FailOpen {
		req.Log().Error().Err(err).Msg("the store of Idempotency failed: the request is not protected")
		return next(req)
	}
	return redstart.Fail(redstart.Error(http.StatusServiceUnavailable, "it cannot be told at the moment whether this was done already").WithCause(err)).
		With("Retry-After", "1")
}

// first has a request done, and keeps its reply.
func (i *idempotency) first(req *redstart.Request, next redstart.Handler, key, token string) redstart.Response {
	var keep *StoredReply
	goesOn := false
	defer func() { // also when a panic goes through here
		if !goesOn {
			i.settle(req, key, token, keep)
		}
	}()
	resp := next(req)
	if goesOn = resp.Streams(); goesOn {
		return resp.WithDone(func(redstart.Outcome) { i.settle(req, key, token, nil) })
	}
	keep = storedReply(resp)
	if keep != nil {
		// With its bytes JSON is the same for both, and not encoded twice.
		return resp.WithBody(keep.Body)
	}
	return resp
}

// settle keeps a reply, or gives the key free for another try. The client's leaving
// must not stop it: that is what the key is for.
func (i *idempotency) settle(req *redstart.Request, key, token string, reply *StoredReply) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), i.Wait)
	defer cancel()
	var err error
	if reply != nil {
		err = i.Store.Keep(ctx, key, token, *reply, i.Keep)
	} else {
		err = i.Store.Release(ctx, key, token)
	}
	if err != nil {
		req.Log().Error().Err(err).Bool("replied", reply != nil).Msg("the store of Idempotency failed after the request was done")
	}
}

// storedReply returns what can be replayed, nil if the reply is not to be kept.
func storedReply(resp redstart.Response) *StoredReply {
	switch status := resp.StatusCode(); {
	case status >= 500, status == redstart.StatusClientClosedRequest,
		status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
		return nil
	}
	body, ok := resp.Bytes()
	if !ok {
		return nil
	}
	h := resp.Header()
	h.Del("Set-Cookie")
	return &StoredReply{Status: resp.StatusCode(), Header: h, Body: body}
}

// response is the reply once more.
func (s *StoredReply) response() redstart.Response {
	resp := redstart.Status(s.Status).WithBody(s.Body)
	for name, values := range s.Header {
		for n, value := range values {
			if n == 0 {
				resp = resp.With(name, value)
			} else {
				resp = resp.WithAdded(name, value)
			}
		}
	}
	return resp.With("Idempotency-Replayed", "true")
}

// parseIdempotencyKey reads a String of structured fields (RFC 9651 section 3.3.3), as
// the draft has it, or the bare key that many clients send.
func parseIdempotencyKey(lines []string) (key string, err error) {
	const most = 255
	key = strings.TrimSpace(lines[0])
	if quoted, ok := strings.CutPrefix(key, `"`); ok {
		key, ok = strings.CutSuffix(quoted, `"`)
		if !ok || strings.Contains(strings.NewReplacer(`\\`, "", `\"`, "").Replace(key), `"`) {
			return "", redstart.Errorf(http.StatusBadRequest, "the header Idempotency-Key is a string without its end, or more than one: %q", cut(lines[0], most))
		}
	}
	switch {
	case len(lines) > 1:
		return "", redstart.Error(http.StatusBadRequest, "there is more than one header Idempotency-Key")
	case key == "":
		return "", redstart.Error(http.StatusBadRequest, "the header Idempotency-Key is empty")
	case len(key) > most:
		return "", redstart.Errorf(http.StatusBadRequest, "the header Idempotency-Key is longer than %d bytes", most)
	case slices.ContainsFunc([]byte(key), func(c byte) bool { return c < ' ' || c > '~' }):
		return "", redstart.Errorf(http.StatusBadRequest, "the header Idempotency-Key has characters that are not printable ASCII: %q", key)
	}
	return key, nil
}

func cut(text string, most int) string { return text[:min(len(text), most)] }

// digest hashes parts so that no two lists of them are alike.
func digest(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d ", len(part))
		_, _ = io.WriteString(h, part)
	}
	return hex.EncodeToString(h.Sum(nil))
}
