package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/authheader"
)

// SessionAuthOptions refine [SessionAuth].
type SessionAuthOptions struct {
	// LoginPage is a path on this site where a browser that opens a page is sent if nobody
	// is logged in, with the page's address as the parameter "next": see
	// [redstart.RedirectLocal] for the way back. All else gets status 401.
	LoginPage string
	// Cookie is the name of the session's cookie, for documents. The default is "session".
	Cookie string
}

// SessionAuth knows clients by who has logged in to their session with [Login]. It belongs
// inside of a [Session], which also refuses what pages of other sites send. load makes
// the identity, and returns nil for one who may not come in any more; nil in its place
// makes an identity of the subject alone. It has the session by [redstart.SessionFrom].
func SessionAuth(load func(ctx context.Context, subject string) (*redstart.Identity, error), options ...SessionAuthOptions) *Auth {
	o := given("SessionAuth", options)
	if load == nil {
		load = func(_ context.Context, subject string) (*redstart.Identity, error) {
			return &redstart.Identity{Subject: subject}, nil
		}
	}
	if o.LoginPage != "" && redstart.RedirectLocal(o.LoginPage).Err() != nil {
		misuse("SessionAuth", "LoginPage %q: want a path on this site, such as %q", o.LoginPage, "/login")
	}
	if o.Cookie == "" {
		o.Cookie = "session"
	}
	challenge := authheader.Challenge("Cookie", "cookie-name", o.Cookie)
	s := &scheme{
		describe: redstart.SecurityScheme{Name: "session", Type: "apiKey", In: "cookie", Param: o.Cookie},
		find: func(req *redstart.Request) (*redstart.Identity, error) {
			s, ok := req.Session().(*browserSession)
			if !ok {
				return nil, errNoSession
			}
			subject := s.subject()
			if subject == "" {
				return nil, nil
			}
			id, err := load(req.Context(), subject)
			if id, err = judge(id, err, "Session"); err != nil {
				if _, refused := errors.AsType[*refusal](err); refused {
					return nil, nil // as if nobody had logged in
				}
				return nil, err
			}
			return id, nil
		},
		challenge: func(*refusal) string { return challenge },
	}
	if o.LoginPage != "" {
		s.ask = func(req *redstart.Request) (redstart.Response, bool) { return askToLogIn(req, o.LoginPage) }
	}
	return &Auth{schemes: []*scheme{s}}
}

var errNoSession = errors.New("middleware: there is no session here: put middleware.Session around the route")

// askToLogIn leads a browser that opens a page to the page where one logs in.
func askToLogIn(req *redstart.Request, page string) (redstart.Response, bool) {
	h := req.HTTP().Header
	opens := h.Get("Sec-Fetch-Mode") == "navigate"
	if len(h["Sec-Fetch-Mode"]) == 0 {
		opens = strings.Contains(h.Get("Accept"), "text/html")
	}
	if !opens || req.Method() != http.MethodGet && req.Method() != http.MethodHead || isUpgrade(req.HTTP()) {
		return redstart.Response{}, false
	}
	target, err := url.Parse(page)
	if err != nil {
		return redstart.Response{}, false
	}
	query := target.Query()
	query.Set("next", req.HTTP().URL.RequestURI())
	target.RawQuery = query.Encode()
	return redstart.RedirectLocal(target.String()).With("Cache-Control", "no-store"), true
}

func (s *browserSession) subject() string {
	defer s.use()()
	return s.record.Subject
}

// Login remembers in the session who has proved to be the subject, for [SessionAuth]. The
// session gets a new id and lasts for its whole MaxAge from now on; its values stay, unless
// they are another subject's. A request that a page of another site makes the browser send
// is an error with status 403: it would log the visitor in as somebody else.
func Login(req *redstart.Request, subject string) error {
	s, ok := req.Session().(*browserSession)
	switch {
	case !ok:
		return errNoSession
	case subject == "":
		return errors.New("middleware: Login: the subject is empty")
	case !utf8.ValidString(subject):
		return fmt.Errorf("middleware: Login: the subject %q is not UTF-8: it would come back as another", subject)
	}
	if err := s.owner.check(req); err != nil {
		return err
	}
	defer s.use()()
	if s.record.Subject != "" && s.record.Subject != subject {
		s.clear()
	}
	s.renew()
	s.record.Subject, s.proved = subject, true
	return nil
}

// Logout ends the session: its values are gone, and the Store, if there is one, forgets it
// at once. A cookie that holds its values itself is good until it expires, for who has
// copied it: [Session] says what helps.
func Logout(req *redstart.Request) {
	s, ok := req.Session().(*browserSession)
	if !ok {
		return
	}
	defer s.use()()
	s.clear()
	s.renew()
}
