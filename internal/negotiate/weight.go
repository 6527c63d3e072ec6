package negotiate

import "strings"

// full is the weight of an element without a "q" parameter. Weights are kept
// in thousandths, the finest step RFC 9110 §12.4.2 allows, so that they can be
// compared exactly.
const full = 1000

// weight reads a qvalue in thousandths. It is more generous than the grammar
// in two places, because real clients are: ".2" is taken as "0.2" (the default
// Accept of Java's HttpURLConnection), and digits after the third are ignored,
// though never so far that a positive weight becomes the zero that means "not
// acceptable".
func weight(s string) (thousandths int, ok bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	switch whole {
	case "0":
	case "":
		if fraction == "" {
			return 0, false
		}
	case "1":
		if strings.Trim(fraction, "0") != "" {
			return 0, false
		}
		return full, true
	default:
		return 0, false
	}
	positive := false
	step := full / 10
	for _, digit := range []byte(fraction) {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		thousandths += int(digit-'0') * step
		step /= 10
		positive = positive || digit != '0'
	}
	if positive && thousandths == 0 {
		thousandths = 1
	}
	return thousandths, true
}
