package bind

import (
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPresent(t *testing.T) {
	const body = ` { "a" : 1 , "b" : { "c" : [ { } , {"d":"x,]}\"","e":null} ] }, "n" : null, "\u0066" : 0, "g" : 1, "G": null, "":2}`
	for where, want := range map[string]bool{
		"a": true, "A": true, "b": true, "b/c": true, "b/c/0": true, "b/c/1/d": true, "b/c/1/e": false, "b/c/2": false, "b/c/x": false,
		"b/c/-1": false, "n": false, "f": true, "z": false, "a/b": false, "b/c/1/d/e": false, "b/C/1/D": true, "": true,
	} {
		keys := strings.Split(where, "/")
		searching := filling{body: []byte(body)}
		decoding := filling{body: []byte(body), searched: 100}
		assert.Equal(t, want, searching.present(keys), "searched %s", where)
		assert.Equal(t, want, decoding.present(keys), "decoded %s", where)
		assert.False(t, searching.documented)
		assert.True(t, decoding.documented)
	}
}

// Searching finds what decoding finds.
func FuzzPresent(f *testing.F) {
	f.Add(`{"a":[{"b":"}"}]}`, "a/0/b")
	f.Add(`[1,"\\",{"x":null}]`, "2/x")
	f.Add(`{"a":{"b":1},"c":"\u0061"}`, "a/b")
	f.Fuzz(func(t *testing.T, body, where string) {
		keys := strings.Split(where, "/")
		searching := filling{body: []byte(body)}
		got := searching.present(keys)
		var document any
		if json.Unmarshal([]byte(body), &document) != nil || ambiguous(document) || len(body) > 1000 {
			return
		}
		if once, err := json.Marshal(document); err != nil || tokens(string(once)) != tokens(body) {
			return // a name is there twice
		}
		decoding := filling{body: []byte(body), searched: 100}
		require.Equal(t, decoding.present(keys), got, "%s in %s", where, body)
	})
}

func tokens(text string) (n int) {
	for decoder := json.NewDecoder(strings.NewReader(text)); ; n++ {
		if _, err := decoder.Token(); err != nil {
			return n
		}
	}
}

// ambiguous says whether names differ by their case only, for which a map has no
// order, or are no plain letters.
func ambiguous(document any) bool {
	switch node := document.(type) {
	case map[string]any:
		seen := map[string]bool{}
		for name, value := range node {
			folded := strings.ToLower(name)
			if seen[folded] || ambiguous(value) || strings.ContainsFunc(name, func(r rune) bool { return r > 127 }) {
				return true
			}
			seen[folded] = true
		}
	case []any:
		for _, value := range node {
			if ambiguous(value) {
				return true
			}
		}
	}
	return false
}

func TestViolationsAreBounded(t *testing.T) {
	type item struct {
		A int    `json:"a" validate:"required"`
		B string `json:"b" validate:"email"`
		C int    `json:"c" validate:"max=1"`
	}
	for _, element := range []string{`{}`, `{"a":1,"b":"x"}`, `{"a":1,"b":""}`, `{"a":1,"c":2}`} {
		body := "[" + strings.Repeat(element+",", 9999) + element + "]"
		_, violations := fill[[]item](t, &request{body: body})
		assert.GreaterOrEqual(t, len(violations), maxViolations, element)
		assert.Less(t, len(violations), maxViolations+10, element)
	}
	_, violations := fill[[]item](t, &request{body: "[" + strings.Repeat(`{"a":1},`, 9999) + `{"a":0,"b":""}]`})
	require.Len(t, violations, 1, "zero, and there")
	assert.Equal(t, "#/9999/b", violations[0].Pointer)
	assert.Equal(t, "email", violations[0].Rule)
}

// grim is never right.
type grim string

func (grim) Validate() error { return errors.New("is odd") }

// well is as deep as a client makes it.
type well struct {
	Down  []well `json:"down"`
	Depth int    `json:"depth" validate:"max=5"`
}

type cave struct {
	Down []cave `json:"down"`
}

func (*cave) Validate() error { return errors.New("is odd") }

func TestViolationsOfParametersAndDepthsAreBounded(t *testing.T) {
	_, violations := fill[struct {
		A []grim `query:"a"`
	}](t, &request{query: url.Values{"a": slices.Repeat([]string{"x"}, 9999)}})
	assert.Len(t, violations, maxViolations)

	const deep = 2000
	size := func(violations []Violation) (n int) {
		for _, v := range violations {
			n += len(v.Pointer)
		}
		return n
	}
	_, violations = fill[well](t, &request{body: strings.Repeat(`{"depth":9,"down":[`, deep) + strings.Repeat("]}", deep)})
	assert.NotEmpty(t, violations)
	assert.Less(t, size(violations), maxPointers+deep*len("/down/0"))
	_, violations = fill[cave](t, &request{body: strings.Repeat(`{"down":[`, deep) + strings.Repeat("]}", deep)})
	assert.NotEmpty(t, violations)
	assert.Less(t, size(violations), maxPointers+deep*len("/down/0"))
}

func TestMapsWithOtherKeysThanTextsAreGoneInto(t *testing.T) {
	type room struct {
		Name string `json:"name" validate:"required"`
		Kind grim   `json:"kind"`
	}
	type house struct {
		Floors map[int]room        `json:"floors"`
		Hosts  map[netip.Addr]room `json:"hosts"`
		Texts  map[string]int      `json:"texts"`
		Rooms  map[string]room     `json:"rooms"`
	}
	for body, want := range map[string]string{
		`{"floors":{"7":{"kind":"x"}}}`:             "#/floors/7/name required",
		`{"floors":{"-7":{"name":"a","kind":"x"}}}`: "#/floors/-7/kind valid",
		`{"hosts":{"10.0.0.1":{"kind":"x"}}}`:       "#/hosts/10.0.0.1/name required",
		`{"hosts":{"::1":{"name":"a","kind":"x"}}}`: "#/hosts/::1/kind valid",
		`{"rooms":{"":{"name":"","kind":"x"}}}`:     "#/rooms//kind valid",
		`{"texts":{"api.gotham.city/a":"x"}}`:       "#/texts/api.gotham.city~1a type",
	} {
		_, violations := fill[house](t, &request{body: body})
		require.Len(t, violations, 1, body)
		assert.Equal(t, want, violations[0].Pointer+" "+violations[0].Rule)
	}
}

func TestZeroValuesThatWereGivenAreForTheLibraryToo(t *testing.T) {
	type input struct {
		Email string   `json:"email" validate:"email"`
		Ptr   *string  `json:"ptr" validate:"email"`
		Lines []string `json:"lines" validate:"dive,alpha"`
		Mail  string   `query:"mail" validate:"email"`
	}
	for body, want := range map[string][]string{
		`{}`: nil, `{"email":null,"ptr":null,"lines":null}`: nil, `{"email":"a@b.de","ptr":"a@b.de","lines":["a"]}`: nil,
		`{"email":""}`: {"#/email"}, `{"ptr":""}`: {"#/ptr"}, `{"lines":["a",""]}`: {"#/lines/1"}, `{"lines":[]}`: nil,
	} {
		_, violations := fill[input](t, &request{body: body})
		var got []string
		for _, v := range violations {
			got = append(got, v.Pointer)
		}
		assert.Equal(t, want, got, body)
	}
	_, violations := fill[input](t, &request{body: `{}`, query: map[string][]string{"mail": {""}}})
	require.Len(t, violations, 1)
	assert.Equal(t, "mail", violations[0].Name)
}

// Absent optional fields cost no second decoding.
func BenchmarkAbsent(b *testing.B) {
	type input struct {
		Kind  string `json:"kind" validate:"required"`
		Email string `json:"email" validate:"email"`
		Count int    `json:"count" validate:"min=1"`
	}
	in, err := Compile(reflect.TypeFor[input](), Config{})
	require.NoError(b, err)
	r := &request{body: `{"kind":"` + strings.Repeat("x", 1000) + `"}`}
	b.ReportAllocs()
	for b.Loop() {
		var v input
		if violations, err := in.Fill(reflect.ValueOf(&v).Elem(), r); len(violations) > 0 || err != nil {
			b.Fatal(violations, err)
		}
	}
}
