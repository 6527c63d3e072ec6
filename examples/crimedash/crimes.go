package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/sse"
)

// maxReport bounds the body of a report, in bytes. The longest valid one, every
// character escaped, is a quarter of it.
const maxReport = 32 << 10

// desk is where reports come in and questions are answered.
type desk struct {
	store *store.Store
	hub   *sse.Hub
	clerk *clerk // keeps step with a log that others write to as well; nil without one
	node  node
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

func (d *desk) list(req *redstart.Request) redstart.Response {
	filter, err := filterOf(req)
	if err != nil {
		return redstart.Fail(err)
	}
	// The position comes first: what is filed between the two lines is then both
	// in the list and live, and the page drops the double. The other way round
	// it would be in neither.
	cursor, err := d.position(req.Context())
	if err != nil {
		return redstart.Fail(err)
	}
	crimes, err := d.store.List(req.Context(), filter)
	if err != nil {
		return redstart.Fail(explain(err, http.StatusBadRequest))
	}
	return redstart.JSON(crimeList{Crimes: crimes, Cursor: cursor})
}

func filterOf(req *redstart.Request) (store.Filter, error) {
	district, err := req.QueryInt("district", 0)
	if err != nil {
		return store.Filter{}, err
	}
	limit, err := req.QueryInt("limit", 0)
	if err != nil {
		return store.Filter{}, err
	}
	before, err := req.QueryInt("before", 0)
	if err != nil {
		return store.Filter{}, err
	}
	return store.Filter{
		Kind: req.Query("kind"), Severity: req.Query("severity"), District: district,
		Query: req.Query("q"), Limit: limit, Before: int64(before),
	}, nil
}

func (d *desk) report(req *redstart.Request) redstart.Response {
	report, err := reportOf(req)
	if err != nil {
		return redstart.Fail(err)
	}
	crime, err := d.file(req.Context(), report)
	if err != nil {
		return redstart.Fail(explain(err, http.StatusUnprocessableEntity))
	}
	return redstart.JSON(crime).WithStatus(http.StatusCreated).
		With("Location", "/api/crimes/"+strconv.FormatInt(crime.ID, 10))
}

// formType is the Content-Type of a plain HTML form (WHATWG HTML, section 4.10.21).
const formType = "application/x-www-form-urlencoded"

// reportOf reads a report as programs send it, in JSON, or as a plain HTML form
// does.
func reportOf(req *redstart.Request) (store.NewCrime, error) {
	var report store.NewCrime
	kind, _, _ := mime.ParseMediaType(req.Header("Content-Type"))
	if kind != formType {
		err := req.JSON(&report)
		if redstart.StatusOf(err) == http.StatusUnsupportedMediaType {
			// The framework names JSON only; it does not know of the form.
			err = redstart.Errorf(http.StatusUnsupportedMediaType, "Content-Type %q: expected application/json or %s",
				req.Header("Content-Type"), formType).WithCause(err)
		}
		return report, err
	}
	body, err := req.Text()
	if err != nil {
		return report, err
	}
	form, err := url.ParseQuery(body)
	if err != nil {
		return report, malformedForm(body, err)
	}
	report = store.NewCrime{
		Kind: form.Get("kind"), Severity: form.Get("severity"),
		Place: form.Get("place"), Description: form.Get("description"), Reporter: form.Get("reporter"),
	}
	if district := form.Get("district"); district != "" {
		if report.District, err = strconv.Atoi(district); err != nil {
			report.District = -1 // no district: validation says so, together with all else
		}
	}
	return report, nil
}

// malformedForm is the error, with status 400, for a form that [url.ParseQuery]
// refused with err, which says what is wrong; this adds in which field.
func malformedForm(body string, err error) error {
	place, number := "", 0
	for pair := range strings.SplitSeq(body, "&") {
		number++
		if _, fault := url.ParseQuery(pair); fault != nil {
			name, _, _ := strings.Cut(pair, "=")
			place = fmt.Sprintf("field %d, %.40q: ", number, name) // a name of the client's may be long
			break
		}
	}
	return redstart.Errorf(http.StatusBadRequest, "malformed form: %s%v", place, err).WithCause(err)
}

func (d *desk) get(req *redstart.Request) redstart.Response {
	id, err := req.ParamInt("id")
	if err != nil {
		return redstart.Fail(err)
	}
	crime, err := d.store.Get(req.Context(), int64(id))
	if err != nil {
		return redstart.Fail(explain(err, http.StatusInternalServerError))
	}
	return redstart.JSON(crime)
}

func (d *desk) stats(req *redstart.Request) redstart.Response {
	cursor := d.hub.Cursor().String() // first, as in a list
	stats, err := d.store.Stats(req.Context())
	if err != nil {
		return redstart.Fail(err)
	}
	if d.clerk == nil {
		stats.Cursor = cursor
	}
	return redstart.JSON(stats)
}

// explain turns the store's errors into what the client is told: every wrong
// field, under the given status, or that there is no such crime. Anything else
// stays what it is, and the client hears no details.
func explain(err error, invalid int) error {
	if fields, ok := errors.AsType[*store.ValidationError](err); ok {
		return redstart.Error(invalid, err.Error()).WithField("errors", fields.Fields)
	}
	if errors.Is(err, store.ErrNotFound) {
		return redstart.Error(http.StatusNotFound, err.Error())
	}
	return err
}
