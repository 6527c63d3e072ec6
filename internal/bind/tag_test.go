package bind

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Such types are made here, since vet would find them in a program.
func TestTagsThatVetWouldFind(t *testing.T) {
	field := func(name string, tag reflect.StructTag) reflect.StructField {
		return reflect.StructField{Name: name, Type: reflect.TypeFor[int](), Tag: tag}
	}
	for name, tt := range map[string]struct {
		fields []reflect.StructField
		want   string
	}{
		"blank behind the colon": {[]reflect.StructField{field("A", `query: "a"`)}, `A has a malformed tag at "query: \"a\""`},
		"no quotes":              {[]reflect.StructField{field("A", `query:a`)}, `A has a malformed tag at "query:a"`},
		"quotes without an end":  {[]reflect.StructField{field("A", `query:"a`)}, `A has a malformed tag`},
		"no key":                 {[]reflect.StructField{field("A", `:"a"`)}, `A has a malformed tag`},
		"no colon":               {[]reflect.StructField{field("A", `query`)}, `A has a malformed tag`},
		"comma between":          {[]reflect.StructField{field("A", `json:"a",validate:"min=1"`)}, `A has a malformed tag at ",validate`},
		"no blank between":       {[]reflect.StructField{field("A", `json:"a"validate:"min=1"`)}, `A has a malformed tag at "validate`},
		"one name twice":         {[]reflect.StructField{field("A", `json:"a"`), field("B", `json:"a"`)}, `B and A are both "a" in the body`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Compile(reflect.StructOf(tt.fields), Config{Method: "POST"})
			assert.ErrorContains(t, err, tt.want)
		})
	}
	_, err := Compile(reflect.StructOf([]reflect.StructField{field("A", ` json:"a"  validate:"min=1" doc:"\"x\""`)}), Config{Method: "POST"})
	assert.NoError(t, err)
}
