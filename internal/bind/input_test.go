package bind

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// request is a Source made of maps.
type request struct {
	path, cookies map[string]string
	query, form   url.Values
	header        http.Header
	body          string
	bodyErr       error
}

func (r *request) Context() context.Context               { return context.Background() }
func (r *request) Path(name string) string                { return r.path[name] }
func (r *request) Query() (url.Values, error)             { return r.query, nil }
func (r *request) Header() http.Header                    { return r.header }
func (r *request) Cookie(name string) (v string, ok bool) { v, ok = r.cookies[name]; return v, ok }
func (r *request) Form() (url.Values, error)              { return r.form, nil }
func (r *request) Files(string, reflect.Value) int        { return 0 }
func (r *request) IsForm() (bool, error)                  { return r.form != nil, nil }
func (r *request) Body() ([]byte, error)                  { return []byte(r.body), r.bodyErr }
func (r *request) Raw(reflect.Value)                      {}

func fill[T any](t *testing.T, r *request) (T, []Violation) {
	t.Helper()
	in, err := Compile(reflect.TypeFor[T](), Config{Method: "POST", AnyParams: true, Violations: func(error) ([]Violation, bool) { return nil, false }})
	require.NoError(t, err)
	var v T
	violations, err := in.Fill(reflect.ValueOf(&v).Elem(), r)
	require.NoError(t, err)
	return v, violations
}

func TestDefaultsOfTheBody(t *testing.T) {
	type address struct {
		City string `json:"city" default:"Gotham"`
	}
	type input struct {
		Limit   int           `json:"limit" default:"20" validate:"min=1"`
		Kinds   []string      `json:"kinds" default:"arson,riddle"`
		Wait    time.Duration `json:"wait" default:"3s"`
		Address address       `json:"address"`
		Page    *int          `json:"page" default:"1"`
	}
	one, two := 1, 2
	v, violations := fill[input](t, &request{body: `{}`})
	assert.Empty(t, violations)
	assert.Equal(t, input{20, []string{"arson", "riddle"}, 3 * time.Second, address{"Gotham"}, &one}, v)
	v, violations = fill[input](t, &request{body: `{"limit":3,"kinds":[],"address":{"city":"Metropolis"},"page":2}`})
	assert.Empty(t, violations)
	assert.Equal(t, input{3, []string{}, 3 * time.Second, address{"Metropolis"}, &two}, v)
	v, violations = fill[input](t, &request{})
	assert.Empty(t, violations, "nothing is required, so that the body may be absent")
	assert.Equal(t, 20, v.Limit)
	_, violations = fill[input](t, &request{body: `{"limit":0}`})
	assert.Len(t, violations, 1)
}

// Types that refer to themselves end somewhere.
func TestTypesThatReferToThemselves(t *testing.T) {
	type node struct {
		Name     string           `json:"name" validate:"required,max=3"`
		Email    string           `json:"email" validate:"email"`
		Children []node           `json:"children"`
		ByName   map[string]*node `json:"byName"`
	}
	_, violations := fill[node](t, &request{body: `{"name":"a","children":[{"name":"b","children":[{"name":"long"},{"email":"x"}]}],"byName":{"x/y":{}}}`})
	var places []string
	for _, v := range violations {
		places = append(places, v.Pointer+" "+v.Rule)
	}
	assert.ElementsMatch(t, []string{
		"#/children/0/children/0/name max=3", "#/children/0/children/1/name required",
		"#/children/0/children/1/email email", "#/byName/x~1y/name required",
	}, places)
}

func TestABodyThatIsNoStruct(t *testing.T) {
	type item struct {
		Email string `json:"email" validate:"required,email"`
	}
	for name, violations := range map[string]func(body string) []Violation{
		"pointer": func(body string) []Violation { _, v := fill[*item](t, &request{body: body}); return v },
		"struct":  func(body string) []Violation { _, v := fill[item](t, &request{body: body}); return v },
		"list":    func(body string) []Violation { _, v := fill[[]item](t, &request{body: "[" + body + "]"}); return v },
		"map": func(body string) []Violation {
			_, v := fill[map[string]*item](t, &request{body: `{"0":` + body + "}"})
			return v
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Empty(t, violations(`{"email":"a@b.de"}`))
			for body, rule := range map[string]string{`{"email":"x"}`: "email", `{}`: "required"} {
				got := violations(body)
				require.Len(t, got, 1)
				assert.Equal(t, rule, got[0].Rule)
				assert.Contains(t, []string{"#/email", "#/0/email"}, got[0].Pointer)
			}
		})
	}
	_, violations := fill[*item](t, &request{body: "null"})
	assert.Empty(t, violations, "null is a pointer's value")
	_, violations = fill[int](t, &request{body: `"x"`})
	assert.Len(t, violations, 1)
}

func TestNamesInTheBodyCountWhateverTheirCase(t *testing.T) {
	type input struct {
		Open bool `json:"open" validate:"required"`
	}
	_, violations := fill[input](t, &request{body: `{"OPEN":false}`})
	assert.Empty(t, violations, "encoding/json takes it, too")
}

func TestRelationsBetweenFieldsCountForWhatIsAbsent(t *testing.T) {
	type input struct {
		Password string `json:"password" validate:"required,min=3"`
		Again    string `json:"again" validate:"eqfield=Password"`
		Reason   string `json:"reason" validate:"required_without=Again"`
		From     int    `query:"from"`
		To       int    `query:"to" validate:"gtfield=From"`
	}
	_, violations := fill[input](t, &request{body: `{"password":"secret"}`, query: url.Values{"from": {"3"}}})
	var texts []string
	for _, v := range violations {
		texts = append(texts, v.String())
	}
	assert.ElementsMatch(t, []string{
		`body field "/again" must be the same as password`, `body field "/reason" is required without again`,
		`query parameter "to" must be greater than from`,
	}, texts)
}

type ordered struct {
	Kind  level   `json:"kind"`
	Inner *middle `json:"inner"`
	Size  int     `json:"size" validate:"max=9"`
}

type middle struct{ fails error }

func (m *middle) UnmarshalJSON([]byte) error { m.fails = errInner; return nil }
func (m *middle) Validate() error            { return m.fails }

type level string

func (l level) Validate() error {
	if l == "odd" {
		return errOdd
	}
	return nil
}

func (o *ordered) Validate(ctx context.Context) error {
	if ctx == nil {
		return errors.New("no context")
	}
	return errOuter
}

var (
	errInner = errors.New("is wrong inside")
	errOuter = errors.New("is wrong as a whole")
	errOdd   = errors.New("is odd")
)

func TestValidateMethodsAreAskedFromTheInsideOut(t *testing.T) {
	_, violations := fill[ordered](t, &request{body: `{"kind":"odd","inner":{}}`})
	var got []string
	for _, v := range violations {
		got = append(got, v.Pointer+" "+v.Detail)
	}
	assert.Equal(t, []string{"#/kind is not valid: is odd", "#/inner is not valid: is wrong inside", "# is wrong as a whole"}, got)
	_, violations = fill[ordered](t, &request{body: `{"size":10}`})
	require.Len(t, violations, 1, "they are not asked about a value that breaks its rules")
	assert.Equal(t, "#/size", violations[0].Pointer)
}

type conflicting struct{ A int }

type conflict struct{ error }

func (conflict) StatusCode() int { return 409 }

func (conflicting) Validate() error { return conflict{errors.New("taken")} }

func TestAValidateMethodMayFailOtherwise(t *testing.T) {
	in, err := Compile(reflect.TypeFor[conflicting](), Config{Violations: func(error) ([]Violation, bool) { return nil, false }})
	require.NoError(t, err)
	_, err = in.Fill(reflect.New(in.Type).Elem(), &request{body: `{}`})
	assert.ErrorAs(t, err, &conflict{})
}

func TestTheErrorOfTheBodyGoesThrough(t *testing.T) {
	in, err := Compile(reflect.TypeFor[conflicting](), Config{})
	require.NoError(t, err)
	_, err = in.Fill(reflect.New(in.Type).Elem(), &request{bodyErr: errInner})
	assert.ErrorIs(t, err, errInner)
}

func TestADocumentCanBeMadeOfAnInput(t *testing.T) {
	type paging struct {
		Limit int `query:"limit" default:"20" validate:"min=1,max=100"`
	}
	type input struct {
		paging
		ID    int      `path:"id"`
		Tags  []string `query:"tag,comma"`
		Badge string   `header:"x-badge" validate:"required"`
		Kind  string   `json:"kind" validate:"required,oneof=a b" doc:"what it was"`
		Note  *string
		Skip  string `json:"-"`
	}
	in, err := Compile(reflect.TypeFor[input](), Config{Params: []string{"id"}})
	require.NoError(t, err)
	var params []string
	for _, p := range in.Params {
		params = append(params, string(p.In)+" "+p.Name)
	}
	assert.Equal(t, []string{"query limit", "path id", "query tag", "header X-Badge"}, params)
	limit, id, tags, header := in.Params[0], in.Params[1], in.Params[2], in.Params[3]
	assert.Equal(t, []any{"20", true, false, "min=1,max=100", reflect.TypeFor[int]()}, []any{limit.Default, limit.HasDefault, limit.Required, limit.Rules, limit.Type})
	assert.True(t, id.Required)
	assert.True(t, tags.List && tags.Comma)
	assert.True(t, header.Required)
	require.Len(t, in.Body.Fields, 2)
	assert.True(t, in.Body.Required)
	assert.Equal(t, "kind", in.Body.Fields[0].Name)
	assert.Equal(t, "what it was", in.Body.Fields[0].Struct.Tag.Get("doc"))
	assert.Equal(t, "Note", in.Body.Fields[1].Name)

	list, err := Compile(reflect.TypeFor[[]input](), Config{})
	require.NoError(t, err)
	assert.Nil(t, list.Body.Fields)
	assert.True(t, list.Body.Required)
	none, err := Compile(reflect.TypeFor[struct{}](), Config{Method: "GET"})
	require.NoError(t, err)
	assert.Nil(t, none.Body)
}

// The decoder works on the value itself, under another type.
func TestTheShadowHasTheLayoutOfItsStruct(t *testing.T) {
	type inner struct {
		A bool `query:"a"`
		B string
		c int32
	}
	type outer struct {
		inner
		X int8       `query:"x"`
		Y complex128 `json:"-"`
		Z func()     `json:"-"`
		W any        `header:"w"`
		V [3]byte    `cookie:"v"`
		U map[string]int
		T time.Time
		S json.RawMessage
		_ struct{}
		R struct{} `json:"-"`
	}
	original := reflect.TypeFor[outer]()
	copied := shadow(original, &compiler{})
	require.Equal(t, original.Size(), copied.Size())
	require.Equal(t, original.Align(), copied.Align())
	for i := range original.NumField() {
		assert.Equal(t, original.Field(i).Offset, copied.Field(i).Offset, original.Field(i).Name)
	}
	assert.Zero(t, inner{}.c)
	first, second := original.Field(0).Type, copied.Field(0).Type
	for i := range first.NumField() {
		assert.Equal(t, first.Field(i).Offset, second.Field(i).Offset)
	}
}

// FuzzBody holds what a body can set against what it must not.
func FuzzBody(f *testing.F) {
	type inner struct {
		Secret string `header:"X-Secret"`
		Open   string
	}
	type place struct{ Street string }
	type input struct {
		inner
		Admin bool               `query:"admin"`
		Owner *int               `cookie:"owner"`
		Name  string             `json:"name" validate:"required,max=8"`
		More  map[string][]place `json:"more"`
	}
	in, err := Compile(reflect.TypeFor[input](), Config{})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		`{"name":"a","Secret":"x","Admin":true,"Owner":1}`, `{"inner":{"Secret":"x"},"Hidden_0":"x","hidden_1":[1]}`,
		`{"name":null,"more":{"a":[{}]}}`, `[]`, `null`, `{`, `{"name":"123456789"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var v input
		violations, err := in.Fill(reflect.ValueOf(&v).Elem(), &request{body: body})
		require.NoError(t, err)
		require.Empty(t, v.Secret)
		require.False(t, v.Admin)
		require.Nil(t, v.Owner)
		for _, violation := range violations {
			require.NotEmpty(t, violation.String())
		}
		if len(violations) == 0 {
			require.LessOrEqual(t, len([]rune(v.Name)), 8)
		}
	})
}
