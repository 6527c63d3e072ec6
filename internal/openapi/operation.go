package openapi

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"github.com/redstart-go/redstart/internal/bind"
)

// operation describes a route for one method at one of its paths.
func (b *builder) operation(r *Route, method string, t *template, renamed map[string]string) *object {
	op := obj()
	if tags := b.tagsOf(r); len(tags) > 0 {
		op.set("tags", texts(tags))
		b.describeTags(r, tags)
	}
	op.text("summary", cmp.Or(r.Doc.Summary, summary(functionName(r.Function))))
	op.text("description", r.Doc.Description)
	op.set("operationId", b.operationID(r, method, t))
	op.flag("deprecated", r.Doc.Deprecated || slices.ContainsFunc(r.Groups, func(g Group) bool { return g.Deprecated }))

	params := b.parameters(r, t, renamed)
	if b.streams(r) {
		params = append(params, obj("name", "Last-Event-ID", "in", "header",
			"description", "The id of the last event that the client has seen: the stream continues behind it.",
			"schema", obj("type", "string")))
	}
	if len(params) > 0 {
		op.set("parameters", params)
	}
	op.nested("requestBody", b.requestBody(r))
	op.set("responses", b.responses(r, t))
	if security := b.security(r.Guards); len(security) > 0 {
		op.set("security", security)
	}
	if s := r.socket(); s != nil {
		socket := obj()
		if s.Receives != nil {
			socket.set("receives", b.schema(reflect.TypeOf(s.Receives), input))
		}
		if s.Sends != nil {
			socket.set("sends", b.schema(reflect.TypeOf(s.Sends), output))
		}
		if len(s.Protocols) > 0 {
			socket.set("protocols", texts(s.Protocols))
		}
		op.set("x-websocket", socket)
	}
	return op
}

// describeTags notes the tags, with what a group says of its own.
func (b *builder) describeTags(r *Route, tags []string) {
	for _, tag := range tags {
		description, _ := b.tags.get(tag).(string)
		for _, g := range r.Groups {
			if g.Tag == tag && g.Description != "" {
				description = g.Description
			}
		}
		b.tags.set(tag, description)
	}
}

// ignored are headers that OpenAPI does not take as parameters (version 3.1, section
// 4.8.12.2.1).
var ignored = []string{"Accept", "Content-Type", "Authorization"}

// parameters describes those of the path, in its order, and then the others. Of a
// route that is not typed those of the path are all that is known.
func (b *builder) parameters(r *Route, t *template, renamed map[string]string) (params list) {
	in := r.input()
	for _, name := range t.params {
		p := obj("name", renamed[name], "in", "path")
		field := pathField(in, name)
		description := ""
		if field != nil {
			description = field.Struct.Tag.Get("doc")
		}
		if name == t.rest {
			description = strings.TrimSpace(description + "\nThe rest of the path, slashes included.")
		}
		p.text("description", description).set("required", true)
		if field == nil {
			p.set("schema", obj("type", "string"))
		} else {
			b.describeParam(p, field)
		}
		p.flag("x-catch-all", name == t.rest)
		params = append(params, p)
	}
	if in == nil {
		return params
	}
	for i := range in.Params {
		f := &in.Params[i]
		if f.In == bind.Path || f.In == bind.Form || f.In == bind.Header && slices.Contains(ignored, f.Name) {
			continue
		}
		p := obj("name", f.Name, "in", string(f.In)).text("description", f.Struct.Tag.Get("doc")).flag("required", f.Required)
		b.describeParam(p, f)
		params = append(params, p)
	}
	return params
}

func pathField(in *bind.Input, name string) *bind.Field {
	if in == nil {
		return nil
	}
	for i := range in.Params {
		if f := &in.Params[i]; f.In == bind.Path && f.Name == name {
			return f
		}
	}
	return nil
}

// describeParam adds the schema, and for a list how it is written.
func (b *builder) describeParam(p *object, f *bind.Field) {
	schema := b.param(*f)
	if schema.has("description") && p.has("description") {
		schema = without(schema, "description")
	}
	if schema.get("deprecated") == true {
		p.set("deprecated", true)
		schema = without(schema, "deprecated")
	}
	if f.List {
		switch {
		case f.In == bind.Query || f.In == bind.Cookie:
			p.set("style", "form").set("explode", !f.Comma)
		default:
			p.set("style", "simple").set("explode", false)
		}
	}
	p.set("schema", schema)
}

func without(o *object, key string) *object {
	c := o.clone()
	c.keys = slices.DeleteFunc(c.keys, func(k string) bool { return k == key })
	delete(c.values, key)
	return c
}

// requestBody describes the media types of a body; of none nothing is said.
func (b *builder) requestBody(r *Route) *object {
	content := b.media(r.Doc.Consumes, nil, input, r.Doc.RequestExample)
	in := r.input()
	if in == nil {
		return obj().nested("content", content)
	}
	form, files := in.HasForm()
	if !form && in.Body == nil {
		return obj().nested("content", content)
	}
	required := in.Body != nil && in.Body.Required
	if in.Body != nil {
		content.set("application/json", withExample(obj("schema", b.bodySchema(in)), r.Doc.RequestExample))
	}
	if form {
		kinds := []string{"application/x-www-form-urlencoded", "multipart/form-data"}
		if files {
			kinds = kinds[1:]
		}
		encodings := obj()
		for _, f := range in.Params {
			required = required || f.In == bind.Form && f.Required
			if f.In == bind.Form && f.Comma {
				encodings.set(f.Name, obj("style", "form", "explode", false))
			}
		}
		for _, kind := range kinds {
			content.set(kind, withExample(obj("schema", b.formSchema(in)), r.Doc.RequestExample).nested("encoding", encodings))
		}
	}
	return obj("content", content).flag("required", required)
}

func withExample(media *object, example any) *object {
	if v, err := valueOf(example); err == nil && example != nil {
		media.set("example", v)
	}
	return media
}
