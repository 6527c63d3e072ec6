package main

import (
	"errors"
	"io/fs"
	"net/http"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/store"
)

const (
	maxPhoto = 4 << 20 // bytes
	// maxForm bounds the body of a report by form. What is above maxPhoto and below this is
	// answered by a word beside the field.
	maxForm = 2*maxPhoto + maxReport
)

var photoTooLarge = store.FieldError{Field: "photo", Code: store.CodeTooLarge, Max: maxPhoto, Detail: "must not have more than 4 MiB"}

// checkPhoto finds what is wrong with a picture. What it is, is looked for in itself: the
// name and the type that come with it are only what the client says.
func checkPhoto(photo *redstart.Upload) (name string, wrong *store.FieldError, err error) {
	if photo.Size > maxPhoto {
		return "", &photoTooLarge, nil
	}
	mediaType, err := photo.DetectType()
	if err != nil {
		return "", nil, err
	}
	content, err := photo.Open()
	if err != nil {
		return "", nil, err
	}
	if name, err = store.PhotoName(mediaType, content); err != nil {
		return "", nil, err
	}
	if name == "" {
		return "", &store.FieldError{Field: "photo", Code: store.CodeNoPhoto, Detail: "must be a picture: JPEG, PNG, GIF or WebP"}, nil
	}
	return name, nil, nil
}

// keepPhoto puts a picture into the folder, unless it is there.
func (d *desk) keepPhoto(photo *redstart.Upload, name string) error {
	root, err := d.store.Photos()
	if err != nil {
		return err
	}
	if err := photo.SaveAs(root, name); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// photo shows a picture. A name stands for one content, so that nobody needs to ask for
// it twice; it is not kept for ever, since a report may be removed.
func (d *desk) photo(req *redstart.Request) redstart.Response {
	name := req.Param("name")
	if !store.IsPhotoName(name) {
		return redstart.Fail(redstart.Error(http.StatusNotFound, "no such photo"))
	}
	root, err := d.store.Photos()
	if err != nil {
		return redstart.Fail(err)
	}
	return redstart.FilesFS(root.FS()).File(name).
		With("Cache-Control", "public, max-age=86400, immutable").
		With("Content-Security-Policy", "default-src 'none'; sandbox")
}
