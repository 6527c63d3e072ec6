package routing

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/julienschmidt/httprouter"
)

// methodTable holds routes that answer one method.
type methodTable struct {
	static map[string]int // canonical path to route number
	layers []*httprouter.Router
}

// newMethodTable compiles leaves of different shapes.
func newMethodTable(leaves []leaf) (*methodTable, error) {
	table := &methodTable{static: map[string]int{}}
	var dynamic []leaf
	for _, l := range leaves {
		if l.shape.isStatic() {
			table.static[l.shape.path()] = l.route
		} else {
			dynamic = append(dynamic, l)
		}
	}
	for _, layer := range arrange(dynamic) {
		router, err := layer.router()
		if err != nil {
			return nil, err
		}
		table.layers = append(table.layers, router)
	}
	return table, nil
}

// answering lists the methods whose routes answer requests with this one. The
// order counts for routes of the same shape only.
func answering(method string) []string {
	switch method {
	case AnyMethod:
		return []string{AnyMethod}
	case http.MethodHead:
		return []string{http.MethodHead, http.MethodGet, AnyMethod}
	}
	return []string{method, AnyMethod}
}

// link builds the tables from the leaves of each method. A lookup asks a single
// table, which holds the routes of all methods that answer: only there can they
// be ordered by specificity.
func (m *Matcher[T]) link(leaves map[string][]leaf) error {
	for method := range leaves {
		table, err := newMethodTable(leaves[method])
		if err != nil {
			return fmt.Errorf("routes of method %s: %w", method, err)
		}
		m.own[method] = table
	}
	for method := range leaves {
		if err := m.linkMethod(method, leaves); err != nil {
			return err
		}
	}
	if get := m.tables[http.MethodGet]; get != nil && m.tables[http.MethodHead] == nil {
		m.tables[http.MethodHead] = get
	}
	m.others = m.own[AnyMethod]
	if m.others == nil {
		m.others = &methodTable{}
	}
	return nil
}

// linkMethod builds the table for requests with a method that has routes. Of
// leaves with the same shape it takes that of the method that is listed first.
func (m *Matcher[T]) linkMethod(method string, leaves map[string][]leaf) error {
	sources := slices.DeleteFunc(answering(method), func(from string) bool { return len(leaves[from]) == 0 })
	if len(sources) == 1 {
		m.tables[method] = m.own[method]
		return nil
	}
	var merged []leaf
	taken := map[string]bool{}
	for _, from := range sources {
		for _, l := range leaves[from] {
			if path := l.shape.path(); !taken[path] {
				taken[path] = true
				merged = append(merged, l)
			}
		}
	}
	table, err := newMethodTable(merged)
	if err != nil {
		return fmt.Errorf("routes that answer method %s: %w", method, err)
	}
	m.tables[method] = table
	return nil
}
