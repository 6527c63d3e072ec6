// Package bind fills structs from requests. A type is compiled once, where a route
// is registered, and everything that can be wrong with it is found there; filling a
// value for a request looks at no tags any more.
//
//	type search struct {
//		District int       `path:"district"`
//		Kinds    []string  `query:"kind"`                            // kind=arson&kind=riddle
//		Limit    int       `query:"limit" default:"20" validate:"max=100"`
//		Since    time.Time `query:"since"`
//		Badge    *string   `header:"X-Badge"`                        // nil without the header
//	}
//	in, err := bind.Compile(reflect.TypeFor[search](), bind.Config{Params: pattern.Params()})
//	violations, err := in.Fill(reflect.ValueOf(&s).Elem(), source)
//
// Where a field comes from:
//
//	tag                     from                               absent unless
//	path:"id"               the parameter of the pattern       an optional one is left out
//	query:"q"               the query string                   the name is there; for a number also when it has no text
//	query:"tags,comma"      the same, one value for a list     the same
//	header:"X-Badge"        a header; a list by commas         the same
//	cookie:"mask"           a cookie                           the same
//	form:"kind"             a form, urlencoded or multipart    it has text: HTML's own "required" counts a blank field as missing
//	json:"kind", or none    the body, which is JSON            the key is there and is not null
//
// A field may have both tags form and json: the Content-Type then decides which of them
// counts. In such an input each field of the body says what it is in either kind, with
// "-" for nothing; a file is of a form alone anyway.
//
// Embedded structs are taken apart. A parameter may be a string, a bool, a number, a
// [time.Time] (RFC 3339 or a date; of a form also what datetime-local sends, as UTC), a [time.Duration], an [encoding.TextUnmarshaler],
// a pointer to one of these, which is nil when it is absent, or a list of them, and
// its default is the text of the tag default. What is no list may be given once only;
// several lines of a header are one value with commas. Texts have to be UTF-8. So may be a field of the body that has a
// default, where no pointer, list or map is around it.
//
// Rules are those of go-playground/validator in the tag validate, with three
// differences that come of knowing what was sent: required is about presence, so
// that 0, false and "" are values; other rules do not count for what is absent and
// not required; and elements of lists are looked at without dive. After the rules,
// a method Validate() error or Validate(context.Context) error is asked, of inner
// values first.
//
// A type of texts with a method Enum() []string takes the values that it lists and no
// other, in a field, a pointer, a list or a map: the rule is then "enum".
package bind
