package form

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/redstart-go/redstart/internal/excerpt"
	"github.com/redstart-go/redstart/internal/upload"
)

// Limits bound a form. The zero value stands for the defaults.
type Limits struct {
	Memory int64 // bytes of all files together that are kept in memory; 1 MiB, none if negative
	Text   int64 // bytes of all names and values together; 4 MiB
	Parts  int   // fields and files; 1000
}

// WithDefaults returns the limits with their defaults put in.
func (l Limits) WithDefaults() Limits {
	if l.Memory == 0 {
		l.Memory = 1 << 20
	}
	if l.Text <= 0 {
		l.Text = 4 << 20
	}
	if l.Parts <= 0 {
		l.Parts = 1000
	}
	return l
}

// Form is a form that was read in full.
type Form struct {
	Values url.Values         // text fields, repeated ones in their order
	Files  map[string][]*File // by field, in their order
	spool  spool
}

// Remove deletes the temporary file. Reading a file that was in it is then an error.
// It may be called more than once, and while files are read.
func (f *Form) Remove() { f.spool.remove() }

// Boundary returns the boundary of a multipart form, and "" for one that is
// urlencoded, by its Content-Type. The error has status 415, or 400 for a multipart
// type with no fit boundary.
func Boundary(contentType string) (string, error) {
	media, params, err := mime.ParseMediaType(contentType)
	charset, boundary := params["charset"], params["boundary"]
	switch {
	case err != nil:
	case media == "application/x-www-form-urlencoded" && (charset == "" || strings.EqualFold(charset, "utf-8")):
		return "", nil
	case media != "multipart/form-data":
	case boundary == "" || len(boundary) > 70: // RFC 2046 section 5.1.1
		return "", malformed(nil, "Content-Type %q: expected a boundary of 1 to 70 characters", excerpt.Of(contentType, 100))
	default:
		return boundary, nil
	}
	return "", &upload.Fault{Status: http.StatusUnsupportedMediaType, Err: err, Detail: fmt.Sprintf(
		"Content-Type %q: expected multipart/form-data or application/x-www-form-urlencoded", excerpt.Of(contentType, 100))}
}

// Announced says whether a body is a form rather than JSON, by its Content-Type; that
// there is none is taken for JSON. The error for any other has status 415.
func Announced(contentType string) (bool, error) {
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case contentType == "" || media == "application/json" || strings.HasSuffix(media, "+json"):
		return false, nil
	case media == "application/x-www-form-urlencoded" || media == "multipart/form-data":
		return true, nil // what may be wrong with its parameters is for who reads it
	}
	return false, &upload.Fault{Status: http.StatusUnsupportedMediaType, Err: err, Detail: fmt.Sprintf(
		"Content-Type %q: expected application/json, multipart/form-data or application/x-www-form-urlencoded", excerpt.Of(contentType, 100))}
}

// Read reads a form: a multipart one unless the boundary is "". After an error
// nothing is left to remove. An error of the reader is returned as it is, others are
// an [upload.Fault].
func Read(r io.Reader, boundary string, l Limits) (*Form, error) {
	l = l.WithDefaults()
	if boundary == "" {
		return readURLEncoded(r, l)
	}
	f := &Form{Values: url.Values{}, Files: map[string][]*File{}}
	if err := f.readParts(NewParts(r, boundary, l), l); err != nil {
		f.Remove()
		return nil, err
	}
	return f, nil
}

func readURLEncoded(r io.Reader, l Limits) (*Form, error) {
	data, err := io.ReadAll(io.LimitReader(r, l.Text+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > l.Text {
		return nil, tooLarge("the form is larger than %d bytes", l.Text)
	}
	f := &Form{Values: url.Values{}}
	f.Values, err = parseURLEncoded(string(data), l.Parts)
	return f, err
}

// parseURLEncoded is as strict as a program wants to be that stores what it is
// sent: the standard's parser would replace what is not UTF-8, and keep a broken
// escape as it is.
func parseURLEncoded(text string, limit int) (url.Values, error) {
	values := url.Values{}
	fields := 0
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		if fields++; fields > limit {
			return nil, tooLarge("the form has more than %d fields", limit)
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err == nil && !utf8.ValidString(name) {
			err = errUTF8
		}
		if err != nil {
			return nil, malformed(err, "form field %d: the name %q: %s", fields, excerpt.Of(rawName, 100), reason(err))
		}
		value, err := url.QueryUnescape(rawValue)
		if err == nil && !utf8.ValidString(value) {
			err = errUTF8
		}
		if err != nil {
			return nil, malformed(err, "form field %q: %s", excerpt.Of(name, 100), reason(err))
		}
		values[name] = append(values[name], value)
	}
	return values, nil
}

var errUTF8 = errors.New("the text is not UTF-8")

func reason(err error) string {
	if escape, ok := errors.AsType[url.EscapeError](err); ok {
		return fmt.Sprintf("%q is not a percent-encoded byte", string(escape))
	}
	return err.Error()
}

func (f *Form) readParts(parts *Parts, l Limits) error {
	memory, text := max(l.Memory, 0), l.Text
	for {
		part, err := parts.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if text -= int64(len(part.Field)); text < 0 {
			return tooLarge("form field %q: the fields are larger than %d bytes together", excerpt.Of(part.Field, 100), l.Text)
		}
		if part.File {
			file, err := f.store(part, memory)
			if err != nil {
				return err
			}
			if file == nil {
				continue
			}
			memory -= file.inMemory()
			f.Files[part.Field] = append(f.Files[part.Field], file)
			continue
		}
		data, err := io.ReadAll(io.LimitReader(part, text+1))
		if err != nil {
			return err
		}
		if text -= int64(len(data)); text < 0 {
			return tooLarge("form field %q: the fields are larger than %d bytes together", excerpt.Of(part.Field, 100), l.Text)
		}
		if !utf8.Valid(data) {
			return malformed(errUTF8, "form field %q: %v", excerpt.Of(part.Field, 100), errUTF8)
		}
		f.Values[part.Field] = append(f.Values[part.Field], string(data))
	}
}

// store keeps a file: in memory as long as it fits. A browser sends an input for
// which no file was chosen as one without a name and content: that is no file, and
// the result is nil.
func (f *Form) store(part *Part, memory int64) (*File, error) {
	file := &File{Field: part.Field, Name: part.Name, ContentType: part.ContentType}
	var buf bytes.Buffer
	n, err := io.Copy(&buf, io.LimitReader(part, memory+1))
	if err != nil {
		return nil, err
	}
	if n <= memory {
		if n == 0 && part.unnamed {
			return nil, nil
		}
		file.Content = Content{bytes.NewReader(buf.Bytes()), n}
		return file, nil
	}
	file.Content, err = f.spool.store(io.MultiReader(&buf, part))
	return file, err
}
