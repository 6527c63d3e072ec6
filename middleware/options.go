package middleware

import (
	"fmt"
	"strings"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/callsite"
)

// here tells this package's functions from the program's.
var here = callsite.Package[Bucket]()

// misuse panics about a middleware that was made wrong: which one, where in the program,
// and what to write instead.
func misuse(what, format string, args ...any) {
	panic(fmt.Sprintf("middleware: %s at %s: %s", what, callsite.Outside(here), fmt.Sprintf(format, args...)))
}

// given returns the options that a caller gave, or the zero value.
func given[O any](middleware string, options []O) (o O) {
	switch len(options) {
	case 0:
	case 1:
		o = options[0]
	default:
		misuse(middleware, "%d options were given: put them into one struct", len(options))
	}
	return o
}

// checkHeader panics for a header that no reply could carry.
func checkHeader(middleware, field, name, value string) {
	if err := (redstart.Response{}).With(name, value).Err(); err != nil {
		misuse(middleware, "%s: %s", field, strings.TrimPrefix(err.Error(), "redstart: "))
	}
}
