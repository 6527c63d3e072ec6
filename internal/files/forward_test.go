package files

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestForwardReader(t *testing.T) {
	f := &forwardReader{file: struct{ io.Reader }{strings.NewReader("0123456789")}, size: 10}
	read := func() (string, error) {
		var p [2]byte
		n, err := f.Read(p[:])
		return string(p[:n]), err
	}
	seek := func(offset int64, whence int) int64 {
		at, err := f.Seek(offset, whence)
		require.NoError(t, err)
		return at
	}
	assert.EqualValues(t, 10, seek(0, io.SeekEnd))
	assert.EqualValues(t, 2, seek(2, io.SeekStart))
	text, err := read()
	require.NoError(t, err)
	assert.Equal(t, "23", text)

	assert.EqualValues(t, 6, seek(2, io.SeekCurrent))
	text, err = read()
	require.NoError(t, err)
	assert.Equal(t, "67", text)

	seek(0, io.SeekStart)
	_, err = read()
	require.ErrorIs(t, err, errBackward, "wrong bytes would be worse")

	seek(11, io.SeekStart)
	_, err = read()
	require.ErrorIs(t, err, io.EOF)

	_, err = f.Seek(-1, io.SeekStart)
	require.ErrorIs(t, err, errSeek)
	_, err = f.Seek(0, 7)
	require.ErrorIs(t, err, errSeek)
}
