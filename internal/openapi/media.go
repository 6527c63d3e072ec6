package openapi

import (
	"mime"
	"reflect"
	"strings"
	"unicode/utf8"
)

// longest is how many bytes of a constant reply are shown in a document.
const longest = 4 << 10

// media describes bodies that are not JSON alone: of those that are, v tells the type. A
// binary one has no schema (OpenAPI 3.1 section 4.8.14.3).
func (b *builder) media(types []string, v any, m mode, example any) *object {
	content := obj()
	for _, text := range types {
		described := obj()
		switch kind := essence(text); {
		case isJSON(kind):
			described = withExample(obj("schema", b.schema(reflect.TypeOf(v), m)), example)
		case strings.HasPrefix(kind, "text/"):
			described.set("schema", obj("type", "string"))
			if s, ok := example.(string); ok {
				described.set("example", s)
			}
		}
		content.set(text, described)
	}
	return content
}

// reply describes a constant reply, which is its own example unless it is secret.
func (c *Constant) reply(secret bool) *object {
	reply := obj("description", statusText(c.Status))
	if c.Type == "" || len(c.Body) == 0 {
		return reply
	}
	described := obj()
	shown := !secret && len(c.Body) <= longest && utf8.Valid(c.Body)
	switch kind := essence(c.Type); {
	case isJSON(kind):
		described.set("schema", obj())
		if v, err := parseJSON(c.Body); err == nil && shown {
			described.set("example", v)
		}
	case strings.HasPrefix(kind, "text/"):
		described.set("schema", obj("type", "string"))
		if shown {
			described.set("example", string(c.Body))
		}
	}
	return reply.set("content", obj(c.Type, described))
}

// essence is a media type without its parameters.
func essence(text string) string {
	kind, _, err := mime.ParseMediaType(text)
	if err != nil {
		return text
	}
	return kind
}

func isJSON(kind string) bool { return kind == "application/json" || strings.HasSuffix(kind, "+json") }
