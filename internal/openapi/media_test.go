package openapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/openapi/gotham"
	"github.com/redstart-go/redstart/middleware"
)

// Bodies that are not JSON are described by their media types.
func TestMediaTypes(t *testing.T) { // features: O1
	app := quiet()
	app.Get("/export.csv", hello, redstart.Describe(redstart.Doc{Produces: []string{"text/csv; header=present"}, ReplyExample: "id,kind"}))
	app.Get("/map", hello, redstart.Describe(redstart.Doc{Produces: []string{"image/svg+xml", "application/geo+json"}, Output: gotham.Place{}}))
	app.Put("/photo", hello, redstart.Describe(redstart.Doc{Consumes: []string{"image/png", "image/jpeg"}}))
	redstart.Get(app, "/typed.csv", func(context.Context, *struct {
		Kind string `query:"kind"`
	}) (redstart.Response, error) {
		return redstart.Text(""), nil
	}, redstart.Describe(redstart.Doc{Produces: []string{"text/csv"}}))

	d := treeOf(t, app)
	d.equal(`{"text/csv; header=present":{"schema":{"type":"string"},"example":"id,kind"}}`, "paths", "/export.csv", "get", "responses", "200", "content")
	d.equal(`{"image/svg+xml":{},"application/geo+json":{"schema":{"$ref":"#/components/schemas/Place"}}}`, "paths", "/map", "get", "responses", "200", "content")
	d.equal(`{"content":{"image/png":{},"image/jpeg":{}}}`, "paths", "/photo", "put", "requestBody")
	d.equal(`{"text/csv":{"schema":{"type":"string"}}}`, "paths", "/typed.csv", "get", "responses", "200", "content")
	d.equal(`"kind"`, "paths", "/typed.csv", "get", "parameters", 0, "name")
}

func TestMediaTypesOfATypedHandlerAreItsOwn(t *testing.T) {
	refused := func(d redstart.Doc) (text string) {
		defer func() { text, _ = recover().(string) }()
		redstart.Post(quiet(), "/", func(context.Context, *gotham.Message) (gotham.Message, error) { return gotham.Message{}, nil }, redstart.Describe(d))
		return ""
	}
	assert.Contains(t, refused(redstart.Doc{Produces: []string{"text/csv"}}), "Produces is for handlers that return a Response")
	assert.Contains(t, refused(redstart.Doc{Consumes: []string{"text/csv"}}), "Consumes is for bodies that a handler reads by itself")
}

// What never changes is told as it is.
func TestConstants(t *testing.T) { // features: O1, R9
	app := quiet()
	app.Const("/health", redstart.Text("ok"))
	app.Const("/info", redstart.JSON(map[string]any{"city": "Gotham", "founded": 1635}))
	app.Const("/gone", redstart.Text("no more").WithStatus(http.StatusGone))
	app.Const("/long", redstart.Text(strings.Repeat("x", 5000)))
	app.Const("/icon", redstart.Bytes([]byte{1, 2}).With("Content-Type", "image/png"))
	app.Const("/nothing", redstart.NoContent())
	d := treeOf(t, app)
	d.equal(`{"text/plain; charset=utf-8":{"schema":{"type":"string"},"example":"ok"}}`, "paths", "/health", "get", "responses", "200", "content")
	d.equal(`{"application/json":{"schema":{},"example":{"city":"Gotham","founded":1635}}}`, "paths", "/info", "get", "responses", "200", "content")
	d.equal(`"no more"`, "paths", "/gone", "get", "responses", "410", "content", "text/plain; charset=utf-8", "example")
	d.equal(`{"text/plain; charset=utf-8":{"schema":{"type":"string"}}}`, "paths", "/long", "get", "responses", "200", "content")
	d.equal(`{"image/png":{}}`, "paths", "/icon", "get", "responses", "200", "content")
	d.equal(`{"description":"No Content"}`, "paths", "/nothing", "get", "responses", "204")
	d.equal(`"getHealth"`, "paths", "/health", "get", "operationId")
	assert.Equal(t, "redstart.Const", app.Routes()[0].Handler)
}

// The document is open to everybody, so it does not repeat what only some may read.
func TestGuardedConstantsAreNotShown(t *testing.T) { // features: O1, R9
	app := quiet()
	badge := middleware.APIKey(middleware.InHeader, "X-Badge", middleware.KnownKeys(nil))
	app.Const("/motd", redstart.Text("the signal is up"), redstart.Secured(badge))
	app.Const("/cave", redstart.JSON(map[string]string{"where": "below the manor"}), redstart.Secured(badge))
	d := treeOf(t, app)
	d.equal(`{"text/plain; charset=utf-8":{"schema":{"type":"string"}}}`, "paths", "/motd", "get", "responses", "200", "content")
	d.equal(`{"application/json":{"schema":{}}}`, "paths", "/cave", "get", "responses", "200", "content")
}
