package problem

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestEncode(t *testing.T) {
	for name, tc := range map[string]struct {
		d         Document
		want, err string
	}{
		"all":             {Document{"Not Found", 404, `no "crime" <7>`, "abc", nil}, `{"title":"Not Found","status":404,"detail":"no \"crime\" <7>","request_id":"abc"}`, ""},
		"little":          {Document{Title: "Not Found", Status: 404}, `{"title":"Not Found","status":404}`, ""},
		"extensions":      {Document{Title: "T", Status: 422, Fields: map[string]any{"zone": 7, "errors": []string{"a"}}}, `{"title":"T","status":422,"errors":["a"],"zone":7}`, ""},
		"members changed": {Document{Title: "T", Status: 422, Fields: map[string]any{"title": "Mine", "detail": "told"}}, `{"title":"Mine","status":422,"detail":"told"}`, ""},
		"cannot be":       {Document{Title: "T", Status: 400, Fields: map[string]any{"x": func() {}}}, "", `member "x": `},
		"title cannot be": {Document{Status: 400, Fields: map[string]any{"title": func() {}}}, "", `member "title": `},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := tc.d.Encode()
			assert.Equal(t, tc.want, string(body))
			if tc.err == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, tc.err)
			}
		})
	}
}
