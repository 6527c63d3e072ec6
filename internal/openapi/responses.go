package openapi

import (
	"cmp"
	"net/http"
	"reflect"
	"strconv"

	"github.com/redstart-go/redstart/internal/bind"
)

// streams says whether the route replies with events.
func (b *builder) streams(r *Route) bool {
	return len(r.Doc.Events) > 0 || r.Operation != nil && r.Operation.Output.Stream
}

// responses describes all replies: success, what the program adds, and errors.
func (b *builder) responses(r *Route, t *template) *object {
	all := obj()
	b.success(r, all)
	for _, status := range sortedKeys(r.Doc.Replies) {
		reply := obj("description", statusText(status))
		if v := r.Doc.Replies[status]; v != nil {
			reply.set("content", obj("application/json", obj("schema", b.schema(reflect.TypeOf(v), output))))
		}
		all.set(strconv.Itoa(status), reply)
	}
	for _, status := range b.errors(r, t) {
		if code := strconv.Itoa(status); !all.has(code) {
			all.set(code, b.problem(r, status))
		}
	}
	if r.Operation == nil {
		all.set("default", b.problem(r, 0))
	}
	return all
}

func statusText(status int) string {
	return cmp.Or(http.StatusText(status), "Status "+strconv.Itoa(status))
}

// success adds the replies to a request that went well.
func (b *builder) success(r *Route, all *object) {
	d := &r.Doc
	out := bind.Output{Opaque: true}
	if r.Operation != nil {
		out = r.Operation.Output
	}
	if d.Output != nil {
		out = bind.Output{Type: reflect.TypeOf(d.Output), Status: out.Status}
	}
	switch {
	case r.socket() != nil:
		all.set("101", obj("description", "The connection becomes a WebSocket."))
	case b.streams(r):
		all.set("200", obj("description", "A stream of events.", "content", obj("text/event-stream", b.events(r, out))))
	case len(d.Produces) > 0:
		status := cmp.Or(out.Status, http.StatusOK)
		all.set(strconv.Itoa(status), obj("description", statusText(status), "content", b.media(d.Produces, d.Output, output, d.ReplyExample)))
	case out.Opaque && r.Constant != nil:
		guarded := len(r.Guards) > 0 // and the document is open to everybody, unless the program sees to it
		all.set(strconv.Itoa(r.Constant.Status), r.Constant.reply(guarded))
	case out.Opaque:
		if len(d.Replies) == 0 {
			all.set("2XX", obj("description", "Success"))
		}
	case out.Type == nil || out.Type == reflect.TypeFor[struct{}]() && r.Operation == nil:
		status := cmp.Or(out.Status, http.StatusNoContent)
		all.set(strconv.Itoa(status), obj("description", statusText(status)))
	default:
		status := cmp.Or(out.Status, ownStatus(out.Type), http.StatusOK)
		media := withExample(obj("schema", b.schema(out.Type, output)), d.ReplyExample)
		reply := obj("description", statusText(status)).nested("headers", ownHeaders(out.Type))
		all.set(strconv.Itoa(status), reply.set("content", obj("application/json", media)))
		if out.Nullable && out.Type.Kind() != reflect.Interface && r.Method != http.MethodPost {
			all.set("204", obj("description", "There is none."))
		}
	}
}

// ownStatus asks a zero value for its status: most types have always the same.
func ownStatus(t reflect.Type) (status int) {
	defer func() {
		if recover() != nil {
			status = 0
		}
	}()
	if coder, ok := reflect.New(t).Interface().(bind.StatusCoder); ok {
		if status = coder.StatusCode(); status < 200 || status > 299 {
			return 0
		}
	}
	return status
}

// ownHeaders asks a zero value for the names of its headers.
func ownHeaders(t reflect.Type) (headers *object) {
	headers = obj()
	defer func() {
		if recover() != nil {
			headers = obj()
		}
	}()
	if h, ok := reflect.New(t).Interface().(bind.Headerer); ok {
		for _, name := range sortedKeys(h.Header()) {
			headers.set(name, obj("schema", obj("type", "string")))
		}
	}
	return headers
}

// events describes an event stream. The fields of an event are those of the WHATWG's
// section on server-sent events; x-itemSchema is what version 3.2 calls itemSchema.
func (b *builder) events(r *Route, out bind.Output) *object {
	item := obj("type", "object", "properties", obj(
		"data", obj("type", "string"),
		"event", obj("type", "string"),
		"id", obj("type", "string"),
		"retry", obj("type", "integer", "minimum", 0, "description", "Milliseconds until a client connects again."),
	), "required", list{"data"})
	data := func(t reflect.Type) *object {
		return obj("type", "string", "contentMediaType", "application/json", "contentSchema", b.schema(t, output))
	}
	if len(r.Doc.Events) == 0 {
		item.get("properties").(*object).set("data", data(out.Type))
		return obj("schema", obj("type", "string"), "x-itemSchema", item)
	}
	var kinds list
	for _, name := range sortedKeys(r.Doc.Events) {
		properties := obj()
		if name != "" {
			properties.set("event", obj("const", name))
		}
		if v := r.Doc.Events[name]; v != nil {
			properties.set("data", data(reflect.TypeOf(v)))
		}
		kind := obj("properties", properties)
		if name != "" {
			kind.set("required", list{"event"})
		}
		kinds = append(kinds, kind)
	}
	item.set("anyOf", kinds)
	return obj("schema", obj("type", "string"), "x-itemSchema", item)
}

// errors returns the statuses of the errors that a request can be answered with.
func (b *builder) errors(r *Route, t *template) []int {
	found := map[int]bool{}
	for _, status := range r.Doc.Problems {
		found[status] = true
	}
	for _, g := range r.Groups {
		for _, status := range g.Problems {
			found[status] = true
		}
	}
	for _, g := range r.Guards {
		found[http.StatusUnauthorized] = found[http.StatusUnauthorized] || len(g.Schemes) > 0
		found[http.StatusForbidden] = found[http.StatusForbidden] || len(g.Scopes) > 0
	}
	if in := r.input(); in != nil {
		form, _ := in.HasForm()
		if form || in.Body != nil {
			for _, status := range []int{400, 413, 415, 422} {
				found[status] = true
			}
		}
		for _, p := range in.Params {
			found[400] = found[400] || p.Required && p.In != bind.Path || p.Type.Kind() != reflect.String
			found[422] = found[422] || p.Rules != ""
		}
	}
	if r.Operation != nil {
		found[404] = found[404] || len(t.params) > 0
		found[500] = true
	}
	var list []int
	for _, status := range sortedKeys(found) {
		if found[status] {
			list = append(list, status)
		}
	}
	return list
}

// problem refers to the reply of an error, 0 for any. Where the program chooses the
// replies to errors, nothing is known of their content.
func (b *builder) problem(r *Route, status int) *object {
	if r.OwnErrors {
		if status == 0 {
			return obj("description", "Error")
		}
		return obj("description", statusText(status))
	}
	b.problems[status] = true
	return obj("$ref", "#/components/responses/"+problemName(status))
}

func problemName(status int) string {
	if status == 0 {
		return "Error"
	}
	return capital(camel(words(statusText(status))))
}

// problemComponents makes the replies that all operations share.
func (b *builder) problemComponents(parts *object) {
	replies := obj()
	for _, status := range sortedKeys(b.problems) {
		description := "An error."
		if status != 0 {
			description = problemTexts[status]
		}
		reply := obj("description", cmp.Or(description, statusText(status)))
		if status == http.StatusUnauthorized {
			reply.set("headers", obj("WWW-Authenticate", obj("schema", obj("type", "string"))))
		}
		schema := obj("$ref", "#/components/schemas/Problem")
		replies.set(problemName(status), reply.set("content", obj("application/problem+json", obj("schema", schema))))
	}
	parts.set("responses", replies)
}

var problemTexts = map[int]string{
	400: "A parameter is missing, or something cannot be read.",
	401: "Nobody is logged in, or the credentials are worth nothing.",
	403: "Whoever is logged in may not do this.",
	404: "There is no such thing.",
	409: "It conflicts with what is there.",
	413: "The body is too large.",
	415: "The body is of a type that is not taken.",
	422: "Something breaks a rule. All that is wrong is listed.",
	429: "Too many requests.",
	500: "The server has failed.",
	503: "The server cannot answer at the moment.",
}

// problemSchema is that of a problem document (RFC 9457).
func problemSchema() *object {
	text := func(description string) *object { return obj("type", "string").text("description", description) }
	violation := obj("type", "object", "properties", obj(
		"in", obj("type", "string", "enum", list{"path", "query", "header", "cookie", "form", "body"}),
		"name", text("The parameter, or the field of a form."),
		"pointer", text("The place in a JSON body, as a JSON pointer (RFC 6901)."),
		"rule", text("What was broken, such as min=1."),
		"detail", text(""),
		"value", obj("description", "What was given."),
	), "required", list{"detail"})
	return obj("type", "object", "description", "A problem document (RFC 9457).", "properties", obj(
		"type", obj("type", "string", "format", "uri-reference", "default", "about:blank"),
		"title", text("The status in words."),
		"status", obj("type", "integer"),
		"detail", text("What went wrong this time."),
		"instance", obj("type", "string", "format", "uri-reference"),
		"request_id", text("The id under which the server's log has the request."),
		"errors", obj("type", "array", "description", "All that is wrong with the request.", "items", violation),
	), "required", list{"title", "status"})
}
