// Package photo makes pictures that strangers send fit to be shown.
//
// A camera writes into its pictures where they were taken, when, and with what; a witness
// who sends one does not mean to say so. And a file that begins like a picture need not be
// one. So a picture is decoded and encoded anew, which keeps what can be seen and nothing
// else:
//
//	content, mediaType, err := photo.Clean(file)
//
//	from        to
//	image/jpeg  image/jpeg, upright
//	image/png   image/png
//	image/gif   image/png: the first picture of an animation
//	image/webp  image/webp: Go cannot encode it, so its parts with metadata are cut out
//
// Large pictures become smaller, see [MaxSide]. Colour profiles go with the rest: a
// picture with colours beyond sRGB is a little paler.
package photo

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
)

const (
	// MaxPixels is how many a picture may have that is to be decoded. That takes up to
	// eight bytes of memory for each, and twenty if it is a progressive JPEG.
	MaxPixels = 25_000_000

	// MaxSide is the longest side of what [Clean] returns of a JPEG, PNG or GIF, in pixels.
	MaxSide = 1600

	quality = 85 // of a JPEG
)

// What is wrong with a picture.
var (
	ErrUnknown = errors.New("photo: no JPEG, PNG, GIF or WebP")
	ErrBroken  = errors.New("photo: the picture is damaged")
	ErrPixels  = errors.New("photo: the picture has too many pixels")
)

// Clean returns the picture without anything that cannot be seen, and its media type. The
// same picture becomes the same bytes. The error is [ErrUnknown], [ErrBroken] or
// [ErrPixels], maybe wrapped, or that of the reader. The whole of it is read into memory:
// bound it.
func Clean(r io.Reader) (content []byte, mediaType string, err error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, "", fmt.Errorf("photo: read: %w", err)
	}
	switch {
	case isWebP(raw):
		content, err = cleanWebP(raw)
		return content, "image/webp", err
	case bytes.HasPrefix(raw, []byte("\xff\xd8\xff")):
		return reencode(raw, jpeg.DecodeConfig, jpeg.Decode, orientation(raw), asJPEG)
	case bytes.HasPrefix(raw, []byte("\x89PNG\r\n\x1a\n")):
		return reencode(raw, png.DecodeConfig, png.Decode, upright, asPNG)
	case bytes.HasPrefix(raw, []byte("GIF87a")), bytes.HasPrefix(raw, []byte("GIF89a")):
		return reencode(raw, gif.DecodeConfig, gif.Decode, upright, asPNG)
	}
	return nil, "", ErrUnknown
}

type encoder struct {
	mediaType string
	encode    func(io.Writer, image.Image) error
}

var (
	asJPEG = encoder{"image/jpeg", func(w io.Writer, m image.Image) error {
		return jpeg.Encode(w, m, &jpeg.Options{Quality: quality})
	}}
	asPNG = encoder{"image/png", png.Encode}
)

func reencode(raw []byte, size func(io.Reader) (image.Config, error), decode func(io.Reader) (image.Image, error), turn turn, to encoder) ([]byte, string, error) {
	config, err := size(bytes.NewReader(raw))
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("%w: %w", ErrBroken, err)
	case config.Width < 1 || config.Height < 1:
		return nil, "", fmt.Errorf("%w: it has no pixels", ErrBroken)
	case config.Width > MaxPixels/config.Height: // before it is decoded: a few bytes can claim to be huge
		return nil, "", fmt.Errorf("%w: %d × %d", ErrPixels, config.Width, config.Height)
	}
	picture, err := decode(bytes.NewReader(raw))
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("%w: %w", ErrBroken, err)
	case picture.Bounds().Empty(): // the first of a GIF may be smaller than the whole
		return nil, "", fmt.Errorf("%w: it has no pixels", ErrBroken)
	}
	var out bytes.Buffer
	if err := to.encode(&out, fit(picture, turn)); err != nil {
		return nil, "", fmt.Errorf("photo: encode: %w", err)
	}
	return out.Bytes(), to.mediaType, nil
}
