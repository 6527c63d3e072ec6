package routing

import (
	"net/url"
	"slices"
	"strings"
)

// oracle is the router in its plainest form: it tries every route on every
// path. The real one is held against it. It shares no code with it, and works
// on the encoded path throughout.
type oracle struct{ routes []oracleRoute }

type oracleRoute struct {
	method, pattern string
	value           int
}

type oracleMatch struct {
	value  int
	params [][2]string
}

// lookup takes the path as it stands in a request line, without the query. Of
// all routes whose method will do, the smallest rank wins, and of equal ranks
// the method that comes first.
func (o *oracle) lookup(method, encoded string) (oracleMatch, bool) {
	methods := []string{method, "*"}
	if method == "HEAD" {
		methods = []string{"HEAD", "GET", "*"}
	}
	best, bestRank := oracleMatch{}, ""
	for _, method := range methods {
		for _, r := range o.routes {
			if r.method != method {
				continue
			}
			for _, pattern := range oracleShapes(r.pattern) {
				params, rank, ok := oracleTry(pattern, encoded)
				if ok && (bestRank == "" || rank < bestRank) {
					best, bestRank = oracleMatch{r.value, params}, rank
				}
			}
		}
	}
	return best, bestRank != ""
}

func (o *oracle) allowed(encoded string) []string {
	var methods []string
	for _, method := range []string{"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "PROPFIND"} {
		// Only a route of its own can make an uncommon method allowed.
		routes := slices.DeleteFunc(slices.Clone(o.routes), func(r oracleRoute) bool {
			return method == "PROPFIND" && r.method == "*"
		})
		if _, ok := (&oracle{routes}).lookup(method, encoded); ok {
			methods = append(methods, method)
		}
	}
	if len(methods) > 0 && !slices.Contains(methods, "OPTIONS") {
		methods = append(methods, "OPTIONS")
	}
	slices.Sort(methods)
	return methods
}

// oracleShapes spells an optional parameter out.
func oracleShapes(pattern string) []string {
	long, optional := strings.CutSuffix(strings.TrimSuffix(pattern, "/"), "?")
	if !optional {
		return []string{pattern}
	}
	return []string{long, long[:strings.LastIndex(long, "/")+1]}
}

// oracleTry matches one pattern. The rank has a letter per segment, and the
// more specific pattern the smaller rank.
func oracleTry(pattern, encoded string) (params [][2]string, rank string, ok bool) {
	rank = "/"
	want := strings.Split(strings.TrimSuffix(pattern[1:], "/"), "/")
	if !strings.HasPrefix(encoded, "/") {
		return nil, "", false
	}
	rest := encoded[1:]
	for i, w := range want {
		if strings.HasPrefix(w, "*") {
			value := mustDecode(rest)
			if value == "" || value[0] == '/' {
				return nil, "", false
			}
			return append(params, [2]string{w[1:], value}), rank + "c", true
		}
		segment, after, more := strings.Cut(rest, "/")
		if more != (i < len(want)-1) && after != "" || !more && i < len(want)-1 {
			return nil, "", false
		}
		if strings.HasPrefix(w, ":") {
			if segment == "" {
				return nil, "", false
			}
			params = append(params, [2]string{w[1:], mustDecode(segment)})
			rank += "b"
		} else {
			if mustDecode(segment) != w {
				return nil, "", false
			}
			// The root has no segment that a slash could follow.
			if w == "" && more {
				return nil, "", false
			}
			rank += "a"
		}
		rest = after
	}
	return params, rank, true
}

func mustDecode(s string) string {
	decoded, err := url.PathUnescape(s)
	if err != nil {
		panic(err)
	}
	return decoded
}
