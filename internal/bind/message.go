package bind

import (
	"reflect"
	"strings"
)

// messages are for rules that always mean the same.
var messages = map[string]string{
	"required": "is required", "email": "must be an email address", "url": "must be a URL", "http_url": "must be an http or https URL",
	"uri": "must be a URI", "uuid": "must be a UUID", "uuid3": "must be a UUID of version 3", "uuid4": "must be a UUID of version 4",
	"uuid5": "must be a UUID of version 5", "ulid": "must be a ULID", "alpha": "must have letters only",
	"alphanum": "must have letters and digits only", "alphaunicode": "must have letters only",
	"alphanumunicode": "must have letters and digits only", "numeric": "must be a number", "number": "must have digits only",
	"boolean": "must be true or false", "hexadecimal": "must be hexadecimal", "hexcolor": "must be a colour such as #ff0000",
	"ip": "must be an IP address", "ipv4": "must be an IPv4 address", "ipv6": "must be an IPv6 address",
	"cidr": "must be a network such as 10.0.0.0/8", "hostname": "must be a host name", "hostname_rfc1123": "must be a host name",
	"fqdn": "must be a full domain name", "hostname_port": "must be a host and a port", "base64": "must be base64",
	"json": "must be JSON", "jwt": "must be a JWT", "lowercase": "must be in lower case", "uppercase": "must be in upper case",
	"ascii": "must be ASCII", "printascii": "must be printable ASCII", "unique": "must not have an element twice",
	"e164": "must be a telephone number such as +15550100", "latitude": "must be a latitude", "longitude": "must be a longitude",
	"timezone": "must be a time zone such as Europe/Berlin", "credit_card": "must be the number of a credit card",
	"isdefault": "must not be given", "semver": "must be a semantic version", "bcp47_language_tag": "must be a language tag such as en-GB",
	"iso3166_1_alpha2": "must be a country code such as DE", "iso4217": "must be a currency code such as EUR",
	"image": "must be an image", "file": "must be a file", "dir": "must be a folder",
}

// withParam are for rules with a text behind them, which takes the place of %.
var withParam = map[string]string{
	"eq": "must be %", "ne": "must not be %", "eq_ignore_case": "must be %", "ne_ignore_case": "must not be %",
	"contains": "must contain \"%\"", "containsany": "must contain one of the characters \"%\"", "excludes": "must not contain \"%\"",
	"excludesall": "must not contain any of the characters \"%\"", "startswith": "must begin with \"%\"", "endswith": "must end with \"%\"",
	"startsnotwith": "must not begin with \"%\"", "endsnotwith": "must not end with \"%\"", "datetime": "must be a time written like %",
	"eqfield": "must be the same as %", "nefield": "must not be the same as %", "gtfield": "must be greater than %",
	"gtefield": "must not be less than %", "ltfield": "must be less than %", "ltefield": "must not be greater than %",
	"eqcsfield": "must be the same as %", "required_if": "is required if %", "required_unless": "is required unless %",
	"required_with": "is required together with %", "required_without": "is required without %",
	"required_with_all": "is required together with %", "required_without_all": "is required without %",
	"excluded_if": "must not be given if %", "excluded_unless": "must not be given unless %",
	"excluded_with": "must not be given together with %", "excluded_without": "must not be given without %",
}

// message says in words what a rule wants.
func message(tag, param string, t reflect.Type) string {
	if text, ok := messages[tag]; ok {
		return text
	}
	if text, ok := withParam[tag]; ok {
		return strings.ReplaceAll(text, "%", param)
	}
	switch tag {
	case "oneof", "oneofci":
		return "must be " + alternatives(strings.Fields(param))
	case "enum":
		if t.Kind() == reflect.String {
			return "must be " + alternatives(strings.Split(param, "\n"))
		}
		return "must only have values that are " + alternatives(strings.Split(param, "\n"))
	case "min", "gte":
		return amount(param, t, "at least ")
	case "max", "lte":
		return amount(param, t, "at most ")
	case "gt":
		return amount(param, t, "more than ")
	case "lt":
		return amount(param, t, "less than ")
	case "len":
		return amount(param, t, "exactly ")
	}
	if param != "" {
		tag += "=" + param
	}
	return `breaks the rule "` + tag + `"`
}

// amount is about the length of texts and lists, and about the value of all else.
func amount(param string, t reflect.Type, how string) string {
	switch {
	case t == nil:
	case t.Kind() == reflect.String:
		return "must have " + how + param + plural(param, " character")
	case isList(t):
		return "must have " + how + param + plural(param, " element")
	}
	if param == "" && t == timeType { // the library compares times with now
		return map[string]string{
			"at least ": "must not be in the past", "more than ": "must be in the future",
			"at most ": "must not be in the future", "less than ": "must be in the past",
		}[how]
	}
	return "must be " + how + param
}

func plural(n, noun string) string {
	if n == "1" {
		return noun
	}
	return noun + "s"
}

func alternatives(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return "one of " + strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
