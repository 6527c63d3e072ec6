package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/examples/crimedash/store"
)

func TestPhotoNames(t *testing.T) {
	const name = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881.png"
	photo := store.Photo{Type: "image/png", Content: []byte("x")}
	assert.Equal(t, name, photo.Name())
	s := open(t, store.Options{Empty: true})
	with := report()
	with.Photo = &photo
	crime, err := s.Report(t.Context(), with)
	require.NoError(t, err)
	assert.Equal(t, name, crime.Photo)
	got, err := s.Photo(t.Context(), name)
	require.NoError(t, err)
	assert.Equal(t, photo, got)
	for _, bad := range []string{"", "../" + name, name + "\n", strings.ToUpper(name), "a.png", name[:len(name)-3] + "svg", "0" + name[1:]} {
		_, err := s.Photo(t.Context(), bad)
		assert.ErrorIs(t, err, store.ErrNotFound, bad)
	}
	with.Photo = &store.Photo{Type: "text/html", Content: []byte("<script>")}
	_, err = s.Report(t.Context(), with)
	assert.ErrorContains(t, err, `a photo of the type "text/html"`)
}

// A picture stays as long as a report shows it, whichever comes first.
func TestAPhotoGoesWithItsLastReport(t *testing.T) {
	s := open(t, store.Options{Empty: true})
	with := report()
	with.Photo = &store.Photo{Type: "image/jpeg", Content: []byte("x")}
	var crimes []store.Crime
	for range 2 {
		crime, err := s.Report(t.Context(), with)
		require.NoError(t, err)
		crimes = append(crimes, crime)
	}
	for i, crime := range crimes {
		_, err := s.Photo(t.Context(), crime.Photo)
		require.NoError(t, err)
		change, err := s.Plan(t.Context(), crime.ID, "", "gordon")
		require.NoError(t, err)
		require.NoError(t, s.Apply(t.Context(), "", change), i)
	}
	_, err := s.Photo(t.Context(), crimes[0].Photo)
	assert.ErrorIs(t, err, store.ErrNotFound)
}
