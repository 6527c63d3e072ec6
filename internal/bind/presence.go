package bind

import (
	"bytes"
	"encoding/json"
	"strings"
)

// present says whether the body has something but null at a place. Names count
// whatever their case, as for encoding/json.
//
// An absent field is nothing unusual: for a few of them the text is searched, which
// allocates nothing. For many, as in a long list, it is decoded once more.
func (f *filling) present(keys []string) bool {
	const searches, size = 8, 16 << 10
	if f.searched++; f.searched <= searches && len(f.body) <= size && !f.documented {
		at := find(f.body, keys)
		return at != nil && !bytes.HasPrefix(at, []byte("null"))
	}
	if !f.documented {
		var document any // not in f itself, which would have to be on the heap for it
		_ = json.Unmarshal(f.body, &document)
		f.document, f.documented = document, true
	}
	at := f.document
	for _, key := range keys {
		switch node := at.(type) {
		case map[string]any:
			next, ok := node[key]
			if !ok {
				for name, value := range node {
					if strings.EqualFold(name, key) {
						next = value
						break
					}
				}
			}
			at = next
		case []any:
			i, err := indexOf(key)
			if err != nil || i >= len(node) {
				return false
			}
			at = node[i]
		default:
			return false
		}
	}
	return at != nil
}

// find returns the text from a place in a JSON text on, nil if there is none. The text
// is known to be well-formed. Of a name that is there twice the last counts.
func find(text []byte, keys []string) []byte {
	text = bytes.TrimLeft(text, blanks)
	if len(keys) == 0 || len(text) == 0 {
		return text
	}
	list := text[0] == '['
	if !list && text[0] != '{' {
		return nil
	}
	var found []byte
	wanted := -1
	if list {
		i, err := indexOf(keys[0])
		if err != nil {
			return nil
		}
		wanted = i
	}
	text = bytes.TrimLeft(text[1:], blanks)
	for i := 0; len(text) > 0 && text[0] != ']' && text[0] != '}'; i++ {
		match := i == wanted
		if !list {
			end := skip(text)
			match = isName(text[:end], keys[0])
			text = bytes.TrimLeft(text[end:], blanks+":")
		}
		if match {
			found = text
		}
		text = bytes.TrimLeft(text[skip(text):], blanks+",")
	}
	if found == nil {
		return nil
	}
	return find(found, keys[1:])
}

const blanks = " \t\r\n"

// isName says whether a quoted name is the given one.
func isName(quoted []byte, name string) bool {
	if len(quoted) < 2 {
		return false
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return len(quoted)-2 == len(name) && string(quoted[1:len(quoted)-1]) == name || bytes.EqualFold(quoted[1:len(quoted)-1], []byte(name))
	}
	var decoded string
	return json.Unmarshal(quoted, &decoded) == nil && strings.EqualFold(decoded, name)
}

// skip returns the index behind the value, or the name, that the text begins with.
func skip(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return min(i+1, len(text))
			}
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			}
			if depth < 0 {
				return i
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return len(text)
}
