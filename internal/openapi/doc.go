// Package openapi describes a program's routes as an OpenAPI document, and has the
// page that shows one in a browser.
//
//	document, err := openapi.Build(openapi.API{Title: "Gotham"}, routes)
//	text := document.JSON()
//
// What a document tells comes from what a typed handler was compiled to, see package
// bind, and from what a [Doc] adds. The tags of a struct's fields become:
//
//	tag                          in the document
//	path query header cookie     a parameter, with style and explode where it is a list
//	form                         a field of a form; a file makes the form multipart
//	json                         a property
//	default:"20"                 the default, as a value of the field's type
//	validate:"min=1,max=9"       minimum and maximum; of a text or a list its length
//	validate:"oneof=arson riot"  enum
//	validate:"required"          required
//	doc:"how bad it is"          the description
//	example:"3"                  an example
//	deprecated:"true"            deprecated
//
// What package json may write as null can be null here: pointers, and in replies lists
// and maps, unless they are left out when empty, or validate:"required" says that
// they are always there.
//
// A type of texts that lists its values by a method Enum() []string has them as its enum.
// A type with a name becomes a component of that name. A type of which requests have
// to bring less than replies do, since only some of its fields are required, becomes
// two: Crime and CrimeInput. A type whose JSON is not what its fields say can say so
// by a method OpenAPISchema() any, which returns a schema as a value for package json.
//
// What OpenAPI cannot express is told in extensions: x-catch-all at a parameter that
// takes slashes, x-websocket at a route that is a WebSocket's, x-itemSchema for the
// events of a stream in version 3.1, x-other-operations for routes that differ from
// another one by their host alone, or by taking the rest of the path.
//
// The same routes give the same bytes: members are in the order of registration and of
// fields, components in that of their names.
package openapi
