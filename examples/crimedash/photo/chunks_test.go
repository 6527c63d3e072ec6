package photo

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// pngChunk is a chunk of a PNG with its checksum.
func pngChunk(name, content string) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	out = append(out, name+content...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE([]byte(name+content)))
}

// onePixel is the smallest lossless picture of a WebP.
const onePixel = "\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07"

// webp is a picture of one pixel, in the extended form, with one more chunk.
func webp(t testing.TB, name, content string) []byte {
	t.Helper()
	return riff("VP8X", "\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00", "VP8L", onePixel, name, content)
}

// riff is a WebP of chunks: names and contents in turn.
func riff(chunks ...string) []byte {
	body := []byte("WEBP")
	for pair := range slices.Chunk(chunks, 2) {
		body = append(body, pair[0]...)
		body = binary.LittleEndian.AppendUint32(body, uint32(len(pair[1])))
		body = append(body, pair[1]...)
		if len(pair[1])%2 == 1 {
			body = append(body, 0)
		}
	}
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

// What can be seen stays byte by byte, and VP8X does not promise what has gone.
func TestAWebPKeepsItsPicture(t *testing.T) {
	clean, err := cleanWebP(webp(t, "EXIF", secret))
	assert.NoError(t, err)
	assert.Equal(t, riff("VP8X", "\xd3\x00\x00\x00\x00\x00\x00\x00\x00\x00", "VP8L", onePixel), clean)
}
