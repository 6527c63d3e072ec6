package headers

import (
	"net/http"
	"slices"
	"strings"
)

// Defaults are headers that every reply gets if it lacks them.
type Defaults struct{ list []fallbackHeader }

type fallbackHeader struct {
	name   string
	value  []string
	except []string
}

// Add adds a header, but for paths that are, or are below, one of except. A name or a
// value that HTTP does not allow is an error.
func (d *Defaults) Add(name, value string, except []string) error {
	if _, err := (*Changes)(nil).Set(name, value); err != nil {
		return err
	}
	d.list = append(d.list, fallbackHeader{http.CanonicalHeaderKey(name), []string{value}, except})
	return nil
}

// Apply sets what h lacks, for the reply to a request of this path.
func (d *Defaults) Apply(h http.Header, path string) {
	for i := range d.list {
		f := &d.list[i]
		if _, has := h[f.name]; !has && !slices.ContainsFunc(f.except, func(prefix string) bool { return below(path, prefix) }) {
			h[f.name] = f.value[:1:1]
		}
	}
}

// below says whether the path is the prefix, or below it.
func below(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(prefix, "/"))
	return ok && (rest == "" || rest[0] == '/')
}
