package bind

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	playground "github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is checked here has to mean what it means to the library.
func TestChecksAgreeWithTheLibrary(t *testing.T) {
	library := playground.New()
	values := []any{
		"", "a", "ab", "犯罪", "arson", "3", "abc", 0, 1, 2, 3, -5, int8(3), int64(math.MinInt64), uint(0), uint(3), uint16(4), uint64(math.MaxUint64),
		0.0, 2.5, 3.0, -1e300, []int(nil), []int{}, []int{1, 2, 3}, []string{"a", "b"}, map[string]int{"a": 1}, [3]bool{},
	}
	natively := 0
	for _, name := range []string{"min", "max", "gt", "gte", "lt", "lte", "len", "eq", "ne", "oneof"} {
		for _, param := range []string{"3", "2", "0", "-1", "arson riddle", "2.5"} {
			for _, v := range values {
				rule := name + "=" + param
				holds := predicate(reflect.TypeOf(v), name, param)
				if holds == nil {
					continue
				}
				natively++
				want := library.Var(v, rule) == nil
				assert.Equal(t, want, holds(reflect.ValueOf(v)), "%T(%v) %s", v, v, rule)
			}
		}
	}
	assert.Greater(t, natively, 300)
}

func TestOmitemptyIsTheLibrarys(t *testing.T) {
	type s struct {
		A int    `validate:"omitempty,min=3"`
		B *int   `validate:"omitempty,min=3"`
		C string `validate:"omitempty,len=2"`
		D []int  `validate:"omitempty,min=1"`
	}
	library := playground.New()
	zero, five := 0, 5
	for _, v := range []s{{}, {A: 1}, {A: 3}, {B: &zero}, {B: &five}, {C: "a"}, {C: "ab"}, {D: []int{}}, {D: []int{1}}} {
		want := map[string]bool{}
		if faults, ok := library.Struct(v).(playground.ValidationErrors); ok {
			for _, fault := range faults {
				want[fault.Field()] = true
			}
		}
		got := map[string]bool{}
		for f := range fieldsOf(reflect.TypeOf(v)) {
			checks, ok := checksOf(f)
			require.True(t, ok)
			if broken(checks, reflect.ValueOf(v).FieldByIndex(f.Index)) != nil {
				got[f.Name] = true
			}
		}
		assert.Equal(t, want, got, "%+v", v)
	}
}

func TestRulesOf(t *testing.T) {
	for tag, want := range map[string]struct {
		rest     string
		required bool
	}{
		"": {"", false}, "required": {"", true}, "required,min=1": {"min=1", true}, "min=1,required": {"min=1", true},
		"dive,required": {"dive,required", false}, "required,dive,required": {"dive,required", true},
		"required_if=A 1": {"required_if=A 1", false}, "required|email": {"required|email", false}, "-": {"-", false},
	} {
		rest, required := rulesOf(reflect.StructField{Tag: reflect.StructTag(fmt.Sprintf("validate:%q", tag))})
		assert.Equal(t, want.rest, rest, tag)
		assert.Equal(t, want.required, required, tag)
	}
}

// Every rule of the library has words, and a rule of the program's own is named.
func TestMessages(t *testing.T) {
	for _, tt := range []struct {
		tag, param string
		of         any
		want       string
	}{
		{"min", "1", "", "must have at least 1 character"}, {"min", "2", "", "must have at least 2 characters"},
		{"max", "3", []int{}, "must have at most 3 elements"}, {"gt", "0", 0, "must be more than 0"}, {"lt", "1.5", 0.0, "must be less than 1.5"},
		{"len", "3", "", "must have exactly 3 characters"}, {"oneof", "a b c", "", "must be one of a, b or c"}, {"oneof", "a", "", "must be a"},
		{"eqfield", "Password", "", "must be the same as Password"}, {"email", "", "", "must be an email address"},
		{"fearsome", "very", "", `breaks the rule "fearsome=very"`}, {"fearsome", "", "", `breaks the rule "fearsome"`},
	} {
		assert.Equal(t, tt.want, message(tt.tag, tt.param, reflect.TypeOf(tt.of)))
	}
	assert.Equal(t, "must be in the future", message("gt", "", timeType))
	assert.NotPanics(t, func() { message("min", "1", nil) })
	assert.Equal(t, "2026-11-22T10:00:00Z", simple(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)), "as it is sent")
}

func FuzzSetters(f *testing.F) {
	for _, seed := range []string{"", "1", "-1", "300", "1e9", "NaN", "true", "2026-11-22", "2026-11-22T10:00:00Z", "1h", "+Inf", "0x10", "\xff"} {
		f.Add(seed)
	}
	type all struct {
		I  int8
		U  uint8
		F  float32
		B  bool
		P  *int
		L  []int16
		S  string
		PS *string
	}
	f.Fuzz(func(t *testing.T, text string) {
		v := reflect.New(reflect.TypeFor[all]()).Elem()
		for field := range fieldsOf(v.Type()) {
			p := Field{In: Query, Name: "x", Type: field.Type}
			require.NoError(t, (&compiler{}).textField(&p))
			problem, _ := p.assign(v.FieldByIndex(field.Index), []string{text})
			if problem != "" {
				require.True(t, (strings.Contains(problem, "expected") || !utf8.ValidString(text)) && v.FieldByIndex(field.Index).IsZero(), "%s: %s", field.Name, problem)
			}
		}
	})
}
