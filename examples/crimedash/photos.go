package main

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/photo"
	"github.com/redstart-go/redstart/examples/crimedash/store"
)

const (
	maxPhoto = 4 << 20 // bytes
	// maxForm bounds the body of a report by form. What is above maxPhoto and below this is
	// answered by a word beside the field.
	maxForm = 2*maxPhoto + maxReport
)

var photoTooLarge = store.FieldError{Field: "photo", Code: store.CodeTooLarge, Max: maxPhoto, Detail: "must not have more than 4 MiB"}

// darkroom takes from photos what their witnesses do not mean to tell, one at a time: a
// small file can become a large picture in memory.
type darkroom chan struct{}

func newDarkroom() darkroom { return make(darkroom, 1) }

// develop returns the picture that is kept, or what is wrong with the file. What it is, is
// looked for in itself: the name and the type that come with it are only what the client
// says.
func (d darkroom) develop(ctx context.Context, upload *redstart.Upload) (*store.Photo, *store.FieldError, error) {
	if upload.Size > maxPhoto {
		return nil, &photoTooLarge, nil
	}
	select {
	case d <- struct{}{}:
		defer func() { <-d }()
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	file, err := upload.Open()
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	content, mediaType, err := photo.Clean(file)
	wrong := &store.FieldError{Field: "photo"}
	switch {
	case err == nil:
		return &store.Photo{Type: mediaType, Content: content}, nil, nil
	case errors.Is(err, photo.ErrUnknown):
		wrong.Code, wrong.Detail = store.CodeNoPhoto, "must be a picture: JPEG, PNG, GIF or WebP"
	case errors.Is(err, photo.ErrBroken):
		wrong.Code, wrong.Detail = store.CodeBroken, "must be a whole picture: this one is damaged"
	case errors.Is(err, photo.ErrPixels):
		wrong.Code, wrong.Max, wrong.Detail = store.CodePixels, photo.MaxPixels, "must not have more than 25 million pixels"
	default:
		return nil, nil, err
	}
	return nil, wrong, nil
}

// photo shows a picture. A name stands for one content, so that nobody needs to ask for
// it twice; it is not kept for ever, since a report may be removed.
func (d *desk) photo(req *redstart.Request) redstart.Response {
	name := req.Param("name")
	found, err := d.store.Photo(req.Context(), name)
	if errors.Is(err, store.ErrNotFound) {
		return redstart.Fail(redstart.Error(http.StatusNotFound, "no such photo").WithCause(err))
	}
	if err != nil {
		return redstart.Fail(err)
	}
	return redstart.Bytes(found.Content).With("Content-Type", found.Type).
		With("ETag", strconv.Quote(name)).
		With("Cache-Control", "public, max-age=86400, immutable").
		With("Content-Security-Policy", "default-src 'none'; sandbox")
}
