package headers

import (
	"net/url"
	"strings"
)

// Local says whether a browser that is redirected to the target stays on the site: it is
// a path, and nothing that browsers take for the beginning of a host, such as "//" and
// "/\\", or leave out on the way to one, such as a tab (WHATWG URL section 4.4).
func Local(target string) bool {
	u, err := url.Parse(target)
	return err == nil && u.Scheme == "" && u.Host == "" && u.User == nil && u.Opaque == "" &&
		strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//") && !strings.ContainsAny(target, "\\\r\n\t")
}
