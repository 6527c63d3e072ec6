package middleware

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/redstart-go/redstart"
)

// given returns the options that a caller gave, or the zero value.
func given[O any](middleware string, options []O) (o O) {
	switch len(options) {
	case 0:
		return o
	case 1:
		return options[0]
	}
	panic(fmt.Sprintf("middleware: %s: %d options were given: put them into one struct", middleware, len(options)))
}

// checkHeader panics for a header that no reply could carry.
func checkHeader(middleware, field, name, value string) {
	if err := (redstart.Response{}).With(name, value).Err(); err != nil {
		panic(fmt.Sprintf("middleware: %s: %s: %v", middleware, field, err))
	}
}

// addVary says that the reply depends on these request headers, as far as it does
// not say so yet.
func addVary(resp redstart.Response, names ...string) redstart.Response {
	have := resp.Header().Values("Vary")
	for _, name := range names {
		if !listed(have, name) {
			resp = resp.WithAdded("Vary", name)
		}
	}
	return resp
}

// listed says whether the lines of a list header hold an element, or "*".
func listed(lines []string, name string) bool {
	name = http.CanonicalHeaderKey(name)
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			element = strings.TrimSpace(element)
			if element == "*" || http.CanonicalHeaderKey(element) == name {
				return true
			}
		}
	}
	return false
}
