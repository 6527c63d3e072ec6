package jsonx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type textList []string

func (textList) MarshalText() ([]byte, error) { return []byte("own text"), nil }

type jsonList []string

func (jsonList) MarshalJSON() ([]byte, error) { return []byte(`"own json"`), nil }

func TestMarshal(t *testing.T) {
	var noNames []string
	var noStreets map[string]address
	for _, tc := range []struct {
		name  string
		value any
		want  string
	}{
		{"nil", nil, `null`},
		{"nil slice", noNames, `[]`},
		{"pointer to a nil slice", &noNames, `[]`},
		{"nil pointer to a slice", (*[]string)(nil), `null`},
		{"empty slice", []int{}, `[]`},
		{"slice", []int{1}, `[1]`},
		{"nil bytes", []byte(nil), `""`},
		{"nil slice further down", struct{ A [][]int }{[][]int{nil}}, `{"A":[[]]}`},
		{"nil slice in a list", [][]int{nil}, `[[]]`},
		{"nil slice in an any", []any{[]int(nil), map[string]int(nil)}, `[[],{}]`},
		{"nil bytes further down", struct{ A []byte }{}, `{"A":""}`},
		{"nil map", map[string]int(nil), `{}`},
		{"pointer to a nil map", &noStreets, `{}`},
		{"number", []any{json.Number("12345678901234567890.50"), struct{ N json.Number }{}}, `[12345678901234567890.50,{"N":0}]`},
		{"numbers as keys", map[json.Number]any{"5": 6}, `{"5":6}`},
		{"nil slice with its own text", textList(nil), `"own text"`},
		{"nil slice with its own JSON", jsonList(nil), `"own json"`},
		{"nil raw message", json.RawMessage(nil), `null`},
		{"HTML stands for itself", "<b>&", `"<b>&"`},
		{"line separators do not", "\u2028", `"\u2028"`},
		{"Chinese", "事件", `"事件"`},
		{"a string ending in a newline", "a\n", `"a\n"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Marshal(tc.value)
			require.NoError(t, err)
			assert.Equal(t, tc.want, string(got))
			got, err = Append([]byte("before "), tc.value)
			require.NoError(t, err)
			assert.Equal(t, "before "+tc.want, string(got))
		})
	}
}

func TestAppendLeavesNothingBehindOnError(t *testing.T) {
	dst := append(make([]byte, 0, 100), "before"...)
	got, err := Append(dst, map[string]any{"a": 1, "b": make(chan int)})
	require.Error(t, err)
	assert.Contains(t, err.Error(), "chan int")
	assert.Equal(t, "before", string(got))

	got, err = Append(got, 1) // The pooled encoder has to be as good as new.
	require.NoError(t, err)
	assert.Equal(t, "before1", string(got))
}

type refusing struct{}

func (refusing) MarshalJSON() ([]byte, error) { return nil, errVault }

func TestShapeOf(t *testing.T) {
	type selves struct {
		Next *selves
		At   time.Time
	}
	for _, tc := range []struct {
		name  string
		value any
		want  shape
	}{
		{"text", "", shape{}},
		{"a struct that refers to itself, and a time", selves{}, shape{}},
		{"a list of such", []selves{}, shape{}},
		{"a pointer to one", &[]*selves{}, shape{}},
		{"a map", map[string]int{}, shape{}},
		{"a list of lists", [][]int{}, shape{lists: true}},
		{"a list of raw JSON", []json.RawMessage{}, shape{}},
		{"bytes", []byte{}, shape{lists: true}},
		{"a list behind a pointer in a struct", struct{ A *struct{ B []int } }{}, shape{lists: true}},
		{"a list that is left out", struct {
			A []int `json:"-"`
			b []int
		}{}, shape{}},
		{"an any", struct{ A any }{}, shape{numbers: true, lists: true}},
		{"a Number", []json.Number{}, shape{numbers: true}},
		{"a tree", tree{}, shape{lists: true}},
	} {
		t.Run(tc.name, func(t *testing.T) { assert.Equal(t, tc.want, shapeOf(reflect.TypeOf(tc.value))) })
	}
}

// methodOfV2 has a method that encoding/json does not know.
type methodOfV2 struct{ A int }

func (methodOfV2) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteToken(jsontext.String("own v2"))
}

func TestMarshalAsksAMethodOfV2WhereverItIs(t *testing.T) {
	for _, v := range []any{[]methodOfV2{{}}, &[]methodOfV2{{}}, []any{methodOfV2{}}} {
		got, err := Marshal(v)
		require.NoError(t, err)
		assert.Equal(t, `["own v2"]`, string(got), "%T", v)
	}
}

func TestMarshalErrors(t *testing.T) {
	for _, tc := range []struct {
		name  string
		value any
		want  string
	}{
		{"a channel", make(chan int), "json: unsupported type: chan int"},
		{"further down", map[string]any{"a": []any{1, make(chan int)}}, "json: unsupported type: chan int"},
		{"not a number", struct{ F float64 }{math.NaN()}, "json: unsupported value: NaN"},
		{"its own error", []refusing{{}}, "refusing: vault is shut"},
		{"a Number that is none", json.Number("five"), `"five"`},
		{"a Number that is none, in a list", []any{json.Number("five")}, `"five" is not a number`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Marshal(tc.value)
			require.ErrorContains(t, err, tc.want)
			if tc.name == "its own error" {
				require.ErrorIs(t, err, errVault)
			}
		})
	}
}

// The bar is not zero, because under the race detector pools lose things on purpose.
func TestAppendWritesWhereItIsTold(t *testing.T) {
	dst := make([]byte, 0, 256)
	var value any = &struct {
		A int
		B string
	}{1, "x"}
	allocated := testing.AllocsPerRun(500, func() {
		got, err := Append(dst, value)
		if err != nil || &got[0] != &dst[:1][0] {
			t.Fatalf("%v, or elsewhere", err)
		}
	})
	assert.LessOrEqual(t, allocated, 1.0)
}

func TestConcurrentUse(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 200 {
				want := fmt.Sprintf(`{"i":%d,"j":%d}`, i, j)
				got, err := Marshal(map[string]int{"i": i, "j": j})
				var back map[string]any
				if err != nil || string(got) != want || Unmarshal(got, &back, false) != nil {
					t.Errorf("got %s, %v; want %s", got, err, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

type anything any

func TestUnmarshalNumbersAreExact(t *testing.T) {
	const long = "12345678901234567890.123456789"
	var v any
	require.NoError(t, Unmarshal([]byte(long), &v, false))
	assert.Equal(t, json.Number(long), v)

	var nested struct{ A map[string][]*struct{ B any } }
	require.NoError(t, Unmarshal([]byte(`{"A":{"x":[{"B":`+long+`}]}}`), &nested, false))
	assert.Equal(t, json.Number(long), nested.A["x"][0].B)

	var named struct{ A map[string]anything }
	require.NoError(t, Unmarshal([]byte(`{"A":{"x":`+long+`}}`), &named, false))
	assert.Equal(t, json.Number(long), named.A["x"])
	for input, want := range map[string]string{
		`{"A":[]}`:    "line 1, column 6: A: expected an object, got an array",
		`{"A":{}} {}`: "line 1, column 10: unexpected text after the JSON value",
		`{"B":1}`:     `unknown field "B"`,
	} {
		var fault *Error
		err := Unmarshal([]byte(input), &named, true)
		require.ErrorAs(t, err, &fault)
		require.EqualError(t, err, want)
	}

	var exact struct{ A int64 }
	require.NoError(t, Unmarshal([]byte(`{"A":9007199254740993}`), &exact, false))
	assert.EqualValues(t, 9007199254740993, exact.A)
}

type tree struct {
	Name string
	Sub  []tree
}

func TestUnmarshalRecursiveType(t *testing.T) {
	var v tree
	require.NoError(t, Unmarshal([]byte(`{"Name":"a","Sub":[{"Name":"b"}]}`), &v, false))
	assert.Equal(t, "b", v.Sub[0].Name)
}

type address struct {
	Street string `json:"street"`
	Number int8   `json:"number"`
}

type person struct {
	Name      string             `json:"name"`
	Age       uint8              `json:"age"`
	Height    float32            `json:"height"`
	Married   bool               `json:"married"`
	Addresses []address          `json:"addresses"`
	ByCity    map[string]address `json:"byCity"`
	Floors    map[int]string     `json:"floors"`
	Born      time.Time          `json:"born"`
	From      netip.Addr         `json:"from"`
	Quoted    int                `json:"quoted,string"`
	Inner     selfDecoding       `json:"inner"`
	Pointer   *int16             `json:"pointer"`
	Times     []*time.Time       `json:"times"`
	Hosts     map[netip.Addr]int `json:"hosts"`
	Photo     []byte             `json:"photo"`
	vaults
}

type vaults struct {
	Locks map[string]struct {
		Key failing `json:"key"`
	}
}

// selfDecoding decodes itself, so that the library counts from its start.
type selfDecoding struct{ V struct{ Deep int } }

func (s *selfDecoding) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &s.V) }

func TestUnmarshalErrors(t *testing.T) {
	for _, tc := range []struct {
		name, input, want string
		strict            bool
	}{
		{name: "empty", input: "", want: "the body is empty, where a JSON value was expected"},
		{name: "blank", input: " \n\t", want: "the body is empty, where a JSON value was expected"},
		{name: "text", input: "hello", want: "line 1, column 1: invalid character 'h' at start of value"},
		{name: "bad on a later line", input: "{\n  \"name\": \"事件\", x\n}", want: "line 2, column 17: invalid character 'x' at start of string (expecting '\"')"},
		{name: "cut short", input: "{\n\"name\": \"a\"", want: "line 2, column 12: the JSON ends before it is complete"},
		{name: "cut short in a string", input: `{"na`, want: "line 1, column 5: the JSON ends before it is complete"},
		{name: "text after the value", input: "{}\nfoo", want: "line 2, column 1: unexpected text after the JSON value"},
		{name: "a second value", input: "{}{}", want: "line 1, column 3: unexpected text after the JSON value"},

		{name: "invalid UTF-8", input: "{\n\"name\": \"事\xff\"}", want: "line 2, column 11: invalid UTF-8"},
		{name: "invalid UTF-8 in a key", input: "{\"n\xc3\": 1}", want: "line 1, column 4: invalid UTF-8"},
		{name: "a character cut short", input: "{\"name\": \"\xe4\xba", want: "line 1, column 11: invalid UTF-8"},
		{name: "invalid UTF-8 behind a fault", input: "{x \xff", want: "line 1, column 4: invalid UTF-8"},
		{name: "byte order mark", input: "\uFEFF{}", want: "line 1, column 1: begins with a byte order mark, which JSON does not allow"},
		{name: "UTF-16", input: "\xff\xfe{\x00}\x00", want: "line 1, column 1: invalid UTF-8"},

		{name: "string", input: `{"name": 5}`, want: "line 1, column 10: name: expected a string, got a number"},
		{name: "bool", input: `{"married":"yes"}`, want: "line 1, column 12: married: expected a boolean, got a string"},
		{name: "whole number", input: "{\n \"age\": \"old\" }", want: "line 2, column 9: age: expected a whole number, got a string"},
		{name: "fraction", input: `{"age": 1.5}`, want: "line 1, column 9: age: expected a whole number, got 1.5"},
		{name: "too large", input: `{"age": 300}`, want: "line 1, column 9: age: expected a whole number from 0 to 255, got 300"},
		{name: "negative", input: `{"age": -1}`, want: "line 1, column 9: age: expected a whole number from 0 to 255, got -1"},
		{name: "signed range", input: `{"addresses":[{"number":128}]}`, want: "line 1, column 25: addresses[0].number: expected a whole number from -128 to 127, got 128"},
		{name: "behind a pointer", input: `{"pointer":40000}`, want: "line 1, column 12: pointer: expected a whole number from -32768 to 32767, got 40000"},
		{name: "float", input: `{"height":1e99}`, want: "line 1, column 11: height: expected a number within the range of float32, got 1e99"},
		{name: "array", input: `{"addresses": {"a":1}}`, want: "line 1, column 15: addresses: expected an array, got an object"},
		{name: "object", input: `{"addresses": [{}, [1]]}`, want: "line 1, column 20: addresses[1]: expected an object, got an array"},
		{name: "deep in a list", input: "{\"addresses\": [{},\n{\"street\": \"]}\\\"\", \"number\": true}]}", want: "line 2, column 30: addresses[1].number: expected a whole number, got a boolean"},
		{name: "in a map", input: `{"byCity":{"Gotham":{"street":[]}}}`, want: "line 1, column 31: byCity.Gotham.street: expected a string, got an array"},
		{name: "a map key", input: `{"floors":{"1":"a","two":"b"}}`, want: "line 1, column 20: floors.two: expected a whole number, got two"},
		{name: "the whole", input: `[1]`, want: "line 1, column 1: expected an object, got an array"},
		{name: "a value that decodes itself", input: `{"from": 5}`, want: "line 1, column 10: from: expected a string, got a number"},
		{name: "an offset within such a value", input: `{"name":"abcdefgh","inner":{"Deep":"x"}}`, want: "line 1, column 28: inner.Deep: expected a whole number, got a string"},
		{name: "an error of such a value", input: `{"born":"yesterday"}`, want: `line 1, column 9: born: expected a time such as "2006-01-02T15:04:05Z", got "yesterday"`},
		{name: "of such a value in a list", input: `{"born":"2026-11-22T00:00:00Z","times":["2026-11-22T00:00:00Z",null,7]}`, want: `line 1, column 69: times[2]: expected a time such as "2006-01-02T15:04:05Z", got 7`},
		{name: "of such a value in a map", input: `{"Locks":{"vault":{"n":1},"gate":{"key":2}}}`, want: `line 1, column 41: Locks.gate.key: 2 does not fit: vault is shut`},
		{name: "of such a key of a map", input: `{"hosts":{"10.0.0.1":1,"x":2}}`, want: `line 1, column 24: hosts.x: "x" does not fit: ParseAddr("x"): unable to parse IP`},
		{name: "of text that decodes itself", input: `{"from":"x"}`, want: `line 1, column 9: from: "x" does not fit: ParseAddr("x"): unable to parse IP`},
		{name: "no base64", input: `{"photo": "!!"}`, want: `line 1, column 11: photo: expected base64, got "!!"`},
		{name: "beside one that only seems wrong", input: `{"quoted":"5","born":5}`, want: `line 1, column 22: born: expected a time such as "2006-01-02T15:04:05Z", got 5`},
		{name: "the first of several", input: `{"name":1,"age":"x"}`, want: "line 1, column 9: name: expected a string, got a number"},

		{name: "unknown field", strict: true, input: "{\"name\":\"a\",\n\"extra\":1}", want: `line 2, column 1: unknown field "extra"`},
		{name: "unknown field with the name of a known key", strict: true, input: `{"byCity":{"extra":{}},"extra":1}`, want: `line 1, column 24: unknown field "extra"`},
		{name: "a misfit and no JSON", input: `{"age":"x", "name"}`, want: `line 1, column 19: invalid character '}' after object name (expecting ':')`},
		{name: "a number in quotes that is none", input: `{"quoted":"x"}`, want: `line 1, column 11: quoted: expected a whole number, got a string`},
		{name: "a number in quotes without them", input: `{"quoted":5}`, want: `line 1, column 11: quoted: expected a number in quotes, got 5`},
		{name: "strict and wrong", strict: true, input: `{"age":"x"}`, want: "line 1, column 8: age: expected a whole number, got a string"},
		{name: "strict and trailing", strict: true, input: "{} \n x", want: "line 2, column 2: unexpected text after the JSON value"},
		{name: "strict and cut", strict: true, input: `{"age":`, want: "line 1, column 8: the JSON ends before it is complete"},
		{name: "strict and broken", strict: true, input: `{"age":?}`, want: "line 1, column 8: invalid character '?' at start of value"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var v person
			err := Unmarshal([]byte(tc.input), &v, tc.strict)
			require.EqualError(t, err, tc.want)
			if tc.name == "empty" || tc.name == "blank" {
				require.ErrorIs(t, err, ErrEmpty)
				return
			}
			var fault *Error
			require.ErrorAs(t, err, &fault)
			assert.Error(t, fault.Unwrap())
		})
	}
}

func TestUnmarshalTellsAMisfitFromBrokenJSON(t *testing.T) {
	for _, tc := range []struct {
		name, input string
		misfit      bool
	}{
		{"wrong type", `{"age":"x"}`, true},
		{"wrong type in a value that decodes itself", `{"name":"abcdefgh","inner":{"Deep":"x"}}`, true},
		{"a value that decodes itself", `{"born":"yesterday"}`, true},
		{"unknown field", `{"extra":1}`, true},
		{"unknown field with the name of a known key", `{"byCity":{"extra":{}},"extra":1}`, true},
		{"syntax", `{"age":?}`, false},
		{"cut", `{"age":`, false},
		{"trailing", `{} {}`, false},
		{"invalid UTF-8", "{\"name\":\"\xff\"}", false},
		{"byte order mark", "\uFEFF{}", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var v person
			var fault *Error
			require.ErrorAs(t, Unmarshal([]byte(tc.input), &v, true), &fault)
			assert.Equal(t, tc.misfit, fault.Misfit)
		})
	}
}

func TestUnmarshalLeavesReplacementsAlone(t *testing.T) {
	var v []string
	require.NoError(t, Unmarshal([]byte(`["\ud800","`+"\uFFFD\uFEFF"+`"]`), &v, false))
	assert.Equal(t, []string{"\uFFFD", "\uFFFD\uFEFF"}, v, "a lone surrogate escape is text")
}

func TestUnmarshalErrorsAreTheSameWithAny(t *testing.T) {
	for _, input := range []string{"", "x", "{", `{"a"}`, "[1,]", "{} {}", "\"a", "[\n1\n2]", "nul", "1 2"} {
		var typed map[string]string
		var loose any
		want := Unmarshal([]byte(input), &typed, false)
		got := Unmarshal([]byte(input), &loose, false)
		require.Error(t, want, input)
		assert.EqualError(t, got, want.Error(), input)
	}
}

func TestUnmarshalIntoNoPointer(t *testing.T) {
	for _, v := range []any{nil, person{}, (*person)(nil)} {
		var wrong *json.InvalidUnmarshalError
		require.ErrorAs(t, Unmarshal([]byte(`{}`), v, false), &wrong)
		require.ErrorAs(t, Unmarshal([]byte(`{}`), v, true), &wrong)
	}
}

type failing struct{}

func (f *failing) UnmarshalJSON([]byte) error { return errVault }

var errVault = errors.New("vault is shut")

func TestUnmarshalKeepsTheCause(t *testing.T) {
	var v struct{ A failing }
	err := Unmarshal([]byte(`{"A":1}`), &v, false)
	require.ErrorIs(t, err, errVault)
	assert.EqualError(t, err, "line 1, column 6: A: 1 does not fit: vault is shut")
}

// What encoding/json passes over in a type costs nothing until the input asks for it,
// and is not the sender's fault then.
func TestUnmarshalIntoATypeThatIsWrong(t *testing.T) {
	var v struct {
		Name   string
		Closed struct{ name string }
		Face   fmt.Stringer
	}
	require.NoError(t, Unmarshal([]byte(`{"Name":"a","Closed":null}`), &v, false))
	assert.Equal(t, "a", v.Name)
	require.NoError(t, Unmarshal([]byte(`{"Closed":{}}`), &v, false))
	err := Unmarshal([]byte(`{"Face":"x"}`), &v, false)
	require.ErrorContains(t, err, "json: ")
	_, theirs := Describe(err)
	assert.False(t, theirs, err)
	got, err := Marshal(v)
	require.NoError(t, err)
	assert.Equal(t, `{"Name":"a","Closed":{},"Face":null}`, string(got))
}

type serial int

// The library refuses such types; programs that have them work all the same. They are made
// here, since vet would find some of them in a program.
func TestUnmarshalIntoTypesThatEncodingJSONOverlooks(t *testing.T) {
	of := func(name string, v any, tag reflect.StructTag) reflect.Type {
		return reflect.StructOf([]reflect.StructField{
			{Name: name, Type: reflect.TypeOf(v), Tag: tag}, {Name: "Beside", Type: reflect.TypeFor[int](), Tag: `json:"beside"`},
		})
	}
	for name, tc := range map[string]struct {
		t     reflect.Type
		input string
		want  string // the first field
	}{
		"a blank in the tag":        {of("A", 0, `json:"a, omitempty"`), `{"a":7}`, "7"},
		"a comma at its end":        {of("A", 0, `json:"a,"`), `{"a":7}`, "7"},
		"an option with a typo":     {of("A", 0, `json:"a,omitEmpty"`), `{"a":7}`, "7"},
		"a list as a string":        {of("A", []int{}, `json:"a,string"`), `{"a":[7]}`, "[7]"},
		"a time as a string":        {of("A", time.Time{}, `json:"a,string"`), `{"a":"2026-11-22T10:00:00Z"}`, "2026-11-22 10:00:00 +0000 UTC"},
		"embedded, and no struct":   {reflect.TypeFor[struct{ serial }](), `{}`, "0"},
		"names that differ in case": {of("A", 0, `json:"BESIDE"`), `{"Beside":7}`, "7"},
		"one name for both":         {of("A", 0, `json:"beside"`), `{"beside":7}`, "0"},
		"no exported field":         {of("A", struct{ a int }{}, ``), `{"A":{"a":1}}`, "{0}"},
	} {
		t.Run(name, func(t *testing.T) {
			v := reflect.New(tc.t)
			require.NoError(t, Unmarshal([]byte(tc.input), v.Interface(), false))
			assert.Equal(t, tc.want, fmt.Sprint(v.Elem().Field(0)))
		})
	}

	blank := of("A", uint8(0), `json:"a, omitempty"`)
	for input, want := range map[string]string{
		`{"a":"x"}`: "line 1, column 6: expected a whole number, got a string",
		`{"a":300}`: "line 1, column 6: expected a whole number from 0 to 255, got 300",
		`{"b":1}`:   `unknown field "b"`,
	} {
		err := Unmarshal([]byte(input), reflect.New(blank).Interface(), true)
		text, theirs := Describe(err)
		assert.True(t, theirs, err)
		assert.Contains(t, strings.Replace(text, "a: ", "", 1), want)
	}
}

// What a client sent wrong is never an error of the program's.
func TestUnmarshalBlamesTheInput(t *testing.T) {
	for input, want := range map[string]string{
		`{"N":"x"}`:   `line 1, column 6: N: "x" does not fit: expected a number`,
		`{"N":true}`:  "line 1, column 6: N: expected a number, got a boolean",
		`{"B":"yes"}`: "line 1, column 6: B: expected a boolean, got a string",
		`{"B":true}`:  "line 1, column 6: B: expected a boolean in quotes, got true",
	} {
		var v struct {
			N json.Number
			B bool `json:",string"`
		}
		text, theirs := Describe(Unmarshal([]byte(input), &v, false))
		assert.True(t, theirs, input)
		assert.Equal(t, "the JSON body does not fit: "+want, text)
	}
}

func TestErrorsHaveTheWayTakenApart(t *testing.T) {
	for input, want := range map[string][]string{
		`{"byCity":{"gotham.city[1]":{"number":"x"}}}`: {"byCity", "gotham.city[1]", "number"},
		`{"addresses":[{},{"number":"x"}]}`:            {"addresses", "1", "number"},
		`{"inner":{"Deep":"x"}}`:                       {"inner", "Deep"},
		`[1]`:                                          nil,
	} {
		var v person
		fault, ok := errors.AsType[*Error](Unmarshal([]byte(input), &v, false))
		require.True(t, ok, input)
		assert.Equal(t, want, fault.Keys)
	}
}

func TestErrorsRepeatLittle(t *testing.T) {
	long := strings.Repeat("7", 1e5)
	for _, input := range []string{
		`{"byCity":{"` + long + `":5}}`, `{"` + long + `":5}`, `{"age":` + long + `}`, `{"floors":{"` + long + `":5}}`, `{"inner":{"Deep":` + long + `}}`,
		`{"from":"` + long + `"}`, `{"born":"` + long + `"}`, `{"photo":"!` + long + `"}`, `{"hosts":{"` + long + `":5}}`,
	} {
		var v person
		err := Unmarshal([]byte(input), &v, true)
		require.Error(t, err)
		assert.Less(t, len(err.Error()), 700, input[:20])
	}
}

// A way that is written for each value on the way to the wrong one took a minute for a
// body of 1 MB.
func TestTheWayIsWrittenOnce(t *testing.T) {
	const deep, many = 100, 10_000
	data := []byte(strings.Repeat("[", deep) + strings.Repeat("1,", many) + "2" + strings.Repeat("]", deep))
	allocated := testing.AllocsPerRun(1, func() {
		_, path, _ := locate(data, bytes.IndexByte(data, '2'))
		assert.Equal(t, strings.Repeat("[0]", deep-1)+"[10000]", path)
	})
	assert.Less(t, allocated, float64(many/10))
}

func FuzzUnmarshal(f *testing.F) {
	for _, seed := range []string{
		`{"name":"a","age":3,"addresses":[{"street":"x","number":1}],"byCity":{"a":{"number":999}}}`,
		`[[[{"a":[`, `{"a":"\"]}"}`, `{"\u0061ge":"x"}`, `{"floors":{"x":"y"}}`, `{"age":-}`, "\xff", `{"extra":{"extra":1}}`, `"\`,
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, input []byte, strict bool) {
		var v person
		err := Unmarshal(input, &v, strict)
		if err == nil {
			require.True(t, json.Valid(input))
			return
		}
		walk(input, func(token, []level) bool { return true })
		fault, ok := errors.AsType[*Error](err)
		if !ok {
			require.ErrorIs(t, err, ErrEmpty)
			return
		}
		require.NotEmpty(t, fault.Reason)
		require.LessOrEqual(t, fault.Line, bytes.Count(input, []byte("\n"))+1)
		require.LessOrEqual(t, fault.Column, len(input)+1)
	})
}

func BenchmarkUnmarshal(b *testing.B) {
	input := []byte(`{"name":"` + strings.Repeat("x", 700) + `","addresses":[{"street":"a","number":1},{"street":"b","number":2}]}`)
	b.Run("typed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v person
			if err := Unmarshal(input, &v, false); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("strict", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v person
			if err := Unmarshal(input, &v, true); err != nil {
				b.Fatal(err)
			}
		}
	})
}
