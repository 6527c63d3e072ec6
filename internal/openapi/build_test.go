package openapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/openapi/gotham"
)

// tree is a document, to look something up in it.
type tree struct {
	t    *testing.T
	root any
}

func treeOf(t *testing.T, app *redstart.App) tree {
	t.Helper()
	document := app.OpenAPI().JSON()
	validate(t, document)
	var root any
	require.NoError(t, json.Unmarshal(document, &root))
	return tree{t, root}
}

// at follows keys, and references on the way.
func (d tree) at(keys ...any) any {
	d.t.Helper()
	at := d.root
	for _, key := range keys {
		for {
			o, _ := at.(map[string]any)
			ref, _ := o["$ref"].(string)
			if ref == "" || key == "$ref" {
				break
			}
			at = d.root
			for k := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
				at = at.(map[string]any)[k]
			}
		}
		switch k := key.(type) {
		case string:
			at = at.(map[string]any)[k]
		case int:
			at = at.([]any)[k]
		}
	}
	return at
}

func (d tree) equal(want string, keys ...any) {
	d.t.Helper()
	text, err := json.Marshal(d.at(keys...))
	require.NoError(d.t, err)
	assert.JSONEq(d.t, want, string(text), "at %v", keys)
}

func quiet(opts ...redstart.Option) *redstart.App {
	return redstart.New(append(opts, redstart.WithoutAccessLog())...)
}

func hello(*redstart.Request) redstart.Response { return redstart.Text("hello") }

// Every kind of type becomes the schema that its JSON has.
func TestTypes(t *testing.T) {
	type text string
	type anonymous = struct {
		A int `json:"a"`
	}
	type all struct {
		String    string           `json:"string"`
		Text      text             `json:"text"`
		Bool      bool             `json:"bool"`
		Int8      int8             `json:"int8"`
		Uint16    uint16           `json:"uint16"`
		Uint      uint             `json:"uint"`
		Float     float32          `json:"float"`
		Time      time.Time        `json:"time"`
		Duration  time.Duration    `json:"duration"`
		Bytes     []byte           `json:"bytes"`
		Array     [2]byte          `json:"array"`
		Raw       json.RawMessage  `json:"raw"`
		Number    json.Number      `json:"number"`
		Big       *big.Int         `json:"big,omitempty"`
		Any       any              `json:"any"`
		Interface fmt.Stringer     `json:"interface"`
		Map       map[string]bool  `json:"map"`
		MapOfMaps map[int][]string `json:"mapOfMaps"`
		Address   netip.Addr       `json:"address"`
		UUID      gotham.UUID      `json:"uuid"`
		Inline    anonymous        `json:"inline"`
		Pointer   *string          `json:"pointer"`
		Maybe     *string          `json:"maybe,omitempty"`
		Nested    *gotham.Place    `json:"nested"`
		Quoted    bool             `json:"quoted,string"`
		Hidden    string           `json:"-"`
		hidden    int
		Unnamed   int
	}
	app := quiet()
	redstart.Get(app, "/", redstart.NoInput(func(context.Context) (all, error) { return all{hidden: 1}, nil }))
	d := treeOf(t, app)
	for name, want := range map[string]string{
		"string": `{"type":"string"}`, "text": `{"type":"string"}`, "bool": `{"type":"boolean"}`,
		"int8": `{"type":"integer","minimum":-128,"maximum":127}`, "uint16": `{"type":"integer","minimum":0,"maximum":65535}`,
		"uint": `{"type":"integer","minimum":0}`, "float": `{"type":"number","format":"float"}`,
		"time": `{"type":"string","format":"date-time"}`, "duration": `{"type":"integer","format":"int64","description":"Nanoseconds."}`,
		"bytes": `{"type":["string","null"],"contentEncoding":"base64"}`,
		"array": `{"type":"array","items":{"type":"integer","minimum":0,"maximum":255},"minItems":2,"maxItems":2}`,
		"raw":   `{}`, "number": `{"type":"number"}`, "big": `{"type":"integer"}`, "any": `{}`, "interface": `{}`,
		"map":       `{"type":["object","null"],"additionalProperties":{"type":"boolean"}}`,
		"mapOfMaps": `{"type":["object","null"],"additionalProperties":{"type":"array","items":{"type":"string"}}}`,
		"address":   `{"type":"string"}`, "uuid": `{"type":"string","format":"uuid"}`,
		"inline":  `{"type":"object","properties":{"a":{"type":"integer","format":"int64"}},"required":["a"]}`,
		"pointer": `{"type":["string","null"]}`, "maybe": `{"type":"string"}`,
		"nested": `{"anyOf":[{"$ref":"#/components/schemas/Place"},{"type":"null"}]}`,
		"quoted": `{"type":"string","enum":["true","false"]}`, "Unnamed": `{"type":"integer","format":"int64"}`,
	} {
		t.Run(name, func(t *testing.T) {
			tree{t, d.root}.equal(want, "components", "schemas", "All", "properties", name)
		})
	}
	properties := d.at("components", "schemas", "All", "properties").(map[string]any)
	for _, name := range []string{"Hidden", "hidden", "-"} {
		assert.NotContains(t, properties, name)
	}
	required := d.at("components", "schemas", "All", "required")
	assert.Contains(t, required, "pointer", "a nil pointer is null, and there")
	assert.NotContains(t, required, "maybe")
}

// Rules become what JSON Schema has for them.
func TestRules(t *testing.T) {
	type all struct {
		Text    string            `json:"text" validate:"min=2,max=5"`
		Exact   string            `json:"exact" validate:"len=3"`
		Kind    string            `json:"kind" validate:"oneof=a 'b c'"`
		Mail    string            `json:"mail" validate:"email"`
		Begins  string            `json:"begins" validate:"startswith=a.b"`
		Not     string            `json:"not" validate:"ne=x"`
		Number  float64           `json:"number" validate:"gt=0,lt=1.5"`
		Choice  int               `json:"choice" validate:"oneof=1 2"`
		Const   int               `json:"const" validate:"eq=7"`
		List    []string          `json:"list" validate:"min=1,unique,dive,uuid"`
		Map     map[string]int    `json:"map" validate:"max=2,dive,keys,min=2,endkeys,min=3"`
		Either  string            `json:"either" validate:"rgb|rgba"`
		Other   string            `json:"other" validate:"eqfield=Text"`
		Default string            `json:"default" default:"x" validate:"max=1"`
		Later   time.Duration     `json:"later" default:"1s"`
		Tags    []int             `json:"tags" example:"[1,2]"`
		Named   map[string]string `json:"named" example:"{\"a\":\"b\"}"`
	}
	app := quiet()
	redstart.Post(app, "/", redstart.NoOutput(func(context.Context, *all) error { return nil }))
	d := treeOf(t, app)
	for name, want := range map[string]string{
		"text": `{"type":"string","minLength":2,"maxLength":5}`, "exact": `{"type":"string","minLength":3,"maxLength":3}`,
		"kind": `{"type":"string","enum":["a","b c"]}`, "mail": `{"type":"string","format":"email"}`,
		"begins": `{"type":"string","pattern":"^a\\.b"}`, "not": `{"type":"string","not":{"const":"x"}}`,
		"number": `{"type":"number","format":"double","exclusiveMinimum":0,"exclusiveMaximum":1.5}`,
		"choice": `{"type":"integer","format":"int64","enum":[1,2]}`, "const": `{"type":"integer","format":"int64","const":7}`,
		"list":   `{"type":"array","items":{"type":"string","format":"uuid"},"minItems":1,"uniqueItems":true}`,
		"map":    `{"type":"object","additionalProperties":{"type":"integer","format":"int64","minimum":3},"maxProperties":2}`,
		"either": `{"type":"string"}`, "other": `{"type":"string"}`,
		"default": `{"type":"string","maxLength":1,"default":"x"}`,
		"later":   `{"type":"integer","format":"int64","description":"Nanoseconds.","default":1000000000}`,
		"tags":    `{"type":"array","items":{"type":"integer","format":"int64"},"examples":[[1,2]]}`,
		"named":   `{"type":"object","additionalProperties":{"type":"string"},"examples":[{"a":"b"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			tree{t, d.root}.equal(want, "components", "schemas", "All", "properties", name)
		})
	}
}

type inner struct {
	Same string `json:"same"`
	Deep int    `json:"deep"`
}
type outer struct {
	inner
	*gotham.Place
	Same bool `json:"same"`
}

// Embedded structs are taken apart by the rules of package json.
func TestEmbedded(t *testing.T) {
	app := quiet()
	redstart.Get(app, "/", redstart.NoInput(func(context.Context) (outer, error) { return outer{}, nil }))
	d := treeOf(t, app)
	d.equal(`{"type":"boolean"}`, "components", "schemas", "Outer", "properties", "same")
	d.equal(`{"type":"integer","format":"int64"}`, "components", "schemas", "Outer", "properties", "deep")
	assert.Contains(t, d.at("components", "schemas", "Outer", "properties"), "street")
}

// Types of one name in several packages, and what is taken and returned differently,
// have names of their own.
func TestNames(t *testing.T) {
	type Place struct {
		X int `json:"x"`
	}
	app := quiet()
	redstart.Post(app, "/a", func(_ context.Context, in *gotham.Suspect) (*gotham.Suspect, error) { return in, nil })
	redstart.Get(app, "/b", redstart.NoInput(func(context.Context) (p gotham.Page[gotham.Page[Place]], err error) { return }))
	redstart.Get(app, "/c", redstart.NoInput(func(context.Context) (p gotham.Place, err error) { return }))
	redstart.Get(app, "/d", redstart.NoInput(func(context.Context) (p map[string][]gotham.Page[[]int], err error) { return }))
	d := treeOf(t, app)
	var names []string
	for name := range d.at("components", "schemas").(map[string]any) {
		names = append(names, name)
	}
	assert.ElementsMatch(t, []string{
		"Suspect", "SuspectInput", "PageOfPageOfPlace", "PageOfPlace", "Place", "GothamPlace", "PageOfListOfInt", "Problem",
	}, names)
	d.equal(`"#/components/schemas/SuspectInput"`, "components", "schemas", "SuspectInput", "properties", "knows", "items", "$ref")
	d.equal(`"#/components/schemas/Suspect"`, "paths", "/a", "post", "responses", "200", "content", "application/json", "schema", "$ref")
}

// What OpenAPI takes for the same path is described as one.
func TestPaths(t *testing.T) {
	app := quiet()
	app.Get("/crimes/:id", hello)
	app.Delete("/crimes/:crime", hello)
	app.Get("/files/*path", hello)
	app.Get("/files/:name", hello)
	app.Host("api.gotham.city").Get("/crimes/:id", hello)
	app.Get("/pages/:page?", hello)
	app.Handle("LINK", "/crimes/:id", hello)
	app.Head("/head", hello)
	app.Options("/options", hello)
	app.Mount("/mounted", app)
	d := treeOf(t, app)

	var paths []string
	for path := range d.at("paths").(map[string]any) {
		paths = append(paths, path)
	}
	assert.ElementsMatch(t, []string{"/crimes/{id}", "/files/{path}", "/pages", "/pages/{page}"}, paths)
	d.equal(`"id"`, "paths", "/crimes/{id}", "delete", "parameters", 0, "name")
	assert.NotNil(t, d.at("paths", "/crimes/{id}", "x-additionalOperations", "LINK"))
	d.equal(`"api.gotham.city"`, "paths", "/crimes/{id}", "x-other-operations", 0, "host")
	assert.NotContains(t, d.at("paths", "/files/{path}", "get", "parameters", 0), "x-catch-all", "one segment is more specific")
	assert.NotNil(t, d.at("paths", "/files/{path}", "x-other-operations", 0, "operation"))

	loaded := validate(t, app.OpenAPI().V32().JSON())
	assert.Equal(t, "3.2.0", loaded.OpenAPI)
}

// Ids are unique, whatever the handlers are called.
func TestOperationIDs(t *testing.T) {
	app := quiet()
	app.Get("/a", hello)
	app.Get("/b", hello)
	app.Get("/c", func(*redstart.Request) redstart.Response { return redstart.Text("") })
	app.Get("/d/:x/e-f", func(*redstart.Request) redstart.Response { return redstart.Text("") })
	app.Get("/g", hello, redstart.Name("the g"))
	app.Get("/h", hello, redstart.Describe(redstart.Doc{ID: "hello"}))
	d := treeOf(t, app)
	for path, want := range map[string]string{
		"/a": "hello", "/b": "getB", "/c": "getC", "/d/{x}/e-f": "getDByXEF", "/g": "theG", "/h": "hello2",
	} {
		assert.Equal(t, want, d.at("paths", path, "get", "operationId"))
	}
}

// Guards are alternatives of all that has to be passed.
func TestSecurity(t *testing.T) {
	pass := func(next redstart.Handler) redstart.Handler { return next }
	scheme := func(name, param string) redstart.SecurityScheme {
		return redstart.SecurityScheme{Name: name, Type: "apiKey", In: "header", Param: param}
	}
	guard := func(s ...redstart.SecurityScheme) redstart.Security {
		return redstart.Security{Middleware: pass, Schemes: s}
	}
	optional := guard(scheme("a", "A"))
	optional.Optional = true

	app := quiet()
	app.Get("/either", hello, redstart.Secured(guard(scheme("a", "A"), scheme("b", "B"))))
	app.Get("/both", hello, redstart.Secured(guard(scheme("a", "A")), guard(scheme("b", "B"))))
	app.Get("/maybe", hello, redstart.Secured(optional))
	app.Get("/scopes", hello, redstart.Secured(guard(scheme("a", "A")), redstart.Security{Middleware: pass, Scopes: []string{"x"}}))
	app.Get("/other", hello, redstart.Secured(guard(scheme("a", "Another"))))
	app.Get("/open", hello)
	d := treeOf(t, app)
	for path, want := range map[string]string{
		"/either": `[{"a":[]},{"b":[]}]`, "/both": `[{"a":[],"b":[]}]`, "/maybe": `[{"a":[]},{}]`,
		"/scopes": `[{"a":["x"]}]`, "/other": `[{"a2":[]}]`, "/open": `null`,
	} {
		d.equal(want, "paths", path, "get", "security")
	}
	d.equal(`"Another"`, "components", "securitySchemes", "a2", "name")
	d.equal(`"#/components/responses/Forbidden"`, "paths", "/scopes", "get", "responses", "403", "$ref")
	assert.NotContains(t, d.at("paths", "/open", "get", "responses"), "401")
}

// A plain handler is described by what it is said to take and return.
func TestDescribedPlainHandlers(t *testing.T) {
	app := quiet()
	app.Post("/crimes/:id", hello, redstart.Describe(redstart.Doc{
		Input: struct {
			ID   int    `path:"id"`
			Name string `json:"name" validate:"required"`
		}{},
		Output: []gotham.Message{}, Replies: map[int]any{202: nil, 409: gotham.Message{}}, Deprecated: true,
		ReplyExample: []gotham.Message{{From: "Gordon"}},
	}))
	d := treeOf(t, app)
	op := []any{"paths", "/crimes/{id}", "post"}
	at := func(keys ...any) []any { return append(append([]any{}, op...), keys...) }
	d.equal(`"integer"`, at("parameters", 0, "schema", "type")...)
	d.equal(`["name"]`, at("requestBody", "content", "application/json", "schema", "required")...)
	d.equal(`"array"`, at("responses", "200", "content", "application/json", "schema", "type")...)
	d.equal(`[{"from":"Gordon","text":""}]`, at("responses", "200", "content", "application/json", "example")...)
	assert.Contains(t, d.at(at("responses")...), "202")
	assert.NotNil(t, d.at(at("responses", "409", "content", "application/json")...))
	assert.Equal(t, true, d.at(at("deprecated")...))
}

// Whoever replies to errors by itself is not said to send problem documents.
func TestOwnErrors(t *testing.T) {
	app := quiet()
	app.OnError(func(*redstart.Request, error) redstart.Response { return redstart.Text("sorry") })
	redstart.Post(app, "/", func(context.Context, *gotham.NewCrime) (string, error) { return "", nil })
	d := treeOf(t, app)
	d.equal(`{"description":"Unprocessable Entity"}`, "paths", "/", "post", "responses", "422")
	assert.NotContains(t, d.at("components", "schemas"), "Problem")
}

func TestDescribeRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		doc  redstart.Doc
		want string
	}{
		"an input with a wrong tag": {redstart.Doc{Input: struct {
			A chan int `query:"a"`
		}{}}, "cannot become a chan int"},
		"an example that is no JSON": {redstart.Doc{ReplyExample: func() {}}, "the ReplyExample cannot be encoded"},
		"a media type that is none":  {redstart.Doc{Produces: []string{"csv"}}, `Produces: "csv" is no media type: want one such as "text/csv"`},
		"a body of no type":          {redstart.Doc{Consumes: []string{"a/b/c"}}, `Consumes: "a/b/c" is no media type`},
		"a status that is none":      {redstart.Doc{Problems: []int{4040}}, "4040 is no status"},
		"a parameter that is not there": {redstart.Doc{Input: struct {
			A int `path:"b"`
		}{}}, `the pattern has no parameter "b"`},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				assert.Contains(t, fmt.Sprint(recover()), tc.want)
			}()
			quiet().Get("/:a", hello, redstart.Describe(tc.doc))
			t.Error("it is taken")
		})
	}
}

// Mood lists its values.
type Mood string

// Enum lists them.
func (Mood) Enum() []string { return []string{"calm", "tea party"} }

// A type that lists its values is checked against them, and tells them.
func TestEnums(t *testing.T) { // features: O1, Q5
	type in struct {
		One   Mood            `query:"one" validate:"required"`
		Many  []Mood          `query:"many"`
		Body  *Mood           `json:"body"`
		Empty Mood            `json:"empty" validate:"omitempty"`
		Of    map[string]Mood `json:"of"`
		Short Mood            `json:"short" validate:"omitempty,lowercase"`
	}
	app := quiet()
	redstart.Post(app, "/", func(_ context.Context, in *in) (string, error) { return fmt.Sprint(in.One, in.Many), nil })
	d := treeOf(t, app)
	d.equal(`{"type":"string","enum":["calm","tea party"]}`, "components", "schemas", "Mood")
	d.equal(`{"$ref":"#/components/schemas/Mood"}`, "paths", "/", "post", "parameters", 0, "schema")
	d.equal(`"#/components/schemas/Mood"`, "paths", "/", "post", "parameters", 1, "schema", "items", "$ref")

	assert.Equal(t, `"calm[tea party calm]"`, app.Test("POST", "/?one=calm&many=tea+party&many=calm", `{"body":null,"empty":"","short":""}`, "Content-Type", "application/json").Body)
	for target, wants := range map[string][]string{
		"/?one=wild":          {`"name":"one","rule":"enum","detail":"must be one of calm or tea party","value":"wild"`},
		"/?one=":              {`"name":"one","rule":"enum"`},
		"/?one=calm&many=odd": {`"name":"many","rule":"enum","detail":"must only have values that are one of calm or tea party"`},
		"/":                   {`missing required query parameter \"one\"`},
	} {
		got := app.Test("POST", target, `{}`, "Content-Type", "application/json")
		for _, want := range wants {
			assert.Contains(t, got.Body, want, target)
		}
	}
	for field, want := range map[string]int{`"body":"calm"`: 200, `"body":"wild"`: 422, `"empty":"wild"`: 422, `"short":"CALM"`: 422, `"short":"wild"`: 422, `"empty":"calm"`: 200,
		`"of":{"joker":"calm"}`: 200, `"of":{"joker":"wild"}`: 422, `"of":null`: 200} {
		got := app.Test("POST", "/?one=calm", "{"+field+"}", "Content-Type", "application/json")
		assert.Equal(t, want, got.Status, "%s %s", field, got.Body)
	}
}

// Groups hide, mark and name their routes.
func TestGroups(t *testing.T) {
	app := quiet()
	app.Group("/hidden").Get("/", hello)
	hidden := app.Group("/secret")
	hidden.Describe(redstart.GroupDoc{Hidden: true})
	hidden.Group("/deep").Get("/", hello)
	old := app.Group("/api/v1")
	old.Describe(redstart.GroupDoc{Deprecated: true, Problems: []int{429}})
	old.Get("/x", hello)
	old.Group("/crimes").Get("/", hello, redstart.Describe(redstart.Doc{Summary: "All"}))
	d := treeOf(t, app)
	assert.NotContains(t, d.at("paths"), "/secret/deep")
	d.equal(`["hidden"]`, "paths", "/hidden", "get", "tags")
	d.equal(`null`, "paths", "/api/v1/x", "get", "tags")
	d.equal(`["crimes"]`, "paths", "/api/v1/crimes", "get", "tags")
	d.equal(`true`, "paths", "/api/v1/crimes", "get", "deprecated")
	d.equal(`"#/components/responses/TooManyRequests"`, "paths", "/api/v1/crimes", "get", "responses", "429", "$ref")
	assert.Equal(t, 3, app.OpenAPI().Operations())
}
