package store

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"
)

// DefaultLimit and MaxLimit are how many crimes one [Store.List] returns at most:
// without a limit in the filter, and with the largest one it may have.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// Filter chooses crimes. The zero value chooses the newest of all.
type Filter struct {
	Kind     string // a code, or empty for all
	Severity string // a code, or empty for all
	District int    // a number, or 0 for all
	Query    string // words looked for in place, description and reporter
	Limit    int    // at most MaxLimit; 0 means DefaultLimit
	Before   int64  // only crimes with a smaller id: the next page; 0 starts at the newest
}

func tooLong(field string, limit int) *FieldError {
	return &FieldError{Field: field, Code: CodeTooLong, Max: limit, Detail: fmt.Sprintf("must not be longer than %d characters", limit)}
}

// Validate returns a *[ValidationError] that names each wrong field, or nil.
func (f Filter) Validate() error {
	var found []FieldError
	add := func(e *FieldError) {
		if e != nil {
			found = append(found, *e)
		}
	}
	if f.Kind != "" {
		add(checkCode("kind", f.Kind, kinds))
	}
	if f.Severity != "" {
		add(checkCode("severity", f.Severity, severities))
	}
	if f.District != 0 {
		add(checkDistrict(f.District))
	}
	switch {
	case !utf8.ValidString(f.Query):
		add(&FieldError{Field: "q", Code: CodeInvalid, Detail: "must be valid UTF-8"})
	case strings.ContainsRune(f.Query, 0): // SQLite takes it for the end of the text
		add(&FieldError{Field: "q", Code: CodeInvalid, Detail: "must be plain text"})
	case utf8.RuneCountInString(f.Query) > MaxQuery:
		add(tooLong("q", MaxQuery))
	}
	switch {
	case f.Limit < 0:
		add(&FieldError{Field: "limit", Code: CodeInvalid, Detail: "must not be negative"})
	case f.Limit > MaxLimit:
		add(&FieldError{Field: "limit", Code: CodeInvalid, Detail: fmt.Sprintf("must not be more than %d", MaxLimit)})
	}
	if f.Before < 0 {
		add(&FieldError{Field: "before", Code: CodeInvalid, Detail: "must not be negative"})
	}
	if found == nil {
		return nil
	}
	return &ValidationError{Subject: "filter", Fields: found}
}

// where turns the filter into a condition and its arguments. Only fixed text
// enters the SQL; every value travels as an argument.
func (f Filter) where() (string, []any) {
	conditions, args := []string{"1"}, []any{}
	add := func(condition string, values ...any) {
		conditions, args = append(conditions, condition), append(args, values...)
	}
	if f.Before > 0 {
		add("id < ?", f.Before)
	}
	if f.Kind != "" {
		add("kind = ?", f.Kind)
	}
	if f.Severity != "" {
		add("severity = ?", f.Severity)
	}
	if f.District != 0 {
		add("district = ?", f.District)
	}
	for word := range strings.FieldsSeq(f.Query) {
		add(`(place || char(10) || description || char(10) || reporter) LIKE ? ESCAPE '\'`, "%"+likeEscaper.Replace(word)+"%")
	}
	return strings.Join(conditions, " AND "), args
}

// likeEscaper takes the magic from the characters LIKE treats specially.
var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func (f Filter) limit() int {
	return cmp.Or(f.Limit, DefaultLimit)
}
