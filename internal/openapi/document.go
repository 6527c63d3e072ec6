package openapi

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// The versions of OpenAPI in which documents are.
const (
	version31 = "3.1.1"
	version32 = "3.2.0"
)

// Document is an OpenAPI document. It is immutable and safe for concurrent use.
type Document struct{ root *object }

// Parse reads a document that somebody has written, as JSON or YAML. Its members stay
// as they are.
func Parse(text []byte) (*Document, error) {
	var v any
	var err error
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '{' && jsonError(trimmed) == nil {
		v, err = parseJSON(trimmed)
	} else if v, err = parseYAML(text); err != nil && len(trimmed) > 0 && trimmed[0] == '{' {
		err = jsonError(trimmed) // it was meant to be JSON
	}
	if err != nil {
		return nil, fmt.Errorf("the OpenAPI document is neither JSON nor YAML: %w", err)
	}
	root, ok := v.(*object)
	if !ok {
		return nil, errors.New("the OpenAPI document is no object")
	}
	if problem := check(root); problem != "" {
		return nil, errors.New("the OpenAPI document " + problem)
	}
	return &Document{root}, nil
}

func jsonError(text []byte) error {
	_, err := parseJSON(text)
	return err
}

// check finds out whether an object is a document at all.
func check(root *object) string {
	version, _ := root.get("openapi").(string)
	if !strings.HasPrefix(version, "3.") {
		if root.has("swagger") {
			return "is of version 2: convert it to version 3"
		}
		return fmt.Sprintf(`needs "openapi": "3.1.1", or another version 3; it has %q`, version)
	}
	info, ok := root.get("info").(*object)
	if !ok {
		return `has no "info"`
	}
	for _, key := range []string{"title", "version"} {
		if _, ok := info.get(key).(string); !ok {
			return fmt.Sprintf(`has no "info.%s" that is a text`, key)
		}
	}
	paths, _ := root.get("paths").(*object)
	if paths == nil && !root.has("components") && !root.has("webhooks") {
		return `has no "paths"`
	}
	if paths != nil {
		for _, path := range paths.keys {
			if !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "x-") {
				return fmt.Sprintf("has the path %q, which does not begin with a slash", path)
			}
			if _, ok := paths.get(path).(*object); !ok {
				return fmt.Sprintf("has no object at the path %q", path)
			}
		}
	}
	return ""
}

// JSON returns the document as JSON.
func (d *Document) JSON() []byte { return append(appendJSON(nil, d.root, ""), '\n') }

// MarshalJSON is JSON, for package json.
func (d *Document) MarshalJSON() ([]byte, error) { return d.JSON(), nil }

// YAML returns the document as YAML.
func (d *Document) YAML() []byte { return encodeYAML(d.root) }

// Version returns the version of OpenAPI that the document is of.
func (d *Document) Version() string {
	version, _ := d.root.get("openapi").(string)
	return version
}

// Operations counts the operations.
func (d *Document) Operations() (n int) {
	paths, _ := d.root.get("paths").(*object)
	if paths == nil {
		return 0
	}
	for _, path := range paths.keys {
		item, _ := paths.get(path).(*object)
		for _, method := range methods {
			if item != nil && item.has(method) {
				n++
			}
		}
	}
	return n
}

// V32 returns the document in version 3.2, in which the events of streams and
// methods of the program's own have a place. A document that is not of version 3.1 is
// returned as it is.
func (d *Document) V32() *Document {
	if !strings.HasPrefix(d.Version(), "3.1.") {
		return d
	}
	root := renamed(d.root, map[string]string{"x-itemSchema": "itemSchema", "x-additionalOperations": "additionalOperations"}).(*object)
	return &Document{root.set("openapi", version32)}
}

// renamed copies a value with other names for some members of objects. An itemSchema
// takes the place of the schema beside it.
func renamed(v any, names map[string]string) any {
	switch v := v.(type) {
	case *object:
		o := &object{}
		for _, key := range v.keys {
			if key == "schema" && v.has("x-itemSchema") {
				continue
			}
			name := key
			if other, has := names[key]; has {
				name = other
			}
			o.set(name, renamed(v.values[key], names))
		}
		return o
	case list:
		l := make(list, len(v))
		for i := range v {
			l[i] = renamed(v[i], names)
		}
		return l
	}
	return v
}
