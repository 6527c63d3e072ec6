package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The codes a crime may carry. The order is the order of display.
var (
	kinds = []string{"robbery", "burglary", "assault", "arson", "smuggling",
		"fraud", "vandalism", "kidnapping", "sabotage", "riddle"}
	severities = []string{"low", "medium", "high", "critical"}
)

// Districts is the number of Gotham's districts; they are numbered from 1.
const Districts = 10

// Limits on the texts of a report, in characters.
const (
	MaxPlace       = 80
	MaxDescription = 500
	MaxReporter    = 60
	MaxQuery       = 100
)

// The stations in the life of a crime.
const (
	StatusOpen       = "open"
	StatusResponding = "responding"
	StatusClosed     = "closed"
)

// Statuses lists them in their order. The caller owns the result.
func Statuses() []string { return []string{StatusOpen, StatusResponding, StatusClosed} }

// ErrNotFound is returned for a crime that is not on file.
var ErrNotFound = errors.New("no such crime")

// Kinds lists the known kinds of crime. The caller owns the result.
func Kinds() []string { return slices.Clone(kinds) }

// Severities lists the severities from the mildest to the worst. The caller
// owns the result.
func Severities() []string { return slices.Clone(severities) }

// Crime is one crime on file.
type Crime struct {
	ID          int64     `json:"id"`
	Kind        string    `json:"kind"`
	Severity    string    `json:"severity"`
	District    int       `json:"district"`
	Place       string    `json:"place"`
	Description string    `json:"description"`
	Reporter    string    `json:"reporter"` // empty: anonymous
	Status      string    `json:"status"`
	CreatedAt   time.Time `json:"created_at"`      // UTC, whole microseconds
	Photo       string    `json:"photo,omitempty"` // its name, see [Store.Photo]
	Badge       string    `json:"badge,omitempty"` // the user who reported it, if one had logged in
}

// NewCrime is a report as a witness gives it.
type NewCrime struct {
	Kind        string `json:"kind"`
	Severity    string `json:"severity"`
	District    int    `json:"district"`
	Place       string `json:"place"`
	Description string `json:"description"`
	Reporter    string `json:"reporter"` // optional

	// What a witness cannot claim: the program knows it.
	Photo *Photo `json:"-"` // nil: none
	Badge string `json:"-"`
}

// The reasons in [FieldError.Code].
const (
	CodeRequired = "required"  // missing or blank
	CodeUnknown  = "unknown"   // not one of the known values
	CodeTooLong  = "too_long"  // more than Max characters
	CodeInvalid  = "invalid"   // not readable as what the field holds
	CodeTooLarge = "too_large" // a file of more than Max bytes
	CodeNoPhoto  = "no_photo"  // a file that is no picture of a known kind
	CodeBroken   = "broken"    // a picture that is damaged
	CodePixels   = "pixels"    // a picture with more than Max pixels
)

// FieldError says what is wrong with one field of a report or a filter. Code
// lets a page say it in the reader's language; Detail says it in English.
type FieldError struct {
	Field  string `json:"field"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Max    int    `json:"max,omitempty"` // with CodeTooLong in characters, with CodeTooLarge in bytes
}

// ValidationError lists everything that is wrong with a report or a filter, in
// the order of the form, so that a person corrects it in one go.
type ValidationError struct {
	Subject string // what has the fields: "report" or "filter"
	Fields  []FieldError
}

// Error lists all fields on one line, behind what they are fields of.
func (e *ValidationError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Field + " " + f.Detail
	}
	return "invalid " + e.Subject + ": " + strings.Join(parts, "; ")
}

// Check returns the report as it would go on file, or a *[ValidationError] that lists
// every violation.
func (c NewCrime) Check() (NewCrime, error) {
	c = c.normalize()
	return c, c.validate()
}

// normalize returns the report without surrounding blanks.
func (c NewCrime) normalize() NewCrime {
	for _, text := range []*string{&c.Kind, &c.Severity, &c.Place, &c.Description, &c.Reporter} {
		*text = strings.TrimSpace(*text)
	}
	c.Description = strings.ReplaceAll(c.Description, "\r\n", "\n") // forms send CRLF
	return c
}

// validate returns every violation, as a *ValidationError, or nil.
func (c NewCrime) validate() error {
	var found []FieldError
	add := func(f *FieldError) {
		if f != nil {
			found = append(found, *f)
		}
	}
	add(checkCode("kind", c.Kind, kinds))
	add(checkCode("severity", c.Severity, severities))
	add(checkDistrict(c.District))
	add(checkText("place", c.Place, MaxPlace, true, false))
	add(checkText("description", c.Description, MaxDescription, true, true))
	add(checkText("reporter", c.Reporter, MaxReporter, false, false))
	if found == nil {
		return nil
	}
	return &ValidationError{Subject: "report", Fields: found}
}

func checkCode(field, value string, known []string) *FieldError {
	switch {
	case value == "":
		return &FieldError{Field: field, Code: CodeRequired, Detail: "is required"}
	case !slices.Contains(known, value):
		return &FieldError{Field: field, Code: CodeUnknown, Detail: "must be one of " + strings.Join(known, ", ")}
	}
	return nil
}

func checkDistrict(district int) *FieldError {
	switch {
	case district == 0:
		return &FieldError{Field: "district", Code: CodeRequired, Detail: "is required"}
	case district < 0 || district > Districts:
		return &FieldError{Field: "district", Code: CodeUnknown, Detail: fmt.Sprintf("must be a number from 1 to %d", Districts)}
	}
	return nil
}

func checkText(field, value string, limit int, required, lines bool) *FieldError {
	switch {
	case value == "" && required:
		return &FieldError{Field: field, Code: CodeRequired, Detail: "is required"}
	case !utf8.ValidString(value) || strings.ContainsFunc(value, func(r rune) bool {
		return unicode.IsControl(r) && (!lines || (r != '\n' && r != '\t'))
	}):
		return &FieldError{Field: field, Code: CodeInvalid, Detail: "must be plain text"}
	case utf8.RuneCountInString(value) > limit:
		return tooLong(field, limit)
	}
	return nil
}
