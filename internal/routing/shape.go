package routing

import (
	"cmp"
	"strings"
)

// shape is the part of a pattern that decides which paths it matches: the
// segments without the names of parameters, static text in canonical form.
type shape []segment

// shapes returns the shapes of a pattern: two when its last segment is
// optional, the longer one first.
func (p Pattern) shapes() []shape {
	long := make(shape, len(p.segments))
	for i, s := range p.segments {
		long[i] = segment{kind: s.kind}
		if s.kind == static {
			long[i].text = escaper.Replace(s.text)
		}
	}
	if p.optional {
		return []shape{long, long[:len(long)-1]}
	}
	return []shape{long}
}

// path returns the shape in httprouter's syntax. All parameters have the same
// name there, because httprouter takes another name for a conflict. Static
// text holds neither ":" nor "*", so no two shapes have the same path.
func (s shape) path() string {
	if len(s) == 0 {
		return "/"
	}
	var path strings.Builder
	for _, seg := range s {
		path.WriteByte('/')
		switch seg.kind {
		case static:
			path.WriteString(seg.text)
		case param:
			path.WriteString(":p")
		case catchAll:
			path.WriteString("*p")
		}
	}
	return path.String()
}

// isStatic reports whether the shape matches one path only.
func (s shape) isStatic() bool {
	for _, seg := range s {
		if seg.kind != static {
			return false
		}
	}
	return true
}

// endsInCatchAll reports whether the last segment takes the rest of a path.
func (s shape) endsInCatchAll() bool {
	return len(s) > 0 && s[len(s)-1].kind == catchAll
}

// compare orders shapes by specificity: of two that match the same path, the
// more specific comes first. The order of the others is arbitrary but fixed.
func compare(a, b shape) int {
	for i := range min(len(a), len(b)) {
		if c := cmp.Compare(a[i].kind, b[i].kind); c != 0 {
			return c
		}
		if c := cmp.Compare(a[i].text, b[i].text); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}
