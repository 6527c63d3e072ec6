package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// encodeYAML writes a value as YAML 1.2, of which JSON is a part.
func encodeYAML(v any) []byte {
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	if err := e.Encode(node(v)); err != nil {
		panic(fmt.Sprintf("openapi: a document as YAML: %v", err)) // it was JSON before
	}
	return text.Bytes()
}

func node(v any) *yaml.Node {
	scalar := func(tag, value string) *yaml.Node {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
	}
	switch v := v.(type) {
	case *object:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, key := range v.keys {
			n.Content = append(n.Content, node(key), node(v.values[key]))
		}
		return n
	case list:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, element := range v {
			n.Content = append(n.Content, node(element))
		}
		return n
	case string:
		n := &yaml.Node{}
		n.SetString(v)
		return n
	case bool:
		return scalar("!!bool", strconv.FormatBool(v))
	case nil:
		return scalar("!!null", "null")
	}
	number := fmt.Sprint(v)
	if !strings.ContainsAny(number, ".eE") {
		return scalar("!!int", number)
	}
	return scalar("!!float", number)
}

// maxAliases bounds what aliases may unfold to.
const maxAliases = 100_000

// parseYAML reads the first document of a YAML text.
func parseYAML(text []byte) (any, error) {
	var n yaml.Node
	if err := yaml.Unmarshal(text, &n); err != nil {
		return nil, err
	}
	if n.Kind != yaml.DocumentNode || len(n.Content) != 1 {
		return nil, fmt.Errorf("there is no document in it")
	}
	budget := maxAliases
	return fromNode(n.Content[0], &budget)
}

func fromNode(n *yaml.Node, budget *int) (any, error) {
	if *budget--; *budget < 0 {
		return nil, fmt.Errorf("line %d: aliases unfold to more than %d values", n.Line, maxAliases)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return fromNode(n.Alias, budget)
	case yaml.SequenceNode:
		l := list{}
		for _, inner := range n.Content {
			v, err := fromNode(inner, budget)
			if err != nil {
				return nil, err
			}
			l = append(l, v)
		}
		return l, nil
	case yaml.MappingNode:
		o := &object{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			v, err := fromNode(n.Content[i+1], budget)
			if err != nil {
				return nil, err
			}
			o.set(n.Content[i].Value, v)
		}
		return o, nil
	}
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool", "!!int", "!!float":
		var v any
		if err := n.Decode(&v); err != nil {
			return nil, err
		}
		if _, err := json.Marshal(v); err != nil { // .inf and .nan
			return nil, fmt.Errorf("line %d: %s is no value of JSON", n.Line, n.Value)
		}
		return v, nil
	}
	return n.Value, nil
}
