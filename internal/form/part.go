package form

import (
	"errors"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"net/textproto"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// headerLimit bounds the header of one part, which mime/multipart would let grow
	// to 10 MiB. A real one has a name, a file's name and a type.
	headerLimit = 32 << 10
	// restLimit bounds what may follow the last part.
	restLimit = 64 << 10
)

// Parts reads a multipart form part by part. It is for one goroutine.
type Parts struct {
	source *source
	reader *multipart.Reader
	part   *multipart.Part
	limits Limits
	count  int
	err    error
}

// Part is one field or file. Reading it reads from the body.
type Part struct {
	Field       string // the field's name
	File        bool   // whether it is a file
	Name        string // the file's, see [CleanName]
	ContentType string // as claimed
	Header      textproto.MIMEHeader

	unnamed bool // the file's name was sent empty
	parts   *Parts
	body    *multipart.Part
}

// NewParts reads the parts between the boundaries.
func NewParts(r io.Reader, boundary string, l Limits) *Parts {
	s := &source{r: r}
	return &Parts{source: s, reader: multipart.NewReader(s, boundary), limits: l.WithDefaults()}
}

// Next skips what is left of the part before and returns the next one, or io.EOF
// after the last. An error of the underlying reader is returned as it is.
func (p *Parts) Next() (*Part, error) {
	if p.err != nil {
		return nil, p.err
	}
	part, err := p.next()
	p.err = err
	return part, err
}

func (p *Parts) next() (*Part, error) {
	if p.part != nil {
		if _, err := io.Copy(io.Discard, p.part); err != nil {
			return nil, p.explain(err)
		}
	}
	p.source.allow(headerLimit)
	body, err := p.reader.NextPart()
	if err == io.EOF {
		p.part = nil
		return nil, p.end()
	}
	p.count++
	if err != nil {
		return nil, p.explain(err)
	}
	p.source.allow(math.MaxInt64)
	p.part = body
	if p.count > p.limits.Parts {
		return nil, tooLarge("the form has more than %d parts", p.limits.Parts)
	}
	disposition, params, err := mime.ParseMediaType(body.Header.Get("Content-Disposition"))
	name, named := params["name"]
	switch {
	case err != nil:
		return nil, malformed(err, "part %d of the form: its Content-Disposition is missing or malformed", p.count)
	case disposition != "form-data" || !named:
		return nil, malformed(nil, `part %d of the form: expected a Content-Disposition of form-data with a name`, p.count)
	case !utf8.ValidString(name):
		return nil, malformed(errUTF8, "part %d of the form: its name is not UTF-8", p.count)
	}
	part := &Part{Field: name, ContentType: body.Header.Get("Content-Type"), Header: body.Header, parts: p, body: body}
	filename, isFile := params["filename"]
	if isFile {
		part.File, part.Name, part.unnamed = true, CleanName(filename), filename == ""
	}
	return part, nil
}

// end reads what follows the last part: until the body is at its end, net/http does
// not watch whether the client is still there.
func (p *Parts) end() error {
	p.source.allow(restLimit)
	if _, err := io.Copy(io.Discard, p.source); err != nil {
		if errors.Is(err, errOverBudget) {
			return malformed(err, "the body goes on after the end of the form")
		}
		return err
	}
	return io.EOF
}

// Read reads the part's content. Its errors are those of [Parts.Next].
func (p *Part) Read(b []byte) (int, error) {
	if p.parts.part != p.body {
		return 0, errSkipped
	}
	n, err := p.body.Read(b)
	if err != nil && err != io.EOF {
		err = p.parts.explain(err)
	}
	return n, err
}

var errSkipped = errors.New("form: the part was left behind: read it before the next one is asked for")

// explain says what a failure of the parser means.
func (p *Parts) explain(err error) error {
	switch {
	case errors.Is(p.source.err, errOverBudget):
		return tooLarge("part %d of the form: its header is larger than %d bytes", p.count, headerLimit)
	case p.source.err != nil:
		return p.source.err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return malformed(err, "the form ends within part %d: the closing boundary is missing", max(p.count, 1))
	case errors.Is(err, multipart.ErrMessageTooLarge):
		return tooLarge("part %d of the form: its header is too large", p.count)
	}
	return malformed(err, "part %d of the form is malformed: %s", max(p.count, 1), strings.TrimPrefix(err.Error(), "multipart: "))
}

// source remembers how reading failed, which the parser's errors do not always say,
// and bounds what may be read while a header is looked for.
type source struct {
	r      io.Reader
	budget int64
	err    error
}

var errOverBudget = errors.New("form: read over the budget")

// allow sets the budget anew. The parser reads ahead, by a few KiB: so far a header
// may be longer than the budget.
func (s *source) allow(n int64) { s.budget = n }

func (s *source) Read(b []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if s.budget <= 0 {
		s.err = errOverBudget
		return 0, s.err
	}
	if int64(len(b)) > s.budget {
		b = b[:s.budget]
	}
	n, err := s.r.Read(b)
	s.budget -= int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// CleanName makes the name that a client gives to a file fit to be the last
// element of a path: what follows the last slash or backslash, without control
// characters and what is not UTF-8, at most 200 bytes of it. It is "" for what
// leaves nothing, or names a folder.
func CleanName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, name)
	name = strings.TrimSpace(name)
	if strings.Trim(name, ". ") == "" {
		return ""
	}
	return cut(name, 200)
}

// cut shortens a name and keeps its extension.
func cut(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	stem, extension := split(name)
	if len(extension) > limit/4 {
		stem, extension = name, ""
	}
	end := limit - len(extension)
	for !utf8.RuneStart(stem[end]) {
		end--
	}
	return stem[:end] + extension
}

// split takes a name apart. One that only begins with a dot has no extension.
func split(name string) (stem, extension string) {
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		return name[:i], name[i:]
	}
	return name, ""
}
