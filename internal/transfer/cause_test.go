package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestEnd(t *testing.T) {
	boom := errors.New("boom")
	gone, leave := context.WithCancel(t.Context())
	leave()
	for name, tt := range map[string]struct {
		writing, making error
		request         context.Context
		want            End
	}{
		"complete":                            {nil, nil, t.Context(), Complete},
		"aborted by the program":              {nil, fmt.Errorf("x: %w", http.ErrAbortHandler), t.Context(), Aborted},
		"aborted below":                       {http.ErrAbortHandler, nil, t.Context(), Aborted},
		"the connection broke":                {io.ErrClosedPipe, boom, t.Context(), Cut},
		"the client left":                     {context.Canceled, nil, gone, Cut},
		"the program ended its own context":   {context.Canceled, nil, t.Context(), Broken},
		"the program failed":                  {nil, boom, t.Context(), Broken},
		"the program failed, the client left": {nil, boom, gone, Broken},
	} {
		t.Run(name, func(t *testing.T) {
			w := &Writer{Err: tt.writing}
			assert.Equal(t, tt.want, w.End(tt.making, tt.request))
		})
	}
}
