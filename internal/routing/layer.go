package routing

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/julienschmidt/httprouter"
)

// leaf is one shape and the number of the route it leads to.
type leaf struct {
	shape shape
	route int
}

// layer is one httprouter tree in the making. httprouter has no way to ask
// whether a path would fit, and its panic leaves the tree half changed, so the
// layer keeps its own picture of what stands where. Leaves must come in the
// order of [compare].
type layer struct {
	leaves []leaf
	root   branch
}

// branch is one place in a layer: what may follow a prefix.
type branch struct {
	static map[string]*branch
	param  *branch
}

// arrange distributes leaves over layers such that asking these in order finds
// the most specific match: it takes the most specific leaf first and puts each
// into the first layer that accepts it.
//
// First fit never puts a leaf r ahead of a more specific leaf s for the same
// path. s and r are equal up to a segment m, where s has the more specific
// kind. If a layer refused s, it was because of some q that is equal to s up to
// a segment k and has the more specific kind there. Then q stands in the way of
// r too: at segment k if r still equals s there (k < m), at segment m if q still
// equals s there (m < k), and if k is m, because q has text there, s a
// parameter and r a catch-all.
func arrange(leaves []leaf) []*layer {
	slices.SortFunc(leaves, func(a, b leaf) int { return compare(a.shape, b.shape) })
	var layers []*layer
	for _, l := range leaves {
		place := slices.IndexFunc(layers, func(layer *layer) bool { return layer.accepts(l.shape) })
		if place < 0 {
			place = len(layers)
			layers = append(layers, &layer{})
		}
		layers[place].add(l)
	}
	return layers
}

// accepts reports whether httprouter can hold the shape beside the others: at
// each place stands either text, or one parameter, or one catch-all. In their
// order text comes before a parameter and a parameter before a catch-all, so
// only the later can find the earlier in its place.
func (l *layer) accepts(s shape) bool {
	b := &l.root
	for _, seg := range s {
		switch seg.kind {
		case static:
			b = b.static[seg.text]
		case param:
			if len(b.static) > 0 {
				return false
			}
			b = b.param
		case catchAll:
			return len(b.static) == 0 && b.param == nil
		}
		if b == nil {
			break
		}
	}
	return true
}

// add puts in a leaf whose shape the layer accepts.
func (l *layer) add(added leaf) {
	l.leaves = append(l.leaves, added)
	b := &l.root
	for _, seg := range added.shape {
		switch seg.kind {
		case static:
			next := b.static[seg.text]
			if next == nil {
				next = &branch{}
				if b.static == nil {
					b.static = map[string]*branch{}
				}
				b.static[seg.text] = next
			}
			b = next
		case param:
			if b.param == nil {
				b.param = &branch{}
			}
			b = b.param
		}
	}
}

// router compiles the layer. httprouter refuses a bad path by a panic, which
// becomes an error here; it would mean that accepts is wrong.
func (l *layer) router() (router *httprouter.Router, err error) {
	// The zero Router neither redirects nor answers OPTIONS or 405 by itself.
	router = &httprouter.Router{NotFound: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	var path string
	defer func() {
		if refused := recover(); refused != nil {
			router, err = nil, fmt.Errorf("httprouter refuses the path %q: %v", path, refused)
		}
	}()
	for _, leaf := range l.leaves {
		path = leaf.shape.path()
		route, rest := leaf.route, leaf.shape.endsInCatchAll()
		router.Handle(probeMethod, path, func(w http.ResponseWriter, _ *http.Request, params httprouter.Params) {
			w.(*probe).take(route, rest, params)
			// httprouter pools the parameters as they are; without this the
			// pool would keep the paths of old requests alive.
			clear(params)
		})
	}
	return router, nil
}
