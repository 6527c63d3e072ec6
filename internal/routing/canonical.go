package routing

import (
	"net/url"
	"strings"
)

// Paths are matched in a canonical form: decoded, except that a percent sign
// and a slash inside a segment stay percent-encoded. So splitting at slashes
// finds the true segments, two different paths never look alike, and nearly
// every path is its own canonical form.
var (
	escaper   = strings.NewReplacer("%", "%25", "/", encodedSlash)
	unescaper = strings.NewReplacer("%25", "%", encodedSlash, "/")
)

const encodedSlash = "%2F"

// canonical returns the canonical form of a request's path and whether values
// cut from it have to be unescaped. rawPath counts only as far as it is an
// encoding of path, as in [url.URL.EscapedPath]: middleware that rewrites one
// and forgets the other must not route a request by a path nobody checked.
func canonical(path, rawPath string) (form string, escaped bool) {
	if rawPath == "" && strings.IndexByte(path, '%') < 0 {
		return path, false
	}
	if decoded, err := url.PathUnescape(rawPath); err != nil || decoded != path {
		return strings.ReplaceAll(path, "%", "%25"), true
	}
	parts := strings.Split(rawPath, "/")
	for i, part := range parts {
		// The whole has just been decoded without an error, so the parts can be.
		decoded, _ := url.PathUnescape(part)
		parts[i] = escaper.Replace(decoded)
	}
	return strings.Join(parts, "/"), true
}

// withoutSlash takes off the one trailing slash that makes no difference. The
// root keeps its slash, and of two slashes none is taken, because an empty
// segment is a difference.
func withoutSlash(path string) string {
	if last := len(path) - 1; last > 0 && path[last] == '/' && path[last-1] != '/' {
		return path[:last]
	}
	return path
}
