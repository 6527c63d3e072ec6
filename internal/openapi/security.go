package openapi

import (
	"bytes"
	"slices"
)

// maxAlternatives bounds the ways to satisfy all guards of a route.
const maxAlternatives = 64

// security describes the guards of a route: all of them have to be passed, each in any
// of its ways, where OpenAPI wants a list of ways to pass all.
func (b *builder) security(guards []Guard) (ways list) {
	var scopes []string
	for _, g := range guards {
		for _, s := range g.Scopes {
			if !slices.Contains(scopes, s) {
				scopes = append(scopes, s)
			}
		}
	}
	combined := []*object{obj()}
	guarded := false
	for _, g := range guards {
		if len(g.Schemes) == 0 {
			continue
		}
		guarded = true
		var next []*object
		for _, way := range combined {
			for _, s := range g.Schemes {
				next = append(next, way.clone().set(b.scheme(s), texts(scopes)))
			}
			if g.Optional {
				next = append(next, way.clone())
			}
		}
		combined = next[:min(len(next), maxAlternatives)]
	}
	if !guarded {
		return nil
	}
	seen := map[string]bool{}
	for _, way := range combined {
		slices.Sort(way.keys)
		if text := string(appendJSON(nil, way, "")); !seen[text] {
			seen[text] = true
			ways = append(ways, way)
		}
	}
	return ways
}

// scheme notes a scheme and returns its key. Different ones of the same name get
// numbers.
func (b *builder) scheme(s Scheme) string {
	o := obj("type", s.Type).text("description", s.Description)
	switch s.Type {
	case "http":
		o.text("scheme", s.Scheme).text("bearerFormat", s.BearerFormat)
	case "apiKey":
		o.text("in", s.In).text("name", s.Param)
	}
	text := appendJSON(nil, o, "")
	taken := map[string]bool{}
	for _, name := range b.schemes.keys {
		if b.described[name].Name == s.Name && bytes.Equal(appendJSON(nil, b.schemes.get(name), ""), text) {
			return name
		}
		taken[name] = true
	}
	name := unique(taken, componentKey(s.Name))
	b.schemes.set(name, o)
	b.described[name] = s
	return name
}

// componentKey makes a name one that OpenAPI takes for a component.
func componentKey(name string) string {
	key := []byte(name)
	for i, c := range key {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-' {
			continue
		}
		key[i] = '_'
	}
	if len(key) == 0 {
		return "scheme"
	}
	return string(key)
}
