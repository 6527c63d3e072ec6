package testclient

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"slices"
)

// Form is the body of a request that sends files, as multipart/form-data. Values come
// first, by their names, then the files in their order.
type Form struct {
	Values url.Values
	Files  []File
}

// File is a file of a [Form].
type File struct {
	Field, Name string
	ContentType string // "application/octet-stream" by default
	Content     []byte
}

func (f Form) encode() (content io.Reader, contentType string, err error) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body) // a Buffer takes everything: what follows has no errors
	for _, name := range slices.Sorted(maps.Keys(f.Values)) {
		for _, value := range f.Values[name] {
			_ = w.WriteField(name, value)
		}
	}
	for i, file := range f.Files {
		if file.Field == "" {
			return nil, "", fmt.Errorf("file %d of the form has no Field", i+1)
		}
		part, _ := w.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {multipart.FileContentDisposition(file.Field, file.Name)},
			"Content-Type":        {cmp.Or(file.ContentType, "application/octet-stream")},
		})
		_, _ = part.Write(file.Content)
	}
	_ = w.Close()
	return &body, w.FormDataContentType(), nil
}
