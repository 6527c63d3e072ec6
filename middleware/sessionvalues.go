package middleware

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/jsonx"
	"github.com/redstart-go/redstart/internal/session"
)

// browserSession is the session of one request.
type browserSession struct {
	owner *sessions
	req   *redstart.Request

	mu       sync.Mutex
	cookies  []*http.Cookie // to be read when the session is first asked for
	record   session.Record
	token    string // under which a Store knows it
	replaces string // the token it had before it was renewed
	known    bool   // the browser has sent it
	touched  bool
	changed  bool
	proved   bool // somebody has just logged in
	saved    bool
	err      error
}

// use locks the session for one that reads it.
func (s *browserSession) use() (unlock func()) {
	s.mu.Lock()
	if s.cookies != nil {
		s.owner.read(s, s.cookies)
		s.cookies = nil
	}
	s.touched = true
	return s.mu.Unlock
}

// begin gives a session its id, unless it has one.
func (s *browserSession) begin() {
	if s.owner.Store != nil && s.token == "" {
		s.token = newToken()
	}
	if s.owner.Store == nil && s.record.ID == "" {
		s.record.ID = rand.Text()
	}
}

// stored says whether the Store has it under its token.
func (s *browserSession) stored() bool { return s.known && s.replaces == "" }

func (s *browserSession) ID() string {
	defer s.use()()
	s.begin()
	if s.owner.Store == nil {
		return s.record.ID
	}
	return storeKey(s.token)[:32]
}

func (s *browserSession) Get(key string, into any) bool {
	defer s.use()()
	data, ok := s.record.Values[key]
	return ok && session.Decode(data, into)
}

func (s *browserSession) Text(key string) (text string) {
	s.Get(key, &text)
	return text
}

func (s *browserSession) Take(key string, into any) bool {
	ok := s.Get(key, into)
	s.Delete(key)
	return ok
}

func (s *browserSession) Keys() []string {
	defer s.use()()
	return slices.Sorted(maps.Keys(s.record.Values))
}

func (s *browserSession) Set(key string, value any) {
	data, err := jsonx.Marshal(value)
	if err == nil && !utf8.ValidString(key) {
		err = errKeyNotText
	}
	defer s.use()()
	if err != nil {
		s.err = fmt.Errorf("middleware: Session: the value %q cannot be kept: %w", key, err)
		return
	}
	if old, has := s.record.Values[key]; has && string(old) == string(data) {
		return
	}
	s.change("Set " + key)
	if s.record.Values == nil {
		s.record.Values = map[string]json.RawMessage{}
	}
	s.record.Values[key] = data
}

var errKeyNotText = errors.New("the key is not UTF-8")

// change notes that the session, which is locked, changes.
func (s *browserSession) change(what string) {
	if s.saved {
		s.req.Log().Warn().Str("path", s.req.Path()).Str("change", what).
			Msg("the session was changed after the response was returned, which is too late")
	}
	s.changed = true
}

func (s *browserSession) Delete(keys ...string) {
	defer s.use()()
	for _, key := range keys {
		if _, has := s.record.Values[key]; has {
			s.change("Delete " + key)
			delete(s.record.Values, key)
		}
	}
}

func (s *browserSession) Flash(kind, text string) {
	defer s.use()()
	s.change("Flash")
	s.record.Flashes = append(s.record.Flashes, session.Flash{Kind: kind, Text: text})
}

func (s *browserSession) Flashes() (all []redstart.Flash) {
	defer s.use()()
	for _, f := range s.record.Flashes {
		all = append(all, redstart.Flash(f))
	}
	if all != nil {
		s.change("Flashes")
		s.record.Flashes = nil
	}
	return all
}

func (s *browserSession) Renew() {
	defer s.use()()
	s.renew()
}

func (s *browserSession) renew() {
	s.change("Renew")
	if s.known && s.replaces == "" {
		s.replaces = s.token
	}
	s.token, s.record.ID, s.record.Began = "", "", 0
	s.begin()
}

func (s *browserSession) Clear() {
	defer s.use()()
	s.clear()
}

func (s *browserSession) clear() {
	s.change("Clear")
	s.record.Subject, s.record.Values, s.record.Flashes = "", nil, nil
}

// Fork makes a copy for a handler that may have to be given up.
func (s *browserSession) Fork() redstart.Session {
	f := &browserSession{owner: s.owner, req: s.req}
	s.mu.Lock()
	defer s.mu.Unlock()
	f.take(s)
	return f
}

// Join takes over what became of a copy.
func (s *browserSession) Join(fork redstart.Session) {
	f, ok := fork.(*browserSession)
	if !ok {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.take(f)
	f.saved = true // what is changed there from now on is lost
}

// take makes s what the other is. Both are locked, or known to nobody else.
func (s *browserSession) take(other *browserSession) {
	s.cookies, s.record, s.token, s.replaces = other.cookies, other.record.Clone(), other.token, other.replaces
	s.known, s.touched, s.changed, s.proved, s.err = other.known, other.touched, other.changed, other.proved, other.err
}

// tokenEncoding is of the random number that a cookie holds in place of the values.
var tokenEncoding = base64.RawURLEncoding.Strict()

const tokenBytes = 32

func newToken() string {
	number := make([]byte, tokenBytes)
	_, _ = rand.Read(number) // it does not fail
	return tokenEncoding.EncodeToString(number)
}

// token reads the number out of a cookie's value.
func (m *sessions) token(value string) (token string, ok bool) {
	if m.codec != nil {
		data, ok := m.codec.Decode(value)
		if !ok {
			return "", false
		}
		value = string(data)
	}
	if len(value) != tokenEncoding.EncodedLen(tokenBytes) {
		return "", false
	}
	number, err := tokenEncoding.DecodeString(value)
	return value, err == nil && len(number) == tokenBytes
}

// storeKey is what a Store knows a session by: its hash, so that whoever reads the Store
// can use no session, and looking one up takes no longer for a number that is almost
// right.
func storeKey(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
