package bind

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"unsafe"

	"github.com/redstart-go/redstart/internal/excerpt"
	"github.com/redstart-go/redstart/internal/jsonx"
)

// Source is a request to fill a value from.
type Source interface {
	Context() context.Context
	Path(name string) string // "" when it is absent
	Query() (url.Values, error)
	Header() http.Header
	Cookie(name string) (string, bool)
	// IsForm says whether the body is a form rather than JSON, by its Content-Type.
	// One that is neither is an error. It is asked of an input that takes both.
	IsForm() (bool, error)
	Form() (url.Values, error)
	// Files puts the files of a form's field into a file or a list of files, if dst is
	// one, and returns how many there are.
	Files(field string, dst reflect.Value) int
	// Body returns the body, which the request says is JSON.
	Body() ([]byte, error)
	// Raw puts the request into a field.
	Raw(dst reflect.Value)
}

// filling is the state of one Fill.
type filling struct {
	in         *Input
	src        Source
	value      reflect.Value
	form       bool // the body is a form
	given      bits
	faulty     bits // parameters that could not be read
	body       []byte
	bodyFault  bool
	document   any // the body decoded once more, to see what is there
	documented bool
	searched   int // how often the body was searched instead
	violations []Violation
}

// full says that there are more violations already than anyone wants to read. A client
// could otherwise have a short body answered by a very long reply.
func (f *filling) full() bool {
	size := 0
	for i := range f.violations {
		size += len(f.violations[i].Pointer)
	}
	return len(f.violations) >= maxViolations || size > maxPointers
}

const (
	maxViolations = 100
	maxPointers   = 16 << 10 // bytes, of all of them together: a body can be deep
)

// bits is a set of parameters.
type bits [maxFields / 64]uint64

func (b *bits) add(i int)      { b[i/64] |= 1 << (i % 64) }
func (b *bits) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

// Fill fills v, which is addressable and zero, from a request. It returns all that
// is wrong with the request, about 100 things at most, or an error when the body cannot be had or a Validate
// method fails for another reason.
func (in *Input) Fill(v reflect.Value, src Source) ([]Violation, error) {
	f := filling{in: in, src: src, value: v}
	for _, index := range in.raw {
		src.Raw(v.FieldByIndex(index))
	}
	var err error
	if f.form, err = in.comesAsForm(src); err != nil {
		return nil, err
	}
	f.setDefaults()
	if in.Body != nil && !f.form {
		if err := f.fillBody(); err != nil {
			return nil, err
		}
	}
	if len(in.Params) > 0 {
		if err := f.fillParams(); err != nil {
			return nil, err
		}
	}
	f.checkParams()
	if in.plan.checked && !f.bodyFault && in.Body != nil && !f.form {
		f.check(in.plan, v, nil)
	}
	if in.rules != nil && !f.full() {
		f.checkRules()
	}
	if len(f.violations) == 0 {
		if err := f.callParamHooks(); err != nil {
			return nil, err
		}
	}
	if in.plan.hooks && len(f.violations) == 0 {
		if err := f.callHooks(in.plan, v, nil); err != nil {
			return nil, err
		}
	}
	return f.violations, nil
}

// comesAsForm says whether the body of a request is a form.
func (in *Input) comesAsForm(src Source) (bool, error) {
	if !in.needsForm || in.Body == nil {
		return in.needsForm, nil
	}
	return src.IsForm()
}

func (f *filling) setDefaults() {
	for i := range f.in.defaults {
		d := &f.in.defaults[i]
		d.assign(f.value.FieldByIndex(d.index), d.defaults())
	}
}

func (f *filling) fillBody() (err error) {
	if f.body, err = f.src.Body(); err != nil {
		return err
	}
	if !f.in.Body.Required && strings.TrimLeft(unsafe.String(unsafe.SliceData(f.body), len(f.body)), " \t\r\n") == "" {
		f.body = nil
		return nil
	}
	target := f.value.Addr()
	if f.in.shadow != nil {
		target = reflect.NewAt(f.in.shadow, f.value.Addr().UnsafePointer())
	}
	err = jsonx.Unmarshal(f.body, target.Interface(), false)
	if err == nil {
		return nil
	}
	text, ok := jsonx.Describe(err)
	if !ok {
		return err
	}
	f.bodyFault = true
	violation := Violation{In: Body, Pointer: "#", Rule: "json", Detail: text, Malformed: true}
	if fault, ok := errors.AsType[*jsonx.Error](err); ok && fault.Misfit {
		violation.Rule, violation.Pointer = "type", pointer(fault.Keys)
	}
	f.violations = append(f.violations, violation)
	return nil
}

func (f *filling) fillParams() (err error) {
	var query, form url.Values
	if f.in.needsQuery {
		if query, err = f.src.Query(); err != nil {
			return err
		}
	}
	if f.form {
		if form, err = f.src.Form(); err != nil {
			return err
		}
	}
	for i := range f.in.Params {
		p := &f.in.Params[i]
		var texts []string
		var text string
		given := false
		switch p.In {
		case Path:
			text = f.src.Path(p.Name)
			given = text != ""
		case Cookie:
			text, given = f.src.Cookie(p.Name)
		case Query:
			texts, given = query[p.Name]
		case Header:
			texts, given = f.src.Header()[p.Name]
		case Form:
			if !f.form {
				continue
			}
			texts, given = form[p.Name]
			if p.File {
				f.fillFiles(i, p, texts)
				continue
			}
			if !given && f.src.Files(p.Name, reflect.Value{}) > 0 {
				f.misfit(i, "expected a text, got a file", "")
				continue
			}
		}
		switch {
		case len(texts) == 1 || len(texts) > 0 && p.List:
			text = texts[0]
		case len(texts) > 0 && p.In == Header:
			text = strings.Join(texts, ", ") // means the same: RFC 9110 section 5.3
		case len(texts) > 0:
			f.misfit(i, fmt.Sprintf("expected one value, got %d", len(texts)), strings.Join(texts, ", "))
			continue
		}
		f.fillParam(i, p, texts, text, given)
	}
	return nil
}

// fillParam sets one parameter from the texts of it that there are; the first is
// text, which is the only one that some sources have.
func (f *filling) fillParam(i int, p *Field, texts []string, text string, given bool) {
	dst := f.value.FieldByIndex(p.index)
	if p.List {
		if texts == nil && given {
			texts = []string{text}
		}
		if p.Comma {
			texts = splitCommas(texts)
			given = given && (len(texts) > 0 || p.blank)
		} else if len(texts) == 1 && text == "" && (!p.blank || p.In == Form) {
			given = false
		}
	} else if text == "" && (!p.blank || p.In == Form) {
		given = false
	}
	var problem string
	switch {
	case given && p.List:
		f.given.add(i)
		problem, text = setList(dst, texts, p.set)
	case given:
		f.given.add(i)
		problem = p.set(dst, text)
	case p.HasDefault && p.List:
		p.assign(dst, p.defaults())
	case p.HasDefault:
		p.set(dst, p.Default)
	case p.Required:
		f.missing(i, p)
	}
	if problem != "" {
		f.misfit(i, problem, text)
	}
}

// misfit notes a parameter that could not be read.
func (f *filling) misfit(i int, problem, text string) {
	p := &f.in.Params[i]
	f.faulty.add(i)
	v := Violation{In: p.In, Name: p.Name, Rule: "type", Detail: problem, Malformed: true}
	if text != "" {
		v.Value = excerpt.Of(text, 100)
	}
	f.violations = append(f.violations, v)
}

// fillFiles takes the files of a field. A text in their place is mostly the name of a
// file, from a page that forgot the enctype; a blank one is a field that was left alone.
func (f *filling) fillFiles(i int, p *Field, texts []string) {
	n := f.src.Files(p.Name, f.value.FieldByIndex(p.index))
	switch {
	case n > 1 && !p.List:
		f.misfit(i, fmt.Sprintf("expected one file, got %d", n), "")
	case n > 0:
		f.given.add(i)
	case strings.Join(texts, "") != "":
		f.misfit(i, `expected a file, got a text: files need a form with enctype="multipart/form-data"`, strings.Join(texts, ", "))
	case p.Required:
		f.missing(i, p)
	}
}

// missing notes a parameter that is not there. A form was read and understood all
// the same, as a JSON body is that lacks a key.
func (f *filling) missing(i int, p *Field) {
	f.faulty.add(i)
	f.violations = append(f.violations, Violation{In: p.In, Name: p.Name, Rule: "required", Detail: "is required", Malformed: p.In != Form})
}
