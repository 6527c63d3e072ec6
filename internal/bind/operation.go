package bind

import (
	"net/http"
	"reflect"
)

// Operation describes a typed handler, for documents about the program.
type Operation struct {
	Input  *Input
	Output Output
}

// Output is what a typed handler returns.
type Output struct {
	// Type is the type of the reply's JSON, a pointer taken off; of the elements when
	// it is an event stream. It is nil when there is no body, or when nothing is known
	// of it because the handler returns a Response.
	Type reflect.Type
	// Stream says that the reply is an event stream.
	Stream bool
	// Opaque says that the handler returns a Response.
	Opaque bool
	// Nullable says that there may be no body instead, with status 204.
	Nullable bool
	// Status is that of success, 0 when the value chooses it.
	Status int
}

// StatusCoder is an output that chooses the status of its reply.
type StatusCoder interface{ StatusCode() int }

// Headerer is an output that adds to the header of its reply.
type Headerer interface{ Header() http.Header }

// OutputOf describes an output that is replied as JSON, and says whether it has to be
// asked for its status or headers.
func OutputOf(t reflect.Type) (o Output, refined bool) {
	o = Output{Type: t, Status: http.StatusOK, Nullable: t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface}
	methods := reflect.PointerTo(t)
	if t.Kind() == reflect.Pointer {
		o.Type, methods = t.Elem(), t
	}
	if methods.Implements(reflect.TypeFor[StatusCoder]()) {
		o.Status, refined = 0, true
	}
	return o, refined || methods.Implements(reflect.TypeFor[Headerer]())
}
