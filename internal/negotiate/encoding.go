package negotiate

import "strings"

// Encoding returns the content coding that an Accept-Encoding field prefers
// among the offers, or "" for none: the content is then sent as it is.
//
// The rules are those of RFC 9110 §12.5.3. Of codings with the same weight the
// earlier offer wins. "*" stands for every coding the field does not name.
// Sending the content as it is ("identity") is what an absent or empty field
// asks for; otherwise it wins only if the field ranks it above every offer.
// It is also the answer when the field refuses it and every offer too: RFC
// 9110 leaves that case to the server, and readable content serves a client
// better than an error. "x-gzip" is an old name of "gzip" (§8.4.1.3).
func Encoding(acceptEncoding string, offers ...string) string {
	if acceptEncoding == "" {
		return ""
	}
	best, highest := "", 0
	for _, offer := range offers {
		q, named := codingWeight(acceptEncoding, offer)
		if !named {
			q, _ = codingWeight(acceptEncoding, "*")
		}
		if q > highest {
			best, highest = offer, q
		}
	}
	// Only an explicit preference counts: "*" says nothing that would make
	// the plain content better than a compressed one.
	if q, named := codingWeight(acceptEncoding, "identity"); named && q > highest {
		return ""
	}
	return best
}

// codingWeight is the weight the field gives to a coding by its name, and
// whether it names it at all. The first well-formed mention counts.
func codingWeight(field, coding string) (thousandths int, named bool) {
	for field != "" {
		var element string
		element, field = next(field, ',')
		name, parameters := next(element, ';')
		if !sameCoding(name, coding) {
			continue
		}
		if q, ok := codingQ(parameters); ok {
			return q, true
		}
	}
	return 0, false
}

// codingQ reads what may follow a coding: nothing, or its weight.
func codingQ(parameters string) (thousandths int, ok bool) {
	if trim(parameters) == "" {
		return full, true
	}
	key, value, ok := parameter(trim(parameters))
	if !ok || !strings.EqualFold(key, "q") {
		return 0, false
	}
	return weight(value)
}

func sameCoding(name, coding string) bool {
	if strings.EqualFold(name, coding) {
		return true
	}
	return strings.EqualFold(name, "x-gzip") && strings.EqualFold(coding, "gzip")
}
