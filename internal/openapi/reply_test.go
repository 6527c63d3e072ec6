package openapi_test

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/openapi/gotham"
)

// What the program takes and what it sends is what the document says: bodies that fit
// the schema are taken, those that do not are refused, and replies fit theirs.
func TestDocumentTellsTheTruth(t *testing.T) {
	app := gotham.App()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(app.OpenAPI().JSON()))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("https://gotham.example/openapi.json", document))
	fits := func(pointer, text string) error {
		schema, err := compiler.Compile("https://gotham.example/openapi.json#" + pointer)
		require.NoError(t, err)
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		require.NoError(t, err)
		return schema.Validate(value)
	}
	post := validate(t, app.OpenAPI().JSON()).Paths.Value("/crimes").Post

	for name, tc := range map[string]struct {
		body string
		fits bool
	}{
		"all of it":        {`{"kind":"riddle","severity":5,"place":{"street":"Crime Alley","lat":1.5},"tags":["ab","cd"],"mail":"a@b.example"}`, true},
		"what is required": {`{"kind":"arson","place":{"street":"ab"}}`, true},
		"null for nothing": {`{"kind":"arson","place":{"street":"ab"},"mail":null}`, true},
		"no kind":          {`{"place":{"street":"ab"}}`, false},
		"too severe":       {`{"kind":"arson","severity":6,"place":{"street":"ab"}}`, false},
		"a short street":   {`{"kind":"arson","place":{"street":"a"}}`, false},
		"no street":        {`{"kind":"arson","place":{}}`, false},
		"too many tags":    {`{"kind":"arson","place":{"street":"ab"},"tags":["ab","cd","ef","gh"]}`, false},
		"a tag twice":      {`{"kind":"arson","place":{"street":"ab"},"tags":["ab","ab"]}`, false},
		"a tag of signs":   {`{"kind":"arson","place":{"street":"ab"},"tags":["--"]}`, false},
		"no list":          {`{"kind":"arson","place":{"street":"ab"},"tags":"ab"}`, false},
		"no mail":          {`{"kind":"arson","place":{"street":"ab"},"mail":"nobody"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := fits("/paths/~1crimes/post/requestBody/content/application~1json/schema", tc.body)
			assert.Equal(t, tc.fits, err == nil, "by the schema: %v", err)

			r := httptest.NewRequest("POST", "/crimes", strings.NewReader(tc.body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-Badge", "B007")
			w := httptest.NewRecorder()
			app.ServeHTTP(w, r)
			want := "201"
			if !tc.fits {
				want = "422"
				if name == "no list" {
					want = "400"
				}
			}
			require.Equal(t, want, w.Result().Status[:3], "%s", w.Body)

			reply := post.Responses.Value(want).Value
			media := reply.Content[w.Header().Get("Content-Type")]
			require.NotNil(t, media, w.Header().Get("Content-Type"))
			assert.NoError(t, fits(strings.TrimPrefix(media.Schema.Ref, "#"), w.Body.String()), "%s", w.Body)
			for header := range reply.Headers {
				assert.NotEmpty(t, w.Header().Get(header), header)
			}
		})
	}
}

// The same routes give the same bytes.
func TestStable(t *testing.T) {
	first := string(gotham.App().OpenAPI().JSON())
	for range 20 {
		require.Equal(t, first, string(gotham.App().OpenAPI().JSON()))
	}
}
