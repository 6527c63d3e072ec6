package redstart_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
)

// tip takes a form or JSON.
type tip struct {
	Kind   string           `form:"crime-kind" json:"kind" validate:"required,oneof=arson riddle"`
	Where  int              `form:"where" json:"where" default:"3" validate:"max=12"`
	Email  string           `form:"email" json:"email" validate:"email"`
	Again  string           `form:"again" json:"again" validate:"eqfield=Email"`
	Street tipStreet        `form:"-" json:"street"`
	Agree  bool             `form:"agree" json:"-" default:"true"`
	Photo  *redstart.Upload `form:"photo"`
	Loud   bool             `query:"loud"`
}

type tipStreet struct {
	Name string `json:"name" validate:"required"`
}

func (s *tipStreet) Validate() error {
	if s.Name == "" || s.Name == "Crime Alley" {
		return redstart.Invalid("name", "is known already")
	}
	return nil
}

func tipApp() *redstart.App {
	app, _ := newApp()
	redstart.Post(app, "/tips", func(_ context.Context, in *tip) (string, error) {
		if in.Where == 7 {
			return "", redstart.Invalid("kind", "does not happen there")
		}
		return fmt.Sprint(in.Kind, in.Where, in.Email, in.Street.Name, in.Agree, in.Photo != nil, in.Loud), nil
	})
	return app
}

func ExamplePost_formOrJSON() {
	type input struct {
		Kind  string           `form:"kind" json:"kind" validate:"required"`
		Place []string         `form:"-" json:"place"` // of JSON alone
		Photo *redstart.Upload `form:"photo"`          // of a form alone
	}
	app := quietApp()
	redstart.Post(app, "/tips", func(_ context.Context, in *input) (string, error) { return in.Kind, nil })
	fmt.Println(ask(app, "POST", "/tips", "kind=arson", form...).Body)
	fmt.Println(ask(app, "POST", "/tips", `{"kind":"riddle"}`).Body)
	// Output:
	// "arson"
	// "riddle"
}

func TestAnInputOfAFormOrJSON(t *testing.T) {
	app := tipApp()
	w := ask(app, "POST", "/tips?loud=1", `{"kind":"arson","where":4,"street":{"name":"x"},"Agree":false,"Photo":{}}`)
	assert.Equal(t, `"arson4xtrue false true"`, w.Body.String(), "what is of a form alone keeps its default")
	w = ask(app, "POST", "/tips?loud=1", "crime-kind=arson&where=4&street=x&agree=off", form...)
	assert.Equal(t, `"arson4false false true"`, w.Body.String(), "what is of JSON alone is not looked at")
	w = ask(app, "POST", "/tips", "crime-kind=arson", form...)
	assert.Equal(t, `"arson3true false false"`, w.Body.String())
	w = ask(app, "POST", "/tips", `{"kind":"arson","street":{"name":"x"}}`, "Content-Type", "application/vnd.gotham+json")
	assert.Equal(t, `"arson3xtrue false false"`, w.Body.String())
	rec := httptest.NewRecorder()
	app.ServeHTTP(rec, multipartForm("/tips", "crime-kind", "riddle", "@photo", "a.png:x"))
	assert.Equal(t, `"riddle3true true false"`, rec.Body.String())
}

func TestFaultsOfAFormOrJSON(t *testing.T) {
	app := tipApp()
	for _, tt := range []struct {
		name, body string
		header     []string
		status     int
		in, field  string
		want       string
	}{
		{"required in a form", "where=4", form, 422, "form", "crime-kind", `missing required form field "crime-kind"`},
		{"required in JSON", `{"street":{"name":"x"}}`, nil, 422, "body", "#/kind", `body field "/kind" is required`},
		{"blank in a form", "crime-kind=", form, 422, "form", "crime-kind", `missing required form field "crime-kind"`},
		{"type in a form", "crime-kind=arson&where=x", form, 400, "form", "where", `form field "where": expected an integer`},
		{"type in JSON", `{"where":"x"}`, nil, 400, "body", "#/where", "where: expected a whole number, got a string"},
		{"rule in a form", "crime-kind=theft", form, 422, "form", "crime-kind", `form field "crime-kind" must be one of arson or riddle`},
		{"rule in JSON", `{"kind":"theft","street":{"name":"x"}}`, nil, 422, "body", "#/kind", `body field "/kind" must be one of arson or riddle`},
		{"rule of the library in a form", "crime-kind=arson&email=x&again=x", form, 422, "form", "email", `form field "email" must be an email address`},
		{"rule of the library in JSON", `{"kind":"arson","email":"x","again":"x","street":{"name":"x"}}`, nil, 422, "body", "#/email", `body field "/email" must be an email address`},
		{"relation in a form", "crime-kind=arson&email=a@b.de&again=x", form, 422, "form", "again", `form field "again" must be the same as email`},
		{"relation in JSON", `{"kind":"arson","again":"x","street":{"name":"x"}}`, nil, 422, "body", "#/again", `body field "/again" must be the same as email`},
		{"nested, of JSON alone", `{"kind":"arson"}`, nil, 422, "body", "#/street/name", `body field "/street/name" is required`},
		{"Validate, of JSON alone", `{"kind":"arson","street":{"name":"Crime Alley"}}`, nil, 422, "body", "#/street/name", `body field "/street/name" is known already`},
		{"of the handler, in a form", "crime-kind=arson&where=7", form, 422, "form", "crime-kind", `form field "crime-kind" does not happen there`},
		{"of the handler, in JSON", `{"kind":"arson","where":7,"street":{"name":"x"}}`, nil, 422, "body", "#/kind", `body field "/kind" does not happen there`},
		{"neither", "kind: arson", []string{"Content-Type", "application/yaml"}, 415, "", "", "expected application/json, multipart/form-data or application/x-www-form-urlencoded"},
		{"malformed Content-Type", "x", []string{"Content-Type", ";"}, 415, "", "", "expected application/json, multipart/form-data"},
		{"JSON as a form", `{"kind":"arson"}`, form, 422, "form", "crime-kind", "missing required"},
		{"a form as JSON", "crime-kind=arson", []string{"Content-Type", "application/json"}, 400, "body", "#", "malformed JSON body"},
		{"no body", "", nil, 400, "body", "#", "the body is empty"},
		{"multipart without a boundary", "x", []string{"Content-Type", "multipart/form-data"}, 400, "", "", "boundary"},
		{"charset", "crime-kind=arson", []string{"Content-Type", "application/x-www-form-urlencoded; charset=latin1"}, 415, "", "", "charset=latin1"},
		{"compressed", "x", append([]string{"Content-Encoding", "gzip"}, form...), 415, "", "", "Content-Encoding"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := ask(app, "POST", "/tips", tt.body, tt.header...)
			assert.Equal(t, tt.status, w.Code, "%s", w.Body)
			p := problemOf(t, w)
			assert.Contains(t, p.Detail, tt.want)
			if tt.in == "" {
				assert.Empty(t, p.Errors)
				return
			}
			require.Len(t, p.Errors, 1, "%s", w.Body)
			assert.Equal(t, tt.in+" "+tt.field, p.Errors[0].In+" "+p.Errors[0].Name+p.Errors[0].Pointer)
		})
	}
}

func TestFilesAndTextsAreNotTakenForEachOther(t *testing.T) {
	app := typedApp()
	app.Post("/photo", func(req *redstart.Request) redstart.Response {
		_, err := req.File("photo")
		return redstart.Fail(err)
	})
	for _, tt := range []struct {
		name, target string
		parts        []string
		want         string
	}{
		{"a file for a text", "/complaints", []string{"@name", "a.txt:x", "@photo", "a.png:x"}, `form field "name": expected a text, got a file`},
		{"a text for a file", "/complaints", []string{"name", "a", "photo", "a.png"}, `form field "photo": expected a file, got a text`},
		{"files for a file", "/complaints", []string{"name", "a", "@photo", "a.png:x", "@photo", "b.png:x"}, `form field "photo": expected one file, got 2`},
		{"a text for a file, by hand", "/photo", []string{"photo", "a.png"}, `form field "photo": expected a file, got a text`},
		{"no file, by hand", "/photo", []string{"photo", ""}, `missing file "photo"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			app.ServeHTTP(w, multipartForm(tt.target, tt.parts...))
			assert.Equal(t, 400, w.Code, "%s", w.Body)
			assert.Contains(t, problemOf(t, w).Detail, tt.want)
		})
	}
}

func TestDocumentsHaveBothBodies(t *testing.T) {
	w := get(tipApp(), "/openapi.json")
	require.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), `"multipart/form-data"`)
	assert.Contains(t, w.Body.String(), `"application/json"`)
	assert.Contains(t, w.Body.String(), `"crime-kind"`)
}
