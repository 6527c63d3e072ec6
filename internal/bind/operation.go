package bind

import "reflect"

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
