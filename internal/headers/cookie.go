package headers

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Cookie returns the value of Set-Cookie. What net/http would leave out of it without a
// word is an error, and so is what browsers ignore the whole cookie for: a name that
// begins with __Secure- or __Host- without what that promises, SameSite=None and
// Partitioned without Secure (RFC 6265bis section 5.7).
func Cookie(c *http.Cookie) (string, error) {
	if c == nil {
		return "", errors.New("redstart: WithCookie was called with a nil cookie")
	}
	err := c.Valid()
	switch {
	case err != nil:
	case c.SameSite == http.SameSiteNoneMode && !c.Secure:
		err = errors.New("browsers ignore SameSite=None without Secure")
	case prefixed(c.Name, "__Secure-") && !c.Secure:
		err = errors.New("browsers ignore the prefix __Secure- without Secure")
	case prefixed(c.Name, "__Host-") && (!c.Secure || c.Path != "/" || c.Domain != ""):
		err = errors.New(`browsers ignore the prefix __Host- without Secure, with another Path than "/", and with a Domain`)
	}
	if err != nil {
		return "", fmt.Errorf("redstart: cookie %q: %w", c.Name, err)
	}
	return c.String(), nil
}

// prefixed compares without case, as browsers do.
func prefixed(name, prefix string) bool {
	return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

// Forget returns the cookie that has the client forget one of this name. A browser
// looks at the name's prefix for that, too.
func Forget(name, path, domain string) *http.Cookie {
	return &http.Cookie{
		Name: name, Path: path, Domain: domain, MaxAge: -1, Expires: time.Unix(1, 0),
		Secure: prefixed(name, "__Secure-") || prefixed(name, "__Host-"),
	}
}
