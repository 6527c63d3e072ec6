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
