package openapi

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// rulesOf says whether the tag validate has required, before any dive.
func rulesOf(f reflect.StructField) (rules []string, required bool) {
	for rule := range strings.SplitSeq(f.Tag.Get("validate"), ",") {
		if rule == "dive" {
			break
		}
		rules = append(rules, rule)
		required = required || rule == "required"
	}
	return rules, required
}

// constrain returns the schema with what the rules of go-playground/validator say, as
// far as JSON Schema has words for it. Text says that values come as texts, so that a
// list of them is one of parameters.
func constrain(s *object, t reflect.Type, rules string, text bool) *object {
	if rules == "" || rules == "-" {
		return s
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	s = s.clone()
	own, inner, dives := strings.Cut(","+rules+",", ",dive,")
	for rule := range strings.SplitSeq(strings.Trim(own, ","), ",") {
		if strings.Contains(rule, "|") {
			continue // one of several rules: no schema says it in few words
		}
		name, param, _ := strings.Cut(rule, "=")
		param = strings.NewReplacer("0x2C", ",", "0x7C", "|").Replace(param)
		applyRule(s, t, name, param, text)
	}
	if !dives {
		return s
	}
	if _, after, keys := strings.Cut(inner, "endkeys,"); keys {
		inner = after
	}
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Map {
		for _, place := range []string{"items", "additionalProperties"} {
			if element, ok := s.get(place).(*object); ok {
				s.set(place, constrain(element, t.Elem(), strings.Trim(inner, ","), text))
			}
		}
	}
	return s
}

func applyRule(s *object, t reflect.Type, name, param string, text bool) {
	if t == timeType || t == durationType || s.has("$ref") && t.Kind() == reflect.Struct {
		return
	}
	switch k := t.Kind(); {
	case k == reflect.String, reflect.PointerTo(t).Implements(textInType):
		applyText(s, name, param)
	case k >= reflect.Int && k <= reflect.Float64:
		applyNumber(s, name, param)
	case k == reflect.Slice, k == reflect.Array:
		if s.get("type") != "string" || text {
			applyCount(s, name, param, "minItems", "maxItems")
		}
		if name == "unique" && param == "" {
			s.set("uniqueItems", true)
		}
	case k == reflect.Map:
		applyCount(s, name, param, "minProperties", "maxProperties")
	}
}

// applyCount is for rules about how many there are.
func applyCount(s *object, name, param, least, most string) {
	n, err := strconv.Atoi(param)
	if err != nil || n < 0 {
		return
	}
	switch name {
	case "min", "gte":
		s.set(least, n)
	case "gt":
		s.set(least, n+1)
	case "max", "lte":
		s.set(most, n)
	case "lt":
		s.set(most, max(n-1, 0))
	case "len":
		s.set(least, n).set(most, n)
	}
}

func applyNumber(s *object, name, param string) {
	if name == "oneof" {
		if values := numbers(strings.Fields(param)); values != nil {
			s.set("enum", values)
		}
		return
	}
	if !json.Valid([]byte(param)) || numbers([]string{param}) == nil {
		return
	}
	n := json.Number(param)
	switch name {
	case "min", "gte":
		s.set("minimum", n)
	case "max", "lte":
		s.set("maximum", n)
	case "gt":
		s.set("exclusiveMinimum", n)
	case "lt":
		s.set("exclusiveMaximum", n)
	case "eq", "len":
		s.set("const", n)
	case "ne":
		s.set("not", obj("const", n))
	}
}

// numbers returns texts as numbers, nil if one is none.
func numbers(from []string) (to list) {
	for _, text := range from {
		if _, err := strconv.ParseFloat(text, 64); err != nil || !json.Valid([]byte(text)) {
			return nil
		}
		to = append(to, json.Number(text))
	}
	return to
}

// formats are rules for which JSON Schema has a format.
var formats = map[string]string{
	"email": "email", "url": "uri", "uri": "uri", "http_url": "uri", "uuid": "uuid", "uuid3": "uuid", "uuid4": "uuid", "uuid5": "uuid",
	"ipv4": "ipv4", "ip4_addr": "ipv4", "ipv6": "ipv6", "ip6_addr": "ipv6", "hostname": "hostname", "hostname_rfc1123": "hostname", "fqdn": "hostname",
}

// patterns are rules that a regular expression says, of ECMA-262.
var patterns = map[string]string{
	"alpha": `^[a-zA-Z]+$`, "alphanum": `^[a-zA-Z0-9]+$`, "numeric": `^[-+]?[0-9]+(\.[0-9]+)?$`, "number": `^[0-9]+$`,
	"hexadecimal": `^(0[xX])?[0-9a-fA-F]+$`, "hexcolor": `^#([0-9a-fA-F]{3}|[0-9a-fA-F]{4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})$`,
	"e164": `^\+[1-9][0-9]{1,14}$`, "ascii": `^[\x00-\x7f]*$`, "printascii": `^[\x20-\x7e]*$`,
	"ulid": `^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$`, "iso3166_1_alpha2": `^[A-Z]{2}$`, "iso4217": `^[A-Z]{3}$`,
}

func applyText(s *object, name, param string) {
	if format, ok := formats[name]; ok {
		s.set("format", format)
		return
	}
	if pattern, ok := patterns[name]; ok {
		match(s, pattern)
		return
	}
	switch name {
	case "oneof":
		s.set("enum", texts(alternatives(param)))
	case "eq":
		s.set("const", param)
	case "ne":
		s.set("not", obj("const", param))
	case "startswith":
		match(s, "^"+regexp.QuoteMeta(param))
	case "endswith":
		match(s, regexp.QuoteMeta(param)+"$")
	case "contains":
		match(s, regexp.QuoteMeta(param))
	case "base64":
		s.set("contentEncoding", "base64")
	case "json":
		s.set("contentMediaType", "application/json")
	case "datetime":
		if param == "2006-01-02" {
			s.set("format", "date")
		}
	default:
		applyCount(s, name, param, "minLength", "maxLength")
	}
}

// match adds a pattern; beside another one both have to match.
func match(s *object, pattern string) {
	if !s.has("pattern") {
		s.set("pattern", pattern)
		return
	}
	all, _ := s.get("allOf").(list)
	s.set("allOf", append(all[:len(all):len(all)], obj("pattern", pattern)))
}

var alternative = regexp.MustCompile(`'[^']*'|\S+`)

// alternatives takes the parameter of oneof apart: words, or texts in quotes.
func alternatives(param string) []string {
	list := alternative.FindAllString(param, -1)
	for i, w := range list {
		list[i] = strings.ReplaceAll(w, "'", "")
	}
	return list
}
