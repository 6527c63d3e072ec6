package redstart_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

type newCrime struct {
	Kind     string   `json:"kind" validate:"required,oneof=robbery arson riddle"`
	District int      `json:"district" validate:"min=1,max=12"`
	Open     bool     `json:"open" validate:"required"`
	Tags     []string `json:"tags" validate:"max=2,dive,min=2"`
	Place    place    `json:"place"`
	Suspects []person `json:"suspects"`
	Notify   bool     `query:"notify"`
	Badge    string   `header:"X-Badge" validate:"required,len=3"`
}

type place struct {
	Street string `json:"street" validate:"required"`
}

type person struct {
	Name  string `json:"name" validate:"required"`
	Email string `json:"email" validate:"email"`
}

func (p *person) Validate() error {
	if p.Name == "Bruce" {
		return redstart.Invalid("name", "is never a suspect")
	}
	return nil
}

type crime struct {
	ID       int    `json:"id"`
	Kind     string `json:"kind"`
	District int    `json:"district"`
}

func (*crime) StatusCode() int { return 201 }

func (c *crime) Header() http.Header {
	return http.Header{"Location": {fmt.Sprintf("/crimes/%d", c.ID)}}
}

func report(_ context.Context, in *newCrime) (*crime, error) {
	return &crime{7, in.Kind, in.District}, nil
}

func ExamplePost() {
	type input struct {
		Kind     string `json:"kind" validate:"required,oneof=robbery arson riddle"`
		District int    `json:"district" validate:"min=1"`
		Notify   bool   `query:"notify"`
	}
	type output struct {
		ID   int    `json:"id"`
		Kind string `json:"kind"`
	}
	app := quietApp()
	redstart.Post(app, "/crimes", func(_ context.Context, in *input) (*output, error) {
		return &output{7, in.Kind}, nil
	}, redstart.WithSuccess(201))

	for _, body := range []string{`{"kind":"arson","district":3}`, `{"kind":"jaywalking","district":0}`} {
		w := ask(app, "POST", "/crimes?notify=1", body)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 201 {"id":7,"kind":"arson"}
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"body field \"/kind\" must be one of robbery, arson or riddle; body field \"/district\" must be at least 1","errors":[{"in":"body","pointer":"#/kind","rule":"oneof=robbery arson riddle","detail":"must be one of robbery, arson or riddle","value":"jaywalking"},{"in":"body","pointer":"#/district","rule":"min=1","detail":"must be at least 1","value":0}]}
}

func ExampleGet() {
	type search struct {
		District int      `path:"district"`
		Kinds    []string `query:"kind"`
		Limit    int      `query:"limit" default:"20"`
	}
	app := quietApp()
	redstart.Get(app, "/districts/:district/crimes", func(_ context.Context, in *search) (string, error) {
		return fmt.Sprintf("%d %v %d", in.District, in.Kinds, in.Limit), nil
	})
	fmt.Println(get(app, "/districts/3/crimes?kind=arson&kind=riddle").Body)
	fmt.Println(get(app, "/districts/three/crimes", "Accept", "text/plain").Body)
	// Output:
	// "3 [arson riddle] 20"
	// 400 Bad Request
	// path parameter "district": expected an integer, got "three"
}

func ExampleNoInput() {
	app := quietApp()
	crimes := func(context.Context) ([]crime, error) { return nil, nil } // of a store, say
	redstart.Get(app, "/crimes", redstart.NoInput(crimes))
	fmt.Println(get(app, "/crimes").Body)
	// Output: []
}

func ExampleNoOutput() {
	type byID struct {
		ID int `path:"id"`
	}
	app := quietApp()
	redstart.Delete(app, "/crimes/:id", redstart.NoOutput(func(_ context.Context, in *byID) error {
		if in.ID != 7 {
			return redstart.Errorf(404, "no crime %d", in.ID)
		}
		return nil
	}))
	fmt.Println(ask(app, "DELETE", "/crimes/7", "").Code, ask(app, "DELETE", "/crimes/8", "").Code)
	// Output: 204 404
}

func ExampleEvents() {
	app := quietApp()
	redstart.Get(app, "/crimes/feed", redstart.NoInput(func(context.Context) (redstart.EventStream[crime], error) {
		feed := func(yield func(crime) bool) { yield(crime{7, "arson", 3}) }
		return redstart.Events[crime](feed).WithEvent("crime_alert").WithID(func(c crime) string { return fmt.Sprint(c.ID) }), nil
	}))
	for m, err := range sse.Read(get(app, "/crimes/feed").Body) {
		fmt.Println(m.Event, m.ID, m.Data, err)
	}
	// Output: crime_alert 7 {"id":7,"kind":"arson","district":3} <nil>
}

func ExampleRequest_Bind() {
	app := quietApp()
	app.Post("/login", func(req *redstart.Request) redstart.Response {
		var in struct {
			User     string `form:"user" validate:"required"`
			Remember bool   `form:"remember"`
		}
		if err := req.Bind(&in); err != nil {
			return redstart.Fail(err)
		}
		return redstart.Text(fmt.Sprint(in.User, " ", in.Remember))
	})
	for _, body := range []string{"user=batman&remember=on", "user="} {
		w := ask(app, "POST", "/login", body, "Content-Type", "application/x-www-form-urlencoded", "Accept", "text/plain")
		fmt.Println(strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// batman true
	// 422 Unprocessable Entity
	// missing required form field "user"
}

func ExampleInvalid() {
	type transfer struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	app := quietApp()
	redstart.Post(app, "/transfers", redstart.NoOutput(func(_ context.Context, in *transfer) error {
		if in.From == in.To {
			return redstart.Invalid("to", "must be another prison than %s", in.From)
		}
		return nil
	}))
	w := ask(app, "POST", "/transfers", `{"from":"Blackgate","to":"Blackgate"}`, "Accept", "text/plain")
	fmt.Println(strings.TrimSpace(w.Body.String()))
	// Output:
	// 422 Unprocessable Entity
	// body field "/to" must be another prison than Blackgate
}

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

func TestTypedReply(t *testing.T) {
	app, _ := newApp()
	redstart.Post(app, "/crimes", report)
	w := ask(app, "POST", "/crimes?notify=true", `{"kind":"arson","district":3,"open":false,"place":{"street":""}}`, "X-Badge", "007")
	assert.Equal(t, 201, w.Code, "%s", w.Body)
	assert.Equal(t, "/crimes/7", w.Header().Get("Location"))
	assert.JSONEq(t, `{"id":7,"kind":"arson","district":3}`, w.Body.String())
}

const goodCrime = `"kind":"arson","open":true,"place":{"street":"x"}`

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
	{"bool", "GET", "/all?need=&bool=maybe", "", nil, 400, "query", "bool", `query parameter "bool": expected true or false`},
	{"time", "GET", "/all?need=&since=yesterday", "", nil, 400, "query", "since", `query parameter "since": expected a time such as`},
	{"duration", "GET", "/all?need=&took=long", "", nil, 400, "query", "took", `query parameter "took": expected a duration`},
	{"a type of its own", "GET", "/all?need=&kind=riddle", "", nil, 400, "query", "kind", `query parameter "kind": "riddle" does not fit: there is only arson`},
	{"element of a list", "GET", "/all?need=&nums=1,x", "", nil, 400, "query", "nums", `query parameter "nums": value 2: expected an integer, got "x"`},
	{"header", "GET", "/all?need=", "", []string{"X-Level", "high"}, 400, "header", "X-Level", `header "X-Level": expected an integer, got "high"`},
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
	{"file is missing", "POST", "/complaints", "name=a", form, 422, "form", "photo", `missing required form field "photo"`},

	{"element of a body that is a list", "POST", "/batch", `[{"name":"a"},{}]`, nil, 422, "body", "#/1/name", `body field "/1/name" is required`},
	{"rule in a body that is a list", "POST", "/batch", `[{"name":"a","email":"b"}]`, nil, 422, "body", "#/0/email", `body field "/0/email" must be an email address`},
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
	return app
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

func TestWhatIsAbsentAndNotRequiredIsNotChecked(t *testing.T) {
	app := typedApp()
	w := ask(app, "POST", "/crimes", "{"+goodCrime+`,"suspects":[{"name":"Joker"}]}`, badge...)
	assert.Equal(t, 201, w.Code, "%s", w.Body)
	w = ask(app, "POST", "/crimes", `{"kind":"arson","open":false,"place":{"street":""}}`, badge...)
	assert.Equal(t, 201, w.Code, "false and an empty text are values: %s", w.Body)
}

func TestGoodParameters(t *testing.T) {
	app, _ := newApp()
	var got everything
	redstart.Get(app, "/all", func(_ context.Context, in *everything) (redstart.None, error) {
		got = *in
		return redstart.None{}, nil
	})
	w := get(app, "/all?int=-7&small=127&uint=65535&float=1e3&bool=on&since=2026-11-22&took=1m30s&kind=arson&tag=a&tag=b"+
		"&nums=1,+2,,3&opt=5&need=&page=", "Cookie", "mask=on", "X-Level", "3")
	require.Equal(t, 204, w.Code, "%s", w.Body)
	five := 5
	assert.Equal(t, everything{
		Int: -7, Small: 127, Uint: 65535, Float: 1000, Bool: true, Since: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC),
		Took: 90 * time.Second, Kind: kind{"arson"}, Tags: []string{"a", "b"}, Nums: []int{1, 2, 3}, Opt: &five, Mask: "on", Level: 3, Page: 1,
	}, got)
	w = get(app, "/all?need=x&since=2026-11-22T10:00:00.5%2B02:00")
	require.Equal(t, 204, w.Code, "%s", w.Body)
	assert.Nil(t, got.Opt)
	assert.Equal(t, 1, got.Page, "the default")
	assert.Equal(t, "2026-11-22T08:00:00.5Z", got.Since.UTC().Format(time.RFC3339Nano))
}

func TestFormInput(t *testing.T) {
	app, _ := newApp()
	redstart.Post(app, "/complaints", func(_ context.Context, in *complaint) (string, error) {
		return fmt.Sprint(in.Name, in.District, in.Kinds, in.Photo.Name, len(in.More)), nil
	})
	w := httptest.NewRecorder()
	app.ServeHTTP(w, multipartForm("/complaints", "name", "Alfred", "district", "3", "email", "", "kind", "a", "kind", "b",
		"@photo", "joker.png:x", "@more", "1:x", "@more", "2:x"))
	assert.Equal(t, `"Alfred3 [a b]joker.png2"`, w.Body.String())
}

// A client must not set by the body what comes from somewhere else.
func TestTheBodySetsNoParameters(t *testing.T) {
	app, _ := newApp()
	type paging struct {
		Page int `query:"page"`
		Sort string
	}
	type input struct {
		paging
		redstart.Raw
		Name  string
		Admin bool `header:"X-Admin"`
		Owner *int `query:"owner"`
		skip  bool
		Last  string
	}
	redstart.Post(app, "/x", func(_ context.Context, in *input) (string, error) {
		return fmt.Sprint(in.Name, in.Admin, in.Owner, in.Page, in.Sort, in.skip, in.Last, in.Path()), nil
	})
	w := ask(app, "POST", "/x?page=2", `{"Name":"a","Admin":true,"Owner":1,"Page":9,"Sort":"s","skip":true,"Last":"z","Request":{},"Raw":{}}`)
	assert.Equal(t, `"afalse <nil> 2sfalsez/x"`, w.Body.String())
}

func TestOutputs(t *testing.T) {
	app, _ := newApp()
	none := func(context.Context) (*crime, error) { return nil, nil }
	redstart.Get(app, "/nil", redstart.NoInput(none))
	redstart.Get(app, "/value", redstart.NoInput(func(context.Context) (crime, error) { return crime{ID: 1}, nil }))
	redstart.Get(app, "/slice", redstart.NoInput(func(context.Context) ([]int, error) { return nil, nil }))
	redstart.Get(app, "/map", redstart.NoInput(func(context.Context) (map[string]int, error) { return nil, nil }))
	redstart.Get(app, "/any", redstart.NoInput(func(context.Context) (any, error) { return nil, nil }))
	redstart.Get(app, "/response", redstart.NoInput(func(*redstart.Request) (redstart.Response, error) { return redstart.Text("hi"), nil }))
	redstart.Post(app, "/action", redstart.Action(func(context.Context) error { return nil }))
	redstart.Post(app, "/success", redstart.NoInput(func(context.Context) (int, error) { return 7, nil }), redstart.WithSuccess(202))
	redstart.Get(app, "/error", redstart.NoInput(func(context.Context) (int, error) { return 0, redstart.Error(409, "taken") }))
	for _, tt := range []struct {
		method, target string
		status         int
		body           string
	}{
		{"GET", "/nil", 204, ""}, {"GET", "/value", 201, `{"id":1,"kind":"","district":0}`}, {"GET", "/slice", 200, "[]"},
		{"GET", "/map", 200, "{}"}, {"GET", "/any", 204, ""}, {"GET", "/response", 200, "hi"}, {"POST", "/action", 204, ""},
		{"POST", "/success", 202, "7"}, {"GET", "/error", 409, `"taken"`}, {"HEAD", "/value", 201, ""},
	} {
		w := ask(app, tt.method, tt.target, "")
		assert.Equal(t, tt.status, w.Code, tt.target)
		assert.Contains(t, w.Body.String(), tt.body, tt.target)
	}
}

func TestTypedEventSources(t *testing.T) {
	type feed []int
	channel := func() <-chan int {
		c := make(chan int, 2)
		c <- 1
		c <- 2
		close(c)
		return c
	}
	two := func(yield func(int) bool) { _ = yield(1) && yield(2) }
	for name, stream := range map[string]redstart.EventStream[int]{
		"seq":     redstart.Events[int](two),
		"named":   redstart.Events[int](iter.Seq[int](two)),
		"seq2":    redstart.Events[int](func(yield func(int, error) bool) { _ = yield(1, nil) && yield(2, nil) }),
		"channel": redstart.Events[int](channel()),
		"func":    redstart.Events[int](func(_ context.Context, send func(int) error) error { return errors.Join(send(1), send(2)) }),
	} {
		t.Run(name, func(t *testing.T) {
			app, _ := newApp()
			redstart.Get(app, "/", redstart.NoInput(func(context.Context) (redstart.EventStream[int], error) {
				return stream.WithEventOf(func(n int) string { return fmt.Sprint("e", n) }), nil
			}))
			w := get(app, "/")
			assert.Equal(t, "text/event-stream", w.Header().Get("Content-Type"))
			var got feed
			for m, err := range sse.Read(w.Body) {
				require.NoError(t, err)
				var n int
				require.NoError(t, m.DecodeJSON(&n))
				assert.Equal(t, fmt.Sprint("e", n), m.Event)
				got = append(got, n)
			}
			assert.Equal(t, feed{1, 2}, got)
		})
	}
	app, log := newApp()
	redstart.Get(app, "/", redstart.NoInput(func(context.Context) (e redstart.EventStream[int], err error) { return e, nil }))
	assert.Equal(t, 500, get(app, "/").Code)
	assert.Contains(t, log.String(), "the event stream has no source")
}

func TestTypedHandlersShareMiddlewareAndErrors(t *testing.T) {
	app, _ := newApp()
	app.Use(mark("app"))
	outer := app.Group("/gotham", mark("outer"))
	inner := outer.Group("/districts/:district", mark("inner"))
	inner.OnError(func(_ *redstart.Request, err error) redstart.Response {
		var violations redstart.Violations
		if errors.As(err, &violations) {
			return redstart.Text(violations[0].Name)
		}
		return redstart.Text(err.Error())
	})
	redstart.Get(inner, "/crimes/:id?", func(req *redstart.Request, in *struct {
		District int `path:"district"`
		ID       int `path:"id"`
	}) (string, error) {
		if in.ID == 13 {
			panic("bad luck")
		}
		return fmt.Sprint(in.District, in.ID, req.Pattern()), nil
	}, redstart.With(mark("route")))
	w := get(app, "/gotham/districts/3/crimes/7")
	assert.Equal(t, `"3 7/gotham/districts/:district/crimes/:id?"`, w.Body.String())
	assert.Equal(t, []string{"route", "inner", "outer", "app"}, w.Header()["Trace"])
	assert.Equal(t, `"3 0/gotham/districts/:district/crimes/:id?"`, get(app, "/gotham/districts/3/crimes").Body.String())

	w = get(app, "/gotham/districts/three/crimes/7")
	assert.Equal(t, 400, w.Code)
	assert.Equal(t, "district", w.Body.String())
	assert.Equal(t, []string{"route", "inner", "outer", "app"}, w.Header()["Trace"])
	w = get(app, "/gotham/districts/3/crimes/13")
	assert.Equal(t, 500, w.Code)
	assert.Equal(t, "panic: bad luck", w.Body.String())
}

func TestTheContextOfATypedHandler(t *testing.T) {
	app, _ := newApp()
	type key struct{}
	var kept context.Context
	app.Use(func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			req.SetContext(contextWith(req, key{}, "signal"))
			return next(req)
		}
	})
	redstart.Get(app, "/", redstart.NoInput(func(ctx context.Context) (string, error) {
		assert.NoError(t, ctx.Err())
		_, bounded := ctx.Deadline()
		assert.False(t, bounded)
		inner, cancel := context.WithCancel(ctx)
		defer cancel()
		kept = inner
		return fmt.Sprint(inner.Value(key{})), nil
	}))
	assert.Equal(t, `"signal"`, get(app, "/").Body.String())
	assert.Error(t, kept.Err())
}

func TestWrongInputsPanicAtTheirLine(t *testing.T) {
	type loop struct{ Next *loop }
	for name, tt := range map[string]struct {
		register func(app *redstart.App)
		want     string
	}{
		"not in the pattern": {func(app *redstart.App) { addGet[struct {
			ID int `path:"id"`
		}](app) }, `ID the pattern has no parameter "id"`},
		"two tags": {func(app *redstart.App) { addGet[struct {
			A int `query:"a" header:"b"`
		}](app) }, "A has the tags query and header"},
		"no name": {func(app *redstart.App) { addGet[struct {
			A int `query:""`
		}](app) }, `A the tag query has no name: write query:"a"`},
		"unknown option": {func(app *redstart.App) { addGet[struct {
			A []int `query:"a,colon"`
		}](app) }, `unknown option "colon"`},
		"unsupported type": {func(app *redstart.App) { addGet[struct {
			A map[string]int `query:"a"`
		}](app) }, "A a text cannot become a map[string]int"},
		"twice": {func(app *redstart.App) { addGet[struct {
			A int `query:"a"`
			B int `query:"a"`
		}](app) }, `B and A are both query "a"`},
		"bad default": {func(app *redstart.App) { addGet[struct {
			A int `query:"a" default:"x"`
		}](app) }, `A default "x": expected an integer`},
		"required with a default": {func(app *redstart.App) { addGet[struct {
			A int `query:"a" default:"1" validate:"required"`
		}](app) }, "A is required and has a default"},
		"body of a GET": {func(app *redstart.App) { addGet[struct{ A int }](app) }, "A has no tag, and a GET has no body"},
		"body and form": {func(app *redstart.App) { addPost[struct {
			A int
			B int `form:"b"`
		}](app) }, "has fields of a form and of a JSON body"},
		"not exported": {func(app *redstart.App) { addGet[struct {
			a int `query:"a"`
		}](app) }, "a has the tag query, but is not exported"},
		"unknown rule": {func(app *redstart.App) { addGet[struct {
			A int `query:"a" validate:"fearsome"`
		}](app) }, `validate:"fearsome": Undefined validation function`},
		"rule for another type": {func(app *redstart.App) { addGet[struct {
			A bool `query:"a" validate:"min=1"`
		}](app) }, `validate:"min=1": Bad field type bool`},
		"nested unknown rule": {func(app *redstart.App) { addPost[struct {
			List []struct {
				B int `validate:"fearsome"`
			}
		}](app) }, "Undefined validation function"},
		"default out of reach": {func(app *redstart.App) { addPost[struct {
			List []struct {
				B int `default:"1"`
			}
		}](app) }, "List B has a default within a pointer, a list or a map"},
		"file that is no form's": {func(app *redstart.App) { addPost[struct{ Photo *redstart.Upload }](app) }, `Photo is a file: write form:"photo"`},
		"embedded pointer": {func(app *redstart.App) { addPost[struct{ *place }](app) }, "embed the redstart_test.place itself"},
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
				assert.Contains(t, text, "typed_test.go:", "the line")
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
