package redstart_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
)

// problem is what a client reads of a problem document.
type problem struct {
	Detail string
	Errors []redstart.Violation
}

func problemOf(t *testing.T, w *httptest.ResponseRecorder) (p problem) {
	t.Helper()
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"), "%s", w.Body)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
	return p
}

type everything struct {
	Int   int           `query:"int"`
	Small int8          `query:"small"`
	Uint  uint16        `query:"uint"`
	Float float64       `query:"float"`
	Bool  bool          `query:"bool"`
	Since time.Time     `query:"since"`
	Took  time.Duration `query:"took"`
	Kind  kind          `query:"kind"`
	Tags  []string      `query:"tag" validate:"dive,alpha"`
	Nums  []int         `query:"nums,comma"`
	Opt   *int          `query:"opt" validate:"omitempty,min=3"`
	Need  string        `query:"need" validate:"required"`
	Mask  string        `cookie:"mask" validate:"oneof=on off"`
	Level int           `header:"X-Level"`
	Page  int           `query:"page" default:"1" validate:"min=1"`
	Name  string        `header:"X-Name"`
	Grim  []severity    `query:"grim"`
	Days  []time.Time   `query:"day"`
}

// severity is an enumeration that checks itself.
type severity string

func (s severity) Validate() error {
	if s != "low" && s != "high" {
		return fmt.Errorf("there is no severity %q", string(s))
	}
	return nil
}

type kind struct{ name string }

func (k *kind) UnmarshalText(text []byte) error {
	if string(text) != "arson" {
		return errors.New("there is only arson")
	}
	k.name = string(text)
	return nil
}

type complaint struct {
	Name     string             `form:"name" validate:"required"`
	District int                `form:"district" validate:"min=1"`
	Email    string             `form:"email" validate:"email"`
	Kinds    []string           `form:"kind" validate:"max=2"`
	Photo    *redstart.Upload   `form:"photo" validate:"required"`
	More     []*redstart.Upload `form:"more"`
	When     time.Time          `form:"when" validate:"lt"`
}

// badInputs has a row for everything that a client can do wrong at the typed door.
var badInputs = []struct {
	name, method, target, body string
	header                     []string
	status                     int
	in, field                  string // of the violation, "" for a fault of the body as a whole
	want                       string
}{
	{"path parameter of another type", "GET", "/crimes/abc", "", nil, 400, "path", "id", `path parameter "id": expected an integer, got "abc"`},
	{"path parameter out of range", "GET", "/crimes/300", "", nil, 400, "path", "id", `path parameter "id": expected an integer from -128 to 127, got "300"`},
	{"query parameter is missing", "GET", "/all", "", nil, 400, "query", "need", `missing required query parameter "need"`},
	{"malformed query string", "GET", "/all?need=%zz", "", nil, 400, "", "", "malformed query string"},
	{"int", "GET", "/all?need=&int=1.5", "", nil, 400, "query", "int", `query parameter "int": expected an integer, got "1.5"`},
	{"small int", "GET", "/all?need=&small=128", "", nil, 400, "query", "small", "expected an integer from -128 to 127"},
	{"uint", "GET", "/all?need=&uint=-1", "", nil, 400, "query", "uint", "expected an integer from 0 to 65535"},
	{"float", "GET", "/all?need=&float=NaN", "", nil, 400, "query", "float", `query parameter "float": expected a number, got "NaN"`},
	{"float out of range", "GET", "/all?need=&float=1e999", "", nil, 400, "query", "float", `query parameter "float": expected a number within the range of float64, got "1e999"`},
	{"time without a zone", "GET", "/all?need=&since=2026-11-22T10:00", "", nil, 400, "query", "since", `query parameter "since": expected a time such as`},
	{"time of a form", "POST", "/complaints", "name=a&when=soon", form, 400, "form", "when", `form field "when": expected a time such as`},
	{"bool", "GET", "/all?need=&bool=maybe", "", nil, 400, "query", "bool", `query parameter "bool": expected true or false`},
	{"time", "GET", "/all?need=&since=yesterday", "", nil, 400, "query", "since", `query parameter "since": expected a time such as`},
	{"duration", "GET", "/all?need=&took=long", "", nil, 400, "query", "took", `query parameter "took": expected a duration`},
	{"a type of its own", "GET", "/all?need=&kind=riddle", "", nil, 400, "query", "kind", `query parameter "kind": "riddle" does not fit: there is only arson`},
	{"element of a list", "GET", "/all?need=&nums=1,x", "", nil, 400, "query", "nums", `query parameter "nums": value 2: expected an integer, got "x"`},
	{"header", "GET", "/all?need=", "", []string{"X-Level", "high"}, 400, "header", "X-Level", `header "X-Level": expected an integer, got "high"`},
	{"one value is given twice", "GET", "/all?need=&int=1&int=2", "", nil, 400, "query", "int", `query parameter "int": expected one value, got 2`},
	{"text not UTF-8", "GET", "/all?need=%ff", "", nil, 400, "query", "need", `query parameter "need": the text is not UTF-8`},
	{"header not UTF-8", "GET", "/all?need=", "", []string{"X-Name", "\xff"}, 400, "header", "X-Name", `header "X-Name": the text is not UTF-8`},
	{"header of a number is there twice", "GET", "/all?need=", "", []string{"X-Level", "1", "X-Level", "2"}, 400, "header", "X-Level", `header "X-Level": expected an integer, got "1, 2"`},
	{"element of a list is blank", "GET", "/all?need=&day=2026-11-22&day=", "", nil, 400, "query", "day", `query parameter "day": value 2: expected a time such as`},
	{"Validate of a parameter", "GET", "/all?need=&grim=low&grim=mid", "", nil, 422, "query", "grim", `query parameter "grim" value 2 is not valid: there is no severity "mid"`},
	{"rule of a cookie", "GET", "/all?need=", "", []string{"Cookie", "mask=lost"}, 422, "cookie", "mask", `cookie "mask" must be one of on or off`},
	{"rule of an element", "GET", "/all?need=&tag=a&tag=7", "", nil, 422, "query", "tag", `query parameter "tag" value 2 must have letters only`},
	{"rule of a pointer", "GET", "/all?need=&opt=2", "", nil, 422, "query", "opt", `query parameter "opt" must be at least 3`},
	{"rule of an explicit zero", "GET", "/all?need=&page=0", "", nil, 422, "query", "page", `query parameter "page" must be at least 1`},

	{"required header is missing", "POST", "/crimes", "{" + goodCrime + "}", nil, 400, "header", "X-Badge", `missing required header "X-Badge"`},
	{"rule of a header", "POST", "/crimes", "{" + goodCrime + "}", []string{"X-Badge", "7"}, 422, "header", "X-Badge", `header "X-Badge" must have exactly 3 characters`},
	{"body is no JSON", "POST", "/crimes", "{kind", badge, 400, "body", "#", "malformed JSON body: line 1, column 2"},
	{"body is empty", "POST", "/crimes", "", badge, 400, "body", "#", "the body is empty, where a JSON value was expected"},
	{"body of another type", "POST", "/crimes", "a=b", append([]string{"Content-Type", "text/plain"}, badge...), 415, "", "", `Content-Type "text/plain": expected application/json`},
	{"body too large", "POST", "/crimes", `{"kind":"` + strings.Repeat("x", 2000) + `"}`, badge, 413, "", "", "larger than 2000 bytes"},
	{"field of another type", "POST", "/crimes", `{` + goodCrime + `,"district":"3"}`, badge, 400, "body", "#/district", "district: expected a whole number, got a string"},
	{"nested field of another type", "POST", "/crimes", `{` + goodCrime + `,"suspects":[{"name":3}]}`, badge, 400, "body", "#/suspects/0/name", "suspects[0].name: expected a string, got a number"},
	{"time in the body", "POST", "/crimes", `{` + goodCrime + `,"seen":["2026-11-22"]}`, badge, 400, "body", "#/seen/0", "seen[0]: expected a time such as \"2006-01-02T15:04:05Z\", got \"2026-11-22\""},
	{"required field is absent", "POST", "/crimes", `{"open":true,"place":{"street":"x"}}`, badge, 422, "body", "#/kind", `body field "/kind" is required`},
	{"required field is null", "POST", "/crimes", `{"kind":null,"open":true,"place":{"street":"x"}}`, badge, 422, "body", "#/kind", `body field "/kind" is required`},
	{"required bool is absent", "POST", "/crimes", `{"kind":"arson","place":{"street":"x"}}`, badge, 422, "body", "#/open", `body field "/open" is required`},
	{"nested required field is absent", "POST", "/crimes", `{"kind":"arson","open":true}`, badge, 422, "body", "#/place/street", `body field "/place/street" is required`},
	{"required field in a list is absent", "POST", "/crimes", `{` + goodCrime + `,"suspects":[{"name":""},{}]}`, badge, 422, "body", "#/suspects/1/name", `body field "/suspects/1/name" is required`},
	{"rule of a field", "POST", "/crimes", `{` + goodCrime + `,"district":13}`, badge, 422, "body", "#/district", `body field "/district" must be at most 12`},
	{"rule of a zero that is given", "POST", "/crimes", `{` + goodCrime + `,"district":0}`, badge, 422, "body", "#/district", `body field "/district" must be at least 1`},
	{"required text that is blank", "POST", "/crimes", `{"kind":"","open":true,"place":{"street":"x"}}`, badge, 422, "body", "#/kind", "must be one of robbery, arson or riddle"},
	{"rule of a list", "POST", "/crimes", `{` + goodCrime + `,"tags":["ab","cd","ef"]}`, badge, 422, "body", "#/tags", `body field "/tags" must have at most 2 elements`},
	{"rule of an element of a list", "POST", "/crimes", `{` + goodCrime + `,"tags":["ab","c"]}`, badge, 422, "body", "#/tags/1", `body field "/tags/1" must have at least 2 characters`},
	{"rule within a list, without dive", "POST", "/crimes", `{` + goodCrime + `,"suspects":[{"name":"a","email":"b"}]}`, badge, 422, "body", "#/suspects/0/email", `body field "/suspects/0/email" must be an email address`},
	{"Validate of a nested value", "POST", "/crimes", `{` + goodCrime + `,"suspects":[{"name":"Bruce"}]}`, badge, 422, "body", "#/suspects/0/name", `body field "/suspects/0/name" is never a suspect`},

	{"form of another type", "POST", "/complaints", "{}", []string{"Content-Type", "application/json"}, 415, "", "", "expected multipart/form-data"},
	{"malformed form", "POST", "/complaints", "name=%z", form, 400, "", "", `form field "name"`},
	{"required field of a form is absent", "POST", "/complaints", "district=1", form, 422, "form", "name", `missing required form field "name"`},
	{"required field of a form is blank", "POST", "/complaints", "name=", form, 422, "form", "name", `missing required form field "name"`},
	{"field of a form of another type", "POST", "/complaints", "name=a&district=x", form, 400, "form", "district", `form field "district": expected an integer, got "x"`},
	{"rule of a form's field", "POST", "/complaints", "name=a&district=0", form, 422, "form", "district", `form field "district" must be at least 1`},
	{"rule of a form's text", "POST", "/complaints", "name=a&email=b", form, 422, "form", "email", `form field "email" must be an email address`},
	{"rule of a form's list", "POST", "/complaints", "name=a&kind=1&kind=2&kind=3", form, 422, "form", "kind", `form field "kind" must have at most 2 elements`},
	{"text not UTF-8 in a form", "POST", "/complaints", "name=%ff", form, 400, "", "", `form field "name": the text is not UTF-8`},
	{"field of a form is given twice", "POST", "/complaints", "name=a&name=b", form, 400, "form", "name", `form field "name": expected one value, got 2`},
	{"text where a file is expected", "POST", "/complaints", "name=a&photo=joker.png", form, 400, "form", "photo", `form field "photo": expected a file, got a text: files need a form with enctype="multipart/form-data"`},
	{"rule of a form's time", "POST", "/complaints", "name=a&when=9999-01-02", form, 422, "form", "when", `form field "when" must be in the past`},
	{"file is missing", "POST", "/complaints", "name=a", form, 422, "form", "photo", `missing required form field "photo"`},

	{"element of a body that is a list", "POST", "/batch", `[{"name":"a"},{}]`, nil, 422, "body", "#/1/name", `body field "/1/name" is required`},
	{"rule in a body that is a list", "POST", "/batch", `[{"name":"a","email":"b"}]`, nil, 422, "body", "#/0/email", `body field "/0/email" must be an email address`},
	{"rule of a body that is a list", "POST", "/pair", `["a"]`, nil, 422, "body", "#", `body: must have exactly two elements`},
	{"body that is no list", "POST", "/batch", `{}`, nil, 400, "body", "#", "expected an array, got an object"},
}

var (
	badge = []string{"X-Badge", "007"}
	form  = []string{"Content-Type", "application/x-www-form-urlencoded"}
)

func typedApp(opts ...redstart.Option) *redstart.App {
	app, _ := newApp(opts...)
	redstart.Get(app, "/crimes/:id", func(_ context.Context, in *struct {
		ID int8 `path:"id"`
	}) (int8, error) {
		return in.ID, nil
	})
	redstart.Get(app, "/all", func(_ context.Context, in *everything) (*everything, error) { return in, nil })
	redstart.Post(app, "/crimes", report)
	redstart.Post(app, "/complaints", redstart.NoOutput(func(context.Context, *complaint) error { return nil }))
	redstart.Post(app, "/batch", func(_ context.Context, in *[]person) (int, error) { return len(*in), nil })
	redstart.Post(app, "/pair", func(_ context.Context, in *pair) (int, error) { return len(*in), nil })
	return app
}

type pair []string

func (p pair) Validate() error {
	if len(p) != 2 {
		return errors.New("must have exactly two elements")
	}
	return nil
}

func TestBadInputsOfTheTypedDoor(t *testing.T) {
	app := typedApp(redstart.WithBodyLimit(2000))
	for _, tt := range badInputs {
		t.Run(tt.name, func(t *testing.T) {
			w := ask(app, tt.method, tt.target, tt.body, tt.header...)
			assert.Equal(t, tt.status, w.Code, "%s", w.Body)
			p := problemOf(t, w)
			assert.Contains(t, p.Detail, tt.want)
			if tt.in == "" {
				assert.Empty(t, p.Errors)
				return
			}
			var places []string
			for _, v := range p.Errors {
				assert.NotEmpty(t, v.Rule)
				assert.NotEmpty(t, v.Detail)
				places = append(places, v.In+" "+v.Name+v.Pointer)
			}
			assert.Contains(t, places, tt.in+" "+tt.field)
		})
	}
}

func TestAllFaultsAreToldAtOnce(t *testing.T) {
	app := typedApp()
	p := problemOf(t, ask(app, "POST", "/crimes?notify=x", `{"kind":"theft","district":99,"suspects":[{"email":"x"}]}`))
	var places []string
	for _, v := range p.Errors {
		places = append(places, v.In+" "+v.Name+v.Pointer)
	}
	assert.ElementsMatch(t, []string{
		"query notify", "header X-Badge", "body #/kind", "body #/district", "body #/open", "body #/place/street",
		"body #/suspects/0/name", "body #/suspects/0/email",
	}, places)
}

func TestTypedHandlersServeManyAtOnce(t *testing.T) {
	app := typedApp(redstart.WithBodyLimit(2000))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, tt := range badInputs {
				assert.Equal(t, tt.status, ask(app, tt.method, tt.target, tt.body, tt.header...).Code, tt.name)
			}
		})
	}
	wg.Wait()
}

func TestWrongInputsPanicAtTheirLine(t *testing.T) {
	type loop struct{ Next *loop }
	for name, tt := range map[string]struct {
		register func(app *redstart.App)
		want     string
	}{
		"not in the pattern": {func(app *redstart.App) {
			addGet[struct {
				ID int `path:"id"`
			}](app)
		}, `ID the pattern has no parameter "id"`},
		"two tags": {func(app *redstart.App) {
			addGet[struct {
				A int `query:"a" header:"b"`
			}](app)
		}, "A has the tags query and header"},
		"no name": {func(app *redstart.App) {
			addGet[struct {
				A int `query:""`
			}](app)
		}, `A the tag query has no name: write query:"a"`},
		"unknown option": {func(app *redstart.App) {
			addGet[struct {
				A []int `query:"a,colon"`
			}](app)
		}, `unknown option "colon"`},
		"unsupported type": {func(app *redstart.App) {
			addGet[struct {
				A map[string]int `query:"a"`
			}](app)
		}, "A a text cannot become a map[string]int"},
		"twice": {func(app *redstart.App) {
			addGet[struct {
				A int `query:"a"`
				B int `query:"a"`
			}](app)
		}, `B and A are both query "a"`},
		"bad default": {func(app *redstart.App) {
			addGet[struct {
				A int `query:"a" default:"x"`
			}](app)
		}, `A default "x": expected an integer`},
		"default of a path": {func(app *redstart.App) {
			redstart.Get(app, "/:id", func(context.Context, *struct {
				ID int `path:"id" default:"1"`
			}) (int, error) {
				return 0, nil
			})
		}, "ID has a default, and is there in every path"},
		"required with a default": {func(app *redstart.App) {
			addGet[struct {
				A int `query:"a" default:"1" validate:"required"`
			}](app)
		}, "A is required and has a default"},
		"body of a GET": {func(app *redstart.App) { addGet[struct{ A int }](app) }, "A has no tag, and a GET has no body"},
		"body and form": {func(app *redstart.App) {
			addPost[struct {
				A int
				B int `form:"b"`
			}](app)
		}, "has fields of a form and of a JSON body"},
		"not exported": {func(app *redstart.App) {
			addGet[struct {
				a int `query:"a"`
			}](app)
		}, "a has the tag query, but is not exported"},
		"unknown rule": {func(app *redstart.App) {
			addGet[struct {
				A int `query:"a" validate:"fearsome"`
			}](app)
		}, `validate:"fearsome": Undefined validation function`},
		"rule for another type": {func(app *redstart.App) {
			addGet[struct {
				A bool `query:"a" validate:"min=1"`
			}](app)
		}, `validate:"min=1": Bad field type bool`},
		"rule for elements of another type": {func(app *redstart.App) {
			addGet[struct {
				A []bool `query:"a" validate:"dive,min=1"`
			}](app)
		}, `validate:"dive,min=1": Bad field type bool`},
		"nested unknown rule": {func(app *redstart.App) {
			addPost[struct {
				List []struct {
					B int `validate:"fearsome"`
				}
			}](app)
		}, "Undefined validation function"},
		"default out of reach": {func(app *redstart.App) {
			addPost[struct {
				List []struct {
					B int `default:"1"`
				}
			}](app)
		}, "List B has a default within a pointer, a list or a map"},
		"parameter within the body": {func(app *redstart.App) {
			addPost[struct {
				Inner struct {
					B int `query:"b"`
				}
			}](app)
		}, "Inner B has the tag query within a value of the body"},
		"host": {func(app *redstart.App) {
			addGet[struct {
				A string `header:"host"`
			}](app)
		}, "A the host is no header here"},
		"body of a GET as a whole": {func(app *redstart.App) { addGet[int](app) }, "int: a GET has no body: take a struct"},
		"no name of a cookie": {func(app *redstart.App) {
			addGet[struct {
				A int `cookie:"a b"`
			}](app)
		}, `A "a b" is no name of a cookie`},
		"no JSON":                  {func(app *redstart.App) { addPost[struct{ A struct{ B []chan int } }](app) }, `A B: a chan int cannot come from JSON: leave it out by json:"-"`},
		"no JSON as a whole":       {func(app *redstart.App) { addPost[func()](app) }, "a func() cannot come from JSON"},
		"an interface of the body": {func(app *redstart.App) { addPost[struct{ A fmt.Stringer }](app) }, "A a fmt.Stringer cannot come from JSON"},
		"default that breaks a rule": {func(app *redstart.App) {
			addGet[struct {
				A string `query:"a" default:"c" validate:"oneof=a b"`
			}](app)
		}, `A has the default "c", which must be one of a or b`},
		"default that breaks a rule of the library": {func(app *redstart.App) {
			addPost[struct {
				A string `json:"a" default:"c" validate:"email"`
			}](app)
		}, `A has the default "c", which must be an email address`},
		"rule about no field": {func(app *redstart.App) {
			addGet[struct {
				A string `query:"a" validate:"eqfield=Nope"`
			}](app)
		}, `validate:"eqfield=Nope": there is no field Nope`},
		"rule about no field, with a value": {func(app *redstart.App) {
			addGet[struct {
				A string `query:"a" validate:"required_if=B x C y"`
				B string `query:"b"`
			}](app)
		}, `there is no field C`},
		"rule without its values": {func(app *redstart.App) {
			addGet[struct {
				A string `query:"a" validate:"oneof"`
			}](app)
		}, `validate:"oneof": write the values, as in oneof=arson riddle`},
		"rule for a file": {func(app *redstart.App) {
			addPost[struct {
				A *redstart.Upload `form:"a" validate:"max=1000"`
			}](app)
		}, `A a file has no rule but required`},
		"file that is no pointer": {func(app *redstart.App) {
			addPost[struct {
				A []redstart.Upload `form:"a"`
			}](app)
		}, `A is a file: take a *redstart.Upload`},
		"file in JSON": {func(app *redstart.App) {
			addPost[struct {
				A *redstart.Upload `form:"a" json:"a"`
			}](app)
		}, `A a file is in no JSON body`},
		"form or JSON, of a GET": {func(app *redstart.App) {
			addGet[struct {
				A int `form:"a" json:"a"`
			}](app)
		}, "has fields of a form, and a GET has no body"},
		"form or JSON, and a field that does not say": {func(app *redstart.App) {
			addPost[struct {
				A int `form:"a" json:"a"`
				B int `json:"b"`
			}](app)
		}, "has fields of a form and of a JSON body, but B has no tag form"},
		"form or JSON, and a field of a form that does not say": {func(app *redstart.App) {
			addPost[struct {
				A int `form:"a" json:"a"`
				B int `form:"b"`
			}](app)
		}, "has fields of a form and of a JSON body, but B has no tag json"},
		"output":                            {func(app *redstart.App) { addOutput[struct{ A chan int }](app) }, "A: a chan int cannot become JSON"},
		"output of a stream":                {func(app *redstart.App) { addOutput[redstart.EventStream[func()]](app) }, "a func() cannot become JSON"},
		"output of a pointer to a Response": {func(app *redstart.App) { addOutput[*redstart.Response](app) }, "return the Response itself"},
		"output with a status of its own":   {func(app *redstart.App) { addOutput[redstart.Response](app, redstart.WithSuccess(201)) }, "WithSuccess has no effect"},
		"output of a status without one":    {func(app *redstart.App) { addOutput[int](app, redstart.WithSuccess(204)) }, "status 204 has no body: make the handler by NoOutput"},
		"option":                            {func(app *redstart.App) { addOutput[int](app, nil) }, "option 1 of 1 is nil"},
		"no app":                            {func(*redstart.App) { addOutput[int](nil) }, "the app or group is nil"},
		"no group": {func(*redstart.App) {
			redstart.Get((*redstart.Group)(nil), "/x", redstart.Action(func(context.Context) error { return nil }))
		}, "the app or group is nil"},
		"nil input":              {func(app *redstart.App) { redstart.Get(app, "/x", redstart.NoInput[context.Context, int](nil)) }, "the handler is nil"},
		"nil output":             {func(app *redstart.App) { redstart.Post(app, "/x", redstart.NoOutput[context.Context, person](nil)) }, "the handler is nil"},
		"nil action":             {func(app *redstart.App) { redstart.Post(app, "/x", redstart.Action[context.Context](nil)) }, "the handler is nil"},
		"file that is no form's": {func(app *redstart.App) { addPost[struct{ Photo *redstart.Upload }](app) }, `Photo is a file: write form:"photo"`},
		"embedded pointer":       {func(app *redstart.App) { addPost[struct{ *place }](app) }, "embed the redstart_test.place itself"},
		"first parameter": {func(app *redstart.App) {
			redstart.Get(app, "/", redstart.NoInput(func(other) (int, error) { return 0, nil }))
		}, "want a context.Context or a *redstart.Request"},
		"nil": {func(app *redstart.App) {
			redstart.Get[context.Context, redstart.None, int](app, "/", nil)
		}, "the handler is nil"},
		"pattern": {func(app *redstart.App) {
			redstart.Get(app, "x", redstart.NoInput(func(context.Context) (int, error) { return 0, nil }))
		}, "must begin with a slash"},
	} {
		t.Run(name, func(t *testing.T) {
			app, _ := newApp()
			defer func() {
				text := fmt.Sprint(recover())
				assert.Contains(t, text, tt.want)
				assert.Contains(t, text, "typed_faults_test.go:", "the line")
			}()
			tt.register(app)
		})
	}
	app, _ := newApp()
	assert.NotPanics(t, func() { addPost[loop](app) })
	assert.Panics(t, func() { redstart.WithSuccess(404) })
	assert.Panics(t, func() {
		redstart.Get(app, "/r", redstart.NoInput(func(context.Context) (redstart.Response, error) { return redstart.Text(""), nil }), redstart.WithSuccess(201))
	})
}

type other struct{}

func (other) Value(any) any { return nil }

func addGet[In any](app *redstart.App) {
	redstart.Get(app, "/x", func(context.Context, *In) (int, error) { return 0, nil })
}

func addOutput[Out any](app *redstart.App, opts ...redstart.RouteOption) {
	redstart.Get(app, "/x", redstart.NoInput(func(context.Context) (out Out, err error) { return out, nil }), opts...)
}

func addPost[In any](app *redstart.App) {
	redstart.Post(app, "/x", func(context.Context, *In) (int, error) { return 0, nil })
}

func FuzzTypedDoor(f *testing.F) {
	app := typedApp()
	var multi bytes.Buffer
	w := multipart.NewWriter(&multi)
	_ = w.WriteField("name", "a")
	_ = w.Close()
	for _, tt := range badInputs {
		path, query, _ := strings.Cut(tt.target, "?")
		f.Add(tt.method, path, query, strings.Join(tt.header, ": "), tt.body)
	}
	f.Add("POST", "/complaints", "", w.FormDataContentType(), multi.String())
	f.Fuzz(func(t *testing.T, method, path, query, contentType, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Method, r.URL.Path, r.URL.RawQuery = method, path, query
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("X-Badge", "007")
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		require.Less(t, w.Code, 500, "%s", w.Body)
		if w.Code == 422 || w.Code == 400 {
			require.NotEmpty(t, problemOf(t, w).Detail)
		}
	})
}
