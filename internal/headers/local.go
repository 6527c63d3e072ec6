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

// Location is a URL as that header has it, in ASCII and without spaces (RFC 9110 section
// 10.2.2). A [url.URL] writes its query as it got it.
func Location(u *url.URL) string {
	const hex = "0123456789ABCDEF"
	text := u.String()
	if !strings.ContainsFunc(text, outsideURL) {
		return text
	}
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; outsideURL(rune(c)) {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func outsideURL(c rune) bool { return c <= ' ' || c >= 0x7f }
