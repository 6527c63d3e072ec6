package headers

import (
	"fmt"
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

// Add adds a header, but for paths that are, or are below, one of except. Of several for
// one header the first that counts for a path is set. A name or a value that HTTP does
// not allow is an error, and so is an exception that no path begins with.
func (d *Defaults) Add(name, value string, except []string) error {
	if _, err := (*Changes)(nil).Set(name, value); err != nil {
		return fmt.Errorf("DefaultHeader: %s", strings.TrimPrefix(err.Error(), "redstart: ")) // which the app says itself
	}
	for _, prefix := range except {
		if !strings.HasPrefix(prefix, "/") {
			return fmt.Errorf("DefaultHeader %s: the exception %q is no path: begin it with a slash", name, prefix)
		}
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
