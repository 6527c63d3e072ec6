// Package problem encodes problem documents (RFC 9457), by which errors are told to
// clients as application/problem+json.
package problem

import (
	"fmt"
	"maps"
	"slices"

	"github.com/redstart-go/redstart/internal/jsonx"
)

// Document is one problem. Its type is about:blank, which is what the absence of one
// means.
type Document struct {
	Title     string
	Status    int
	Detail    string         // left out if empty
	RequestID string         // left out if empty
	Fields    map[string]any // extensions, and what replaces the members above
}

// Encode writes the members of RFC 9457 section 3.1 in their order, the request's id,
// and then the extensions, sorted. A field that cannot be encoded is an error that names
// it.
func (d Document) Encode() ([]byte, error) {
	members := []struct {
		name  string
		value any
		skip  bool
	}{
		{"title", d.Title, false}, {"status", d.Status, false},
		{"detail", d.Detail, d.Detail == ""}, {"request_id", d.RequestID, d.RequestID == ""},
	}
	body := []byte{'{'}
	member := func(name string, value any) (err error) {
		if len(body) > 1 {
			body = append(body, ',')
		}
		if body, err = jsonx.Append(body, name); err != nil {
			return fmt.Errorf("member %q: %w", name, err)
		}
		if body, err = jsonx.Append(append(body, ':'), value); err != nil {
			return fmt.Errorf("member %q: %w", name, err)
		}
		return nil
	}
	for _, m := range members {
		if value, replaced := d.Fields[m.name]; replaced {
			m.value = value
		} else if m.skip {
			continue
		}
		if err := member(m.name, m.value); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Fields)) {
		switch name {
		case "title", "status", "detail", "request_id":
			continue
		}
		if err := member(name, d.Fields[name]); err != nil {
			return nil, err
		}
	}
	return append(body, '}'), nil
}
