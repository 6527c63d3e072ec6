package openapi

import (
	"fmt"
	"maps"
	"mime"
	"reflect"
	"slices"
	"strings"

	"github.com/redstart-go/redstart/internal/bind"
	"github.com/redstart-go/redstart/internal/jsonx"
)

// API says what the document is about.
type API struct {
	Title       string // "API" by default
	Version     string // of the API, "0.0.0" by default
	Summary     string
	Description string // CommonMark
	Terms       string // a URL
	Contact     Contact
	License     License
	// Servers are where the API is; by default where the document is.
	Servers []Server
}

// Contact is whom to ask about the API.
type Contact struct{ Name, URL, Email string }

// License is that of the API. Identifier is one of SPDX; it goes before the URL.
type License struct{ Name, Identifier, URL string }

// Server is an address of the API: a URL, or a path.
type Server struct{ URL, Description string }

// Doc says what a document cannot know by itself of a route. All of it is optional:
// typed handlers are described by their types, and every handler by its name.
type Doc struct {
	// Summary is a few words; the default is made of the handler's name.
	Summary     string
	Description string // CommonMark
	// ID is the operationId, by which generated clients name their functions. The
	// default is the route's name, or the handler's. It must be unique.
	ID string
	// Tags replace that of the group.
	Tags       []string
	Deprecated bool
	Hidden     bool // from documents

	// Input is a value of the type that a plain handler reads by Request.Bind, and
	// Output of the type that it replies with as JSON.
	Input, Output any
	// Consumes are the media types of a body that the handler reads by itself, such as
	// "image/*", and Produces those of a reply of success that is not JSON alone, such as
	// "text/csv". Output then tells of those that are JSON.
	Consumes, Produces []string
	// Events are those of an event stream, by their names, each a value of the type
	// that its data have as JSON. The name "" is that of events without one.
	Events map[string]any
	// Socket says that the route is a WebSocket's.
	Socket *Socket
	// Replies are further ones of success, or of errors that are no problem documents:
	// by status, a value of the type of their JSON, or nil where there is none.
	Replies map[int]any
	// Problems are the statuses of further errors, such as 409.
	Problems []int

	// RequestExample is a body, as a value for JSON, and ReplyExample one of success.
	RequestExample, ReplyExample any
}

// Compile looks at what it is given by values of the program: an Input with a wrong
// tag, and an example that is no JSON, are errors.
func (d *Doc) Compile(c bind.Config) (*bind.Input, error) {
	for name, example := range map[string]any{"RequestExample": d.RequestExample, "ReplyExample": d.ReplyExample} {
		if _, err := jsonx.Marshal(example); err != nil {
			return nil, fmt.Errorf("the %s cannot be encoded: %w", name, err)
		}
	}
	for name, types := range map[string][]string{"Consumes": d.Consumes, "Produces": d.Produces} {
		for _, text := range types {
			if kind, _, err := mime.ParseMediaType(text); err != nil || !strings.Contains(kind, "/") {
				return nil, fmt.Errorf("%s: %q is no media type: want one such as \"text/csv\" or \"image/*\"", name, text)
			}
		}
	}
	for _, statuses := range [][]int{d.Problems, slices.Collect(maps.Keys(d.Replies))} {
		for _, status := range statuses {
			if status < 100 || status > 599 {
				return nil, fmt.Errorf("%d is no status", status)
			}
		}
	}
	if d.Input == nil {
		return nil, nil
	}
	t := reflect.TypeOf(d.Input)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return bind.Compile(t, c)
}

// Socket describes a WebSocket. Receives and Sends are values of the types that the
// server's messages have as JSON; nil is unknown.
type Socket struct {
	Receives, Sends any
	Protocols       []string // subprotocols
}

// GroupDoc says what documents tell of a group's routes, those of its groups included.
type GroupDoc struct {
	// Tag is the heading that the routes stand under. The default is the last word of
	// the group's prefix. That of an inner group goes before it.
	Tag         string
	Description string // of the tag; CommonMark
	Deprecated  bool
	Hidden      bool // from documents
	// Problems are the statuses of errors that middleware adds, such as 429.
	Problems []int
}

// Group is a group that a route is in.
type Group struct {
	GroupDoc
	Prefix string // its own
}

// Guard is what a route's clients have to pass.
type Guard struct {
	Schemes  []Scheme // any of which will do
	Scopes   []string
	Optional bool
}

// Scheme is a way to prove who one is (OpenAPI 3.1 section 4.8.27).
type Scheme struct {
	Name         string
	Type         string
	Scheme       string
	BearerFormat string
	In           string
	Param        string
	Description  string
}

// Route is one route of the program.
type Route struct {
	Method   string // "*" for every method
	Pattern  string
	Host     string
	Name     string
	Function string
	// Operation is that of a typed handler, nil for others.
	Operation *bind.Operation
	// Input is what Doc.Input was compiled to.
	Input  *bind.Input
	Doc    Doc
	Groups []Group // outermost first
	Guards []Guard
	Socket bool // a WebSocket's
	// Constant is the reply of a route that has always the same one, nil for others.
	Constant *Constant
	// OwnErrors says that the program chooses the replies to errors.
	OwnErrors bool
}

// Constant is a reply that never changes.
type Constant struct {
	Status int
	Type   string // the media type, "" without a body
	Body   []byte
}

// Hidden says whether documents leave the route out.
func (r *Route) Hidden() bool {
	for _, g := range r.Groups {
		if g.Hidden {
			return true
		}
	}
	return r.Doc.Hidden
}

// Described says whether more is known of the route than its pattern, so that it
// makes a document worth showing.
func (r *Route) Described() bool {
	d := &r.Doc
	return !r.Hidden() && (r.Operation != nil || d.Summary != "" || d.Description != "" || d.ID != "" || len(d.Tags) > 0 ||
		d.Input != nil || d.Output != nil || len(d.Consumes) > 0 || len(d.Produces) > 0 || r.Socket || d.Socket != nil || len(d.Events) > 0 || len(d.Replies) > 0)
}

// socket returns what is known of the WebSocket, nil if it is none.
func (r *Route) socket() *Socket {
	if r.Doc.Socket == nil && r.Socket {
		return &Socket{}
	}
	return r.Doc.Socket
}

// input returns what is known of the route's input, nil if nothing is.
func (r *Route) input() *bind.Input {
	if r.Input != nil || r.Operation == nil {
		return r.Input
	}
	return r.Operation.Input
}

// Worthwhile says whether a document of the routes would tell more than their paths.
func Worthwhile(routes []Route) bool {
	for i := range routes {
		if routes[i].Described() {
			return true
		}
	}
	return false
}
