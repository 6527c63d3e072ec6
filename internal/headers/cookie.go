package headers

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What browsers keep of a name and its value together, and of one attribute, in bytes
// (RFC 6265bis section 5.6).
const (
	mostOfCookie    = 4096
	mostOfAttribute = 1024
)

// Cookie returns the value of Set-Cookie. What net/http would leave out of it without a
// word is an error, and so is what browsers ignore the whole cookie for: one that is too
// large, a name that begins with __Secure- or __Host- without what that promises,
// SameSite=None and Partitioned without Secure (RFC 6265bis section 5.7). A Path that
// they would replace by another is an error, too.
func Cookie(c *http.Cookie) (string, error) {
	if c == nil {
		return "", errors.New("redstart: WithCookie was called with a nil cookie")
	}
	err := c.Valid()
	switch {
	case err != nil:
	case len(c.Name)+len(c.Value) > mostOfCookie:
		err = fmt.Errorf("name and value have %d bytes together, and browsers keep no more than %d", len(c.Name)+len(c.Value), mostOfCookie)
	case c.Path != "" && c.Path[0] != '/':
		err = fmt.Errorf("browsers ignore the Path %q, which does not begin with a slash", c.Path)
	case len(c.Path) > mostOfAttribute:
		err = fmt.Errorf("browsers ignore a Path of more than %d bytes, and this has %d", mostOfAttribute, len(c.Path))
	case c.SameSite < 0 || c.SameSite > http.SameSiteNoneMode:
		err = fmt.Errorf("there is no SameSite mode %d", c.SameSite)
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
