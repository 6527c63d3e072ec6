package main

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/store"
)

// reportForm is a report as a page sends it: urlencoded, or with a photo. It has no rules
// of its own. All texts are taken as they are, the number too, so that everything that is
// wrong is found together, and a form that is shown again has what was typed.
type reportForm struct {
	Kind        string           `form:"kind"`
	Severity    string           `form:"severity"`
	District    string           `form:"district"`
	Place       string           `form:"place"`
	Description string           `form:"description"`
	Reporter    string           `form:"reporter"`
	Photo       *redstart.Upload `form:"photo"`
}

func (f *reportForm) report() store.NewCrime {
	report := store.NewCrime{Kind: f.Kind, Severity: f.Severity, Place: f.Place, Description: f.Description, Reporter: f.Reporter}
	if f.District != "" {
		var err error
		if report.District, err = strconv.Atoi(f.District); err != nil {
			report.District = -1 // no district
		}
	}
	return report
}

// reportPage is what the template shows.
type reportPage struct {
	Form       reportForm
	Wrong      map[string]store.FieldError // by field
	Kinds      []string
	Severities []string
	Districts  []int
}

func newReportPage(form reportForm, wrong []store.FieldError) reportPage {
	page := reportPage{Form: form, Wrong: map[string]store.FieldError{}, Kinds: store.Kinds(), Severities: store.Severities()}
	for i := range store.Districts {
		page.Districts = append(page.Districts, i+1)
	}
	for _, field := range wrong {
		page.Wrong[field.Field] = field
	}
	return page
}

// tooMuch shows the form also to those whose photo was so large that it was not read to
// its end. What they typed is gone with it.
func tooMuch(req *redstart.Request, err error) redstart.Response {
	if redstart.StatusOf(err) != http.StatusRequestEntityTooLarge || !forPeople(req) {
		return explainToPeople(req, err)
	}
	return redstart.Render("report.html", newReportPage(reportForm{}, []store.FieldError{photoTooLarge})).
		WithStatus(http.StatusRequestEntityTooLarge).WithAdded("Vary", "Accept")
}

// reportByForm files what a form says. The dashboard's own script asks for JSON, and gets
// what programs get; a browser gets a page: the form with a word beside each wrong field,
// or the dashboard.
func (d *desk) reportByForm(req *redstart.Request, form *reportForm) (redstart.Response, error) {
	report, err := form.report().Check()
	var wrong []store.FieldError
	if invalid, ok := errors.AsType[*store.ValidationError](err); ok {
		wrong = invalid.Fields
	}
	if form.Photo != nil && form.Photo.Size > 0 {
		photo, field, err := d.darkroom.develop(req.Context(), form.Photo)
		if err != nil {
			return redstart.Response{}, err
		}
		if field != nil {
			wrong = append(wrong, *field)
		}
		report.Photo = photo
	}
	page := forPeople(req)
	switch {
	case len(wrong) > 0 && page:
		return redstart.Render("report.html", newReportPage(*form, wrong)).WithStatus(http.StatusUnprocessableEntity), nil
	case len(wrong) > 0:
		return redstart.Response{}, violations(wrong, inForm)
	}
	report.Badge = badge(req)
	crime, err := d.file(req.Context(), report)
	switch {
	case err != nil:
		return redstart.Response{}, explain(err, inForm)
	case page:
		return redstart.Redirect("/"), nil
	}
	return redstart.JSON(crime).WithStatus(http.StatusCreated).With("Location", "/api/crimes/"+strconv.FormatInt(crime.ID, 10)), nil
}
