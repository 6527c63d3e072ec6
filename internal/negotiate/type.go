package negotiate

import "strings"

// Type returns the offer that an Accept field prefers, or "" when it accepts
// none of them. Offers are media types such as "text/html" or
// "text/html; charset=utf-8", the server's favourite first.
//
// An offer's weight is that of the most specific range that matches it (RFC
// 9110 §12.5.1): "text/plain;format=flowed" before "text/plain" before
// "text/*" before "*/*". A weight of zero excludes the offer. Of offers with
// the same weight the earlier one wins. A range's parameters must all be
// found in the offer, with one exception: charset=utf-8 also matches an offer
// that names no charset, since many clients ask for JSON that way.
//
// An empty field, and one in which no element is well-formed, states no
// preference: the first offer is returned.
func Type(accept string, offers ...string) string {
	if len(offers) == 0 {
		return ""
	}
	if !statesTypes(accept) {
		return offers[0]
	}
	best, highest := "", 0
	for _, offer := range offers {
		if q := quality(accept, offer); q > highest {
			best, highest = offer, q
		}
	}
	return best
}

// statesTypes reports whether at least one element of the field is well-formed.
func statesTypes(accept string) bool {
	for accept != "" {
		var element string
		element, accept = next(accept, ',')
		if _, ok := parseRange(element); ok {
			return true
		}
	}
	return false
}

// quality is the weight, in thousandths, that the field gives to an offer; zero
// when it does not accept it. Of two ranges that are equally specific the
// heavier counts.
func quality(accept, offer string) int {
	highest, closest := 0, -1
	for accept != "" {
		var element string
		element, accept = next(accept, ',')
		r, ok := parseRange(element)
		if !ok {
			continue
		}
		switch specificity := r.match(offer); {
		case specificity < 0 || specificity < closest:
		case specificity > closest:
			highest, closest = r.weight, specificity
		default:
			highest = max(highest, r.weight)
		}
	}
	return highest
}

// mediaRange is one well-formed element of an Accept field.
type mediaRange struct {
	kind, sub  string // either may be "*", and kind only together with sub
	parameters string // what follows the type, weight included, as it was sent
	weight     int
}

// parseRange reads one element. Everything about it is checked here, so that
// match can rely on well-formed parameters.
func parseRange(element string) (mediaRange, bool) {
	name, parameters := next(element, ';')
	kind, sub, found := strings.Cut(name, "/")
	if !found || !token(kind) || !token(sub) || kind == "*" && sub != "*" {
		return mediaRange{}, false
	}
	r := mediaRange{kind: kind, sub: sub, parameters: parameters, weight: full}
	for parameters != "" {
		var part string
		part, parameters = next(parameters, ';')
		if part == "" {
			continue // RFC 9110 §5.6.6 allows empty parameters
		}
		key, value, ok := parameter(part)
		if !ok {
			return mediaRange{}, false
		}
		if strings.EqualFold(key, "q") {
			if r.weight, ok = weight(value); !ok {
				return mediaRange{}, false
			}
		}
	}
	return r, true
}

// match returns how closely the range describes the offer, or -1 when it does
// not match at all.
func (r mediaRange) match(offer string) int {
	name, offered := next(offer, ';')
	kind, sub, _ := strings.Cut(name, "/")
	specificity := 0
	if r.kind != "*" {
		if !strings.EqualFold(r.kind, kind) {
			return -1
		}
		specificity++
	}
	if r.sub != "*" {
		if !strings.EqualFold(r.sub, sub) {
			return -1
		}
		specificity++
	}
	wanted := r.parameters
	for wanted != "" {
		var part string
		part, wanted = next(wanted, ';')
		key, value, ok := parameter(part)
		if !ok || strings.EqualFold(key, "q") {
			continue
		}
		has, found := lookup(offered, key)
		switch {
		case found && strings.EqualFold(has, value):
			specificity++
		case !found && strings.EqualFold(key, "charset") && strings.EqualFold(value, "utf-8"):
		default:
			return -1
		}
	}
	return specificity
}

// lookup finds a parameter by name in a list separated by semicolons.
func lookup(parameters, name string) (value string, found bool) {
	for parameters != "" {
		var part string
		part, parameters = next(parameters, ';')
		if key, value, ok := parameter(part); ok && strings.EqualFold(key, name) {
			return value, true
		}
	}
	return "", false
}
