// Package headers keeps the changes that a response makes to its header, as a
// list that is never modified, so that copies of a response can share it and
// still be refined independently.
package headers

import (
	"errors"
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
	member // of a list header, unless the list holds it
	batch  // the changes of list
)

// Changes are the changes made so far, newest first. nil is none.
type Changes struct {
	prev  *Changes
	name  string
	value [1]string
	op    op
	list  *Changes
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

// Member adds an element to a header that is a list, such as Vary, unless the list
// holds it already, or "*".
func (c *Changes) Member(name, value string) (*Changes, error) {
	return c.change(name, value, member)
}

// Then makes the changes of list after those of c. The list is shared, so that one
// which is made once costs one node for each reply, however long it is.
func (c *Changes) Then(list *Changes) *Changes {
	switch {
	case list == nil:
		return c
	case c == nil:
		return list
	}
	return &Changes{prev: c, op: batch, list: list}
}

func (c *Changes) change(name, value string, o op) (*Changes, error) {
	name = textproto.CanonicalMIMEHeaderKey(name)
	if !ValidName(name) {
		return nil, fmt.Errorf("redstart: %q is not a header name", name)
	}
	if i := strings.IndexFunc(value, forbidden); i >= 0 {
		return nil, fmt.Errorf("redstart: header %s: %q holds a control character at byte %d", name, value, i)
	}
	if o != remove {
		switch name {
		case "Content-Length":
			if _, err := strconv.ParseUint(value, 10, 63); err != nil {
				return nil, fmt.Errorf("redstart: header Content-Length: %q is not a number of bytes", value)
			}
		case "Transfer-Encoding":
			// Another one than the server's own makes the body unreadable.
			return nil, errors.New("redstart: header Transfer-Encoding: the server chooses it by itself")
		}
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
	c.each(func(n *Changes) bool {
		if n.op == remove && c.newest(n.name) == n {
			h[n.name] = nil
		}
		return true
	})
	c.defaults(h)
}

// each calls f with every change, newest first, until f returns false.
func (c *Changes) each(f func(*Changes) bool) bool {
	for n := c; n != nil; n = n.prev {
		if n.op == batch && !n.list.each(f) || n.op != batch && !f(n) {
			return false
		}
	}
	return true
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
	case member:
		if !Listed(h[c.name], c.value[0]) {
			h[c.name] = append(h[c.name], c.value[0])
		}
	case batch:
		c.list.apply(h, defaults)
	}
}

// Listed says whether the lines of a list header hold an element, whatever its case,
// or "*".
func Listed(lines []string, element string) bool {
	for _, line := range lines {
		for each := range strings.SplitSeq(line, ",") {
			each = strings.TrimSpace(each)
			if each == "*" || strings.EqualFold(each, element) {
				return true
			}
		}
	}
	return false
}

func (c *Changes) defaults(h http.Header) {
	if c != nil {
		c.prev.defaults(h)
		c.list.defaults(h)
		c.setDefault(h)
	}
}

func (c *Changes) setDefault(h http.Header) {
	if _, has := h[c.name]; c.op == fallback && !has {
		h[c.name] = c.value[:1:1]
	}
}

// newest returns the last change to a header.
func (c *Changes) newest(name string) (newest *Changes) {
	c.each(func(n *Changes) bool {
		newest = n
		return n.name != name
	})
	return newest
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
	if c.op == batch {
		return rest.Then(c.list.Except(names...))
	}
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
