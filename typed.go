package redstart

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"os"

	"github.com/redstart-go/redstart/internal/form"
	"github.com/redstart-go/redstart/internal/upload"
)

// Form is a form as it was sent: the text fields are its Values, repeated ones in
// their order.
type Form struct {
	url.Values
	Files map[string][]*Upload // by field, in their order

	read *form.Form
}

func newForm(read *form.Form) *Form {
	f := &Form{Values: read.Values, Files: map[string][]*Upload{}, read: read}
	for field, files := range read.Files {
		for _, file := range files {
			f.Files[field] = append(f.Files[field], &Upload{file.Field, file.Name, file.Size, file.ContentType, file.Content})
		}
	}
	return f
}

func (f *Form) remove() {
	if f.read != nil {
		f.read.Remove()
	}
}

// Upload is a file of a form. It can be read until the reply is complete, any number
// of times and at the same time; a stream of a hub's subscriber that goes on without
// its request does so without the files. What Field, Name and ContentType say is the
// client's word.
type Upload struct {
	Field string
	// Name is the last element of the name that the client gave, without control
	// characters and at most 200 bytes long. It is "" for one that leaves nothing.
	Name string
	Size int64
	// ContentType is what the client claims the file to be: see DetectType.
	ContentType string

	content form.Content
}

// Open returns a reader of its own, from the beginning. Closing it is not needed.
func (f *Upload) Open() (multipart.File, error) { return f.content.Open() }

// DetectType guesses the media type from the first 512 bytes, as browsers do (WHATWG
// MIME Sniffing): "image/png", or "application/octet-stream" for what it does not know.
func (f *Upload) DetectType() (string, error) { return f.content.DetectType() }

// SaveTo copies the file into a folder, which must exist, under its Name or as
// "file", and returns the path. A file that is there already is never replaced: the
// new one then gets a number, as in "photo-2.jpg". Neither the name nor a symbolic
// link leads out of the folder. After an error nothing is left there.
func (f *Upload) SaveTo(dir string) (path string, err error) { return f.content.SaveTo(dir, f.Name) }

// SaveAs copies the file to a new one within root. A name that is taken is an error
// that is [io/fs.ErrExist]; one that leads out of root is an error too. After an
// error nothing new is left there.
func (f *Upload) SaveAs(root *os.Root, name string) error { return f.content.SaveAs(root, name) }

// Part is one field or file of a form that [Request.Parts] reads. Its strings are
// the client's word.
type Part struct {
	Field       string // the field's name
	IsFile      bool
	Name        string // the file's, cleaned as that of an [Upload]
	ContentType string
	Header      textproto.MIMEHeader

	body *form.Part
}

// Read reads the part's content from the request's body, with the errors of
// [Request.Parts].
func (p *Part) Read(b []byte) (int, error) {
	n, err := p.body.Read(b)
	return n, clientFault(err)
}

// SaveTo is [Upload.SaveTo] for what has not been read of the part.
func (p *Part) SaveTo(dir string) (path string, err error) { return form.SaveTo(dir, p.Name, p) }

// SaveAs is [Upload.SaveAs] for what has not been read of the part.
func (p *Part) SaveAs(root *os.Root, name string) error { return form.SaveAs(root, name, p) }

// Form reads a form, urlencoded or multipart, once; later calls return the same.
// Files that do not fit into memory go to disk, see [LimitForm], and are deleted when
// the reply is complete. A request without a body has an empty form.
//
// Its errors name the field or the part: status 415 for another Content-Type or a
// Content-Encoding, 400 for a form that is malformed, incomplete or not in UTF-8,
// 413 for one over its limits, and those of [Request.Body]. A multipart body is
// gone when it has been read as a form; one that Body had read before is taken
// from there.
func (req *Request) Form() (*Form, error) {
	s := req.state()
	if !s.formRead {
		s.formRead = true
		s.form, s.formErr = req.readForm()
	}
	return s.form, s.formErr
}

func (req *Request) readForm() (*Form, error) {
	if b := req.http.Body; (b == nil || b == http.NoBody) && !req.state().bodyRead {
		return &Form{Values: url.Values{}}, nil
	}
	body, boundary, err := req.formBody()
	if err != nil {
		return nil, err
	}
	read, err := form.Read(body, boundary, req.formLimits())
	if err != nil {
		return nil, clientFault(err)
	}
	return newForm(read), nil
}

// formBody returns the body of a form, and the boundary of one that is multipart.
func (req *Request) formBody() (body io.Reader, boundary string, err error) {
	err = upload.CheckPlain(req.http.Header)
	if err == nil {
		boundary, err = form.Boundary(req.Header("Content-Type"))
	}
	if err != nil {
		return nil, "", clientFault(err)
	}
	s := req.state()
	if s.bodyRead || boundary == "" {
		data, err := req.load(req.formLimits().Text)
		return bytes.NewReader(data), boundary, err
	}
	s.bodyRead, s.bodyErr = true, errFormRead
	return upload.Explained(req.http.Body, req.bodyError), boundary, req.announced()
}

var errFormRead = errors.New("redstart: the body was read as a multipart form, and is gone")

func (req *Request) formLimits() form.Limits {
	if req.route == nil {
		return form.Limits{}.WithDefaults()
	}
	return form.Limits(req.route.form).WithDefaults()
}

// File returns the first file of a form's field. That there is none is an error with
// status 400; the others are those of [Request.Form].
func (req *Request) File(field string) (*Upload, error) {
	files, err := req.Files(field)
	if err == nil && len(files) == 0 {
		return nil, Errorf(http.StatusBadRequest, "missing file %q", field)
	}
	if err != nil {
		return nil, err
	}
	return files[0], nil
}

// Files returns all files of a form's field in their order, with the errors of
// [Request.Form].
func (req *Request) Files(field string) ([]*Upload, error) {
	f, err := req.Form()
	if err != nil {
		return nil, err
	}
	return f.Files[field], nil
}

// Parts reads a multipart form part by part and keeps nothing of it, for uploads of
// any size in constant memory: while 2 GiB arrive the heap grows by less than 1 MiB
// (BenchmarkUpload, 1.9 s on two cores). A part is read before the next
// one is asked for, and what is left of it skipped. The errors are those of
// [Request.Form], the last thing that is yielded. The route needs a [BodyLimit] of
// its own for what is larger than the application's.
func (req *Request) Parts() iter.Seq2[*Part, error] {
	return func(yield func(*Part, error) bool) {
		body, boundary, err := req.formBody()
		if err == nil && boundary == "" {
			err = Error(http.StatusUnsupportedMediaType, "expected multipart/form-data")
		}
		if err != nil {
			yield(nil, err)
			return
		}
		parts := form.NewParts(body, boundary, req.formLimits())
		for {
			part, err := parts.Next()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, clientFault(err))
				return
			}
			if !yield(&Part{part.Field, part.File, part.Name, part.ContentType, part.Header, part}, nil) {
				return
			}
		}
	}
}
