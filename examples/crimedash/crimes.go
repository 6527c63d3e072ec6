package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strconv"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/sse"
)

// maxReport bounds a report in JSON, and the texts of one by form, in bytes. The longest
// valid one, every character escaped, is a quarter of it.
const maxReport = 32 << 10

// desk is where reports come in and questions are answered.
type desk struct {
	store *store.Store
	hub   *sse.Hub
	clerk *clerk // keeps step with a log that others write to as well; nil without one
	node  node

	darkroom darkroom
}

// file puts a crime on file and tells everybody who listens. The form, the API
// and the simulator all come through here.
func (d *desk) file(ctx context.Context, report store.NewCrime) (store.Crime, error) {
	crime, err := d.store.Report(ctx, report)
	if err != nil {
		return store.Crime{}, err
	}
	// It is on file now, so it must be announced, even if the reporter has hung
	// up in between.
	ctx = context.WithoutCancel(ctx)
	if d.clerk == nil {
		_, err = d.hub.Publish(ctx, topic, notice(crime))
		return crime, err
	}
	// A log that is out of reach is no reason to turn a witness away. The crime is
	// on file as one that has yet to be announced, and the clerk sees to that.
	if _, err := d.clerk.announce(ctx, crime); err != nil {
		log.Printf("crime %d is on file and will be announced later: %v", crime.ID, err)
	}
	return crime, nil
}

// crimeList is a list together with the position from which a listener misses
// nothing that is not in it.
type crimeList struct {
	Crimes []store.Crime `json:"crimes"`
	Cursor string        `json:"cursor"`
}

// position returns one up to which everything is on file, that was announced. The hub
// knows more when there is a log: crimes of other nodes that are still to be filed here.
func (d *desk) position(ctx context.Context) (string, error) {
	if d.clerk != nil {
		return d.store.Position(ctx)
	}
	return d.hub.Cursor().String(), nil
}

// crimeFilter chooses crimes, for the list and the export alike. A filter that is given
// without a value is none.
type crimeFilter struct {
	Kind     string `query:"kind" validate:"omitempty,oneof=robbery burglary assault arson smuggling fraud vandalism kidnapping sabotage riddle"`
	Severity string `query:"severity" validate:"omitempty,oneof=low medium high critical"`
	District *int   `query:"district" validate:"omitempty,min=1,max=10"` // a pointer, since 0 is no district
	Query    string `query:"q" validate:"max=100"`
}

func (f crimeFilter) filter() store.Filter {
	return store.Filter{Kind: f.Kind, Severity: f.Severity, District: orZero(f.District), Query: f.Query}
}

// orZero is the number, or 0 for none: what the store takes for all.
func orZero(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

// crimePage is one page of the list.
type crimePage struct {
	crimeFilter
	Limit  *int  `query:"limit" validate:"omitempty,min=1,max=200"`
	Before int64 `query:"before" validate:"min=0"` // an id: the page continues behind it
}

func (d *desk) list(ctx context.Context, page *crimePage) (crimeList, error) {
	filter := page.filter()
	filter.Limit, filter.Before = orZero(page.Limit), page.Before
	// The position comes first: what is filed between the two lines is then both
	// in the list and live, and the page drops the double. The other way round
	// it would be in neither.
	cursor, err := d.position(ctx)
	if err != nil {
		return crimeList{}, err
	}
	crimes, err := d.store.List(ctx, filter)
	if err != nil {
		return crimeList{}, explain(err, inQuery)
	}
	return crimeList{Crimes: crimes, Cursor: cursor}, nil
}

// crimeReport is a report as programs send it. The rules are the store's; here they are
// for whoever reads the documents, and for what is plainly wrong.
type crimeReport struct {
	Kind        string `json:"kind" validate:"required,oneof=robbery burglary assault arson smuggling fraud vandalism kidnapping sabotage riddle"`
	Severity    string `json:"severity" validate:"required,oneof=low medium high critical"`
	District    int    `json:"district" validate:"required,min=1,max=10"`
	Place       string `json:"place" validate:"required,max=80"`
	Description string `json:"description" validate:"required,max=500"`
	Reporter    string `json:"reporter" validate:"max=60"`
}

// filed is a crime that has just been put on file.
type filed struct{ store.Crime }

// Header says where it is.
func (f filed) Header() http.Header {
	return http.Header{"Location": {"/api/crimes/" + strconv.FormatInt(f.ID, 10)}}
}

func (d *desk) report(req *redstart.Request, in *crimeReport) (filed, error) {
	crime, err := d.file(req.Context(), store.NewCrime{
		Kind: in.Kind, Severity: in.Severity, District: in.District,
		Place: in.Place, Description: in.Description, Reporter: in.Reporter, Badge: badge(req),
	})
	return filed{crime}, explain(err, inBody)
}

func (d *desk) get(ctx context.Context, in *crimeID) (store.Crime, error) {
	crime, err := d.store.Get(ctx, in.ID)
	return crime, explain(err, inBody)
}

func (d *desk) stats(ctx context.Context) (store.Stats, error) {
	cursor := d.hub.Cursor().String() // first, as in a list
	stats, err := d.store.Stats(ctx)
	if err != nil {
		return store.Stats{}, err
	}
	if d.clerk == nil {
		stats.Cursor = cursor
	}
	return stats, nil
}

// Where a client put what is wrong.
const (
	inQuery = "query"
	inForm  = "form"
	inBody  = "body"
)

// explain turns the store's errors into what the client is told: every wrong field, or
// that there is no such crime. Anything else stays what it is, and the client hears no
// details.
func explain(err error, in string) error {
	if invalid, ok := errors.AsType[*store.ValidationError](err); ok {
		return violations(invalid.Fields, in)
	}
	if errors.Is(err, store.ErrNotFound) {
		return redstart.Error(http.StatusNotFound, err.Error()).WithCause(err)
	}
	return err
}

// violations says of wrong fields what the framework says of those that it finds.
func violations(fields []store.FieldError, in string) redstart.Violations {
	list := make(redstart.Violations, len(fields))
	for i, field := range fields {
		v := redstart.Violation{In: in, Name: field.Field, Rule: ruleOf(field), Detail: field.Detail}
		if in == inBody {
			v.Name, v.Pointer = "", "#/"+field.Field
		}
		list[i] = v
	}
	return list
}

// ruleOf writes the store's code as the rule of a validate tag; the page knows these.
func ruleOf(field store.FieldError) string {
	switch field.Code {
	case store.CodeUnknown:
		return "oneof"
	case store.CodeTooLong:
		return fmt.Sprintf("max=%d", field.Max)
	case store.CodePixels:
		return fmt.Sprintf("pixels=%d", field.Max)
	case store.CodeInvalid:
		return "valid"
	}
	return field.Code
}
