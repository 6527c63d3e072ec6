package routing

import (
	"net/http"
	"net/url"
	"strings"
)

// StripSegments takes the first n segments off the path, whatever they are, since
// a prefix may hold parameters.
func StripSegments(n int, h http.Handler) http.Handler {
	if n == 0 {
		return h
	}
	strip := func(path string) string {
		for range n {
			i := strings.IndexByte(path[1:], '/')
			if i < 0 {
				return "/"
			}
			path = path[1+i:]
		}
		return path
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u := *r.URL
		if u.RawPath != "" {
			// An encoded slash in one of the segments must not count as their end.
			u.RawPath = strip(u.RawPath)
			u.Path, _ = url.PathUnescape(u.RawPath) // it was valid as a whole
		} else {
			u.Path = strip(u.Path)
		}
		inner := *r
		inner.URL = &u
		h.ServeHTTP(w, &inner)
	})
}
