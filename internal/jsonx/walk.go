package jsonx

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/redstart-go/redstart/internal/excerpt"
)

// token is one key or value of a JSON text.
type token struct {
	start int    // index of the first byte
	end   int    // index after the last byte; of a list or an object, after its opening bracket
	kind  string // "key", or "array", "object", "string", "number", "bool" or "null"
}

// whole returns the text of a value or key with all that is in it.
func (t token) whole(data []byte) []byte {
	if t.kind != "array" && t.kind != "object" {
		return data[t.start:t.end]
	}
	value, err := jsontext.NewDecoder(bytes.NewReader(data[t.start:])).ReadValue()
	if err != nil {
		return data[t.start:]
	}
	return value
}

// digits returns the kind of a token in JSON's terms, and behind it what there is of a
// number, which may be a key or stand in quotes.
func (t token) digits(data []byte) string {
	text := strings.Trim(string(data[t.start:t.end]), `"`)
	if t.kind == "number" || t.kind == "key" {
		return "number " + excerpt.Of(text, 100)
	}
	return t.kind
}

// locate returns the key or value that the byte at offset is part of, and the way to it, as
// of an Error. That is written for this one alone: for each on the way, a text of
// many values far down would take minutes.
func locate(data []byte, offset int) (hit token, path string, keys []string) {
	walk(data, func(t token, at []level) bool {
		if t.start <= offset && offset < t.end {
			hit = t
			path, keys = wayOf(at)
		}
		return t.end <= offset
	})
	return hit, path, keys
}

// level is one list or object the walk is inside of.
type level struct {
	list    bool
	index   int
	key     []byte // in quotes
	wantKey bool
}

// walk calls visit for each key and value of data in order, with what is around it, until
// visit returns false. It is there to find places in texts already known to be JSON; of
// anything else it makes what it can, without harm.
func walk(data []byte, visit func(t token, at []level) bool) {
	var levels []level
	for i := 0; i < len(data); {
		c := data[i]
		t := token{start: i, end: i + 1}
		var top *level
		if len(levels) > 0 {
			top = &levels[len(levels)-1]
		}
		switch c {
		case ' ', '\t', '\r', '\n', ':':
			i++
			continue
		case ',':
			if top != nil {
				top.index++
				top.wantKey = !top.list
			}
			i++
			continue
		case ']', '}':
			if top != nil {
				levels = levels[:len(levels)-1]
			}
			i++
			continue
		case '[':
			t.kind = "array"
		case '{':
			t.kind = "object"
		case '"':
			t.kind = "string"
			t.end = stringEnd(data, i)
			if top != nil && top.wantKey {
				t.kind = "key"
				top.key = data[i:t.end]
				top.wantKey = false
			}
		default:
			t.end = literalEnd(data, i)
			t.kind = literalKind(c)
		}
		if !visit(t, levels) {
			return
		}
		switch t.kind {
		case "array":
			levels = append(levels, level{list: true})
		case "object":
			levels = append(levels, level{wantKey: true})
		}
		i = t.end
	}
}

// stringEnd returns the index after the string that starts at i.
func stringEnd(data []byte, i int) int {
	for i++; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}

// literalEnd returns the index after the number or word that starts at i.
func literalEnd(data []byte, i int) int {
	if n := bytes.IndexAny(data[i+1:], ",:]}\" \t\r\n[{"); n >= 0 {
		return i + 1 + n
	}
	return len(data)
}

func literalKind(first byte) string {
	switch first {
	case 't', 'f':
		return "bool"
	case 'n':
		return "null"
	}
	return "number"
}

func unquote(quoted []byte) string {
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return string(quoted)
	}
	return s
}

// wayOf writes down where a walk is. Keys are the client's, and shortened.
func wayOf(levels []level) (path string, keys []string) {
	var b strings.Builder
	for _, l := range levels {
		if l.list {
			keys = append(keys, strconv.Itoa(l.index))
			b.WriteString("[" + keys[len(keys)-1] + "]")
			continue
		}
		keys = append(keys, excerpt.Of(unquote(l.key), 100))
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(keys[len(keys)-1])
	}
	return b.String(), keys
}
