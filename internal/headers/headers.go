// Package headers keeps the changes that a response makes to its header, as a
// list that is never modified, so that copies of a response can share it and
// still be refined independently.
package headers

import (
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

type op uint8

const (
	set op = iota
	add
	remove
	fallback
)

// Changes are the changes made so far, newest first. nil is none.
type Changes struct {
	prev  *Changes
	name  string
	value [1]string
	op    op
}

// Set replaces a header. A name or value that HTTP does not allow is an error.
func (c *Changes) Set(name, value string) (*Changes, error) { return c.change(name, value, set) }

// Add adds a value to a header.
func (c *Changes) Add(name, value string) (*Changes, error) { return c.change(name, value, add) }

// Default sets a header that is missing, and not removed.
func (c *Changes) Default(name, value string) (*Changes, error) {
	return c.change(name, value, fallback)
}

// Remove removes a header.
func (c *Changes) Remove(name string) (*Changes, error) { return c.change(name, "", remove) }

func (c *Changes) change(name, value string, o op) (*Changes, error) {
	name = textproto.CanonicalMIMEHeaderKey(name)
	if !ValidName(name) {
		return nil, fmt.Errorf("redstart: %q is not a header name", name)
	}
	if i := strings.IndexFunc(value, forbidden); i >= 0 {
		return nil, fmt.Errorf("redstart: header %s: %q holds a control character at byte %d", name, value, i)
	}
	return &Changes{prev: c, name: name, value: [1]string{value}, op: o}, nil
}

// forbidden characters would end a header line or hide what follows
// (RFC 9110 section 5.5).
func forbidden(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// ValidName says whether a name is a token (RFC 9110 section 5.6.2), which is what
// the names of headers and methods are.
func ValidName(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return name != ""
}

// Apply makes the changes, oldest first. A header that is removed stays in h
// without values, which keeps net/http and whoever sets defaults from adding it.
func (c *Changes) Apply(h http.Header) { c.apply(h, true) }

// Begin and End are Apply in two halves, for a reply that sets headers of its own
// in between: those that are set come first, those that are removed or are defaults
// come last.
func (c *Changes) Begin(h http.Header) { c.apply(h, false) }

// End is the second half of [Changes.Begin].
func (c *Changes) End(h http.Header) {
	if c == nil {
		return
	}
	for n := c; n != nil; n = n.prev {
		if n.op == remove && c.newest(n.name) == n {
			h[n.name] = nil
		}
	}
	c.defaults(h)
}

func (c *Changes) apply(h http.Header, defaults bool) {
	if c == nil {
		return
	}
	c.prev.apply(h, defaults)
	switch c.op {
	case set:
		h[c.name] = c.value[:1:1]
	case add:
		h[c.name] = append(h[c.name], c.value[0])
	case remove:
		h[c.name] = nil
	case fallback:
		if defaults {
			c.setDefault(h)
		}
	}
}

func (c *Changes) defaults(h http.Header) {
	if c != nil {
		c.prev.defaults(h)
		c.setDefault(h)
	}
}

func (c *Changes) setDefault(h http.Header) {
	if _, has := h[c.name]; c.op == fallback && !has {
		h[c.name] = c.value[:1:1]
	}
}

// newest returns the last change to a header.
func (c *Changes) newest(name string) *Changes {
	for c.name != name {
		c = c.prev
	}
	return c
}

// After returns the changes of base followed by those of c.
func (c *Changes) After(base *Changes) *Changes {
	if c == nil {
		return base
	}
	changed := *c
	changed.prev = c.prev.After(base)
	return &changed
}

// Except returns the changes to all headers but these, in canonical form.
func (c *Changes) Except(names ...string) *Changes {
	if c == nil {
		return nil
	}
	rest := c.prev.Except(names...)
	if slices.Contains(names, c.name) {
		return rest
	}
	kept := *c
	kept.prev = rest
	return &kept
}

// lengths are the values of Content-Length for small bodies, made once.
var lengths = func() (values [2048][]string) {
	for n := range values {
		values[n] = []string{strconv.Itoa(n)}
	}
	return values
}()

// ContentLength returns the header's value. It must not be changed.
func ContentLength(n int) []string {
	if n < len(lengths) {
		return lengths[n]
	}
	return []string{strconv.Itoa(n)}
}
