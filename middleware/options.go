package middleware

import (
	"fmt"

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
