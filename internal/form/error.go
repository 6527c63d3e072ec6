package form

import (
	"fmt"
	"net/http"

	"github.com/redstart-go/redstart/internal/upload"
)

func malformed(cause error, format string, args ...any) error {
	return &upload.Fault{Status: http.StatusBadRequest, Detail: fmt.Sprintf(format, args...), Err: cause}
}

func tooLarge(format string, args ...any) error {
	return &upload.Fault{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf(format, args...)}
}

// shorten cuts a client's text that is repeated to it.
func shorten(text string) string {
	const limit = 100
	if len(text) > limit {
		return text[:limit] + "…"
	}
	return text
}
