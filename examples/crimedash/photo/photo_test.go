package photo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// secret is what must not be in a cleaned picture.
const secret = "52.5200 N 13.4050 E"

// quarters is a picture with another colour in each corner: red and green above, blue and
// white below.
func quarters(width, height int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := []color.NRGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 255, 255}}[2*(2*y/height)+2*x/width]
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}))
	return b.Bytes()
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, m))
	return b.Bytes()
}

func gifOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, gif.Encode(&b, m, nil))
	return b.Bytes()
}

// exif is a segment APP1 with an orientation, and something secret behind it.
func exif(order binary.AppendByteOrder, value uint16) []byte {
	mark := bigEndianMark
	if order.String() == binary.LittleEndian.String() {
		mark = littleEndianMark
	}
	tiff := order.AppendUint32([]byte(mark), headerBytes)
	tiff = order.AppendUint16(tiff, 2)
	for _, entry := range [][2]uint16{{0x0110, 7}, {tagOrientation, value}} { // the model of the camera comes first
		tiff = order.AppendUint16(tiff, entry[0])
		tiff = order.AppendUint16(tiff, typeShort)
		tiff = order.AppendUint32(tiff, 1)
		tiff = order.AppendUint16(tiff, entry[1])
		tiff = order.AppendUint16(tiff, 0)
	}
	return segment(markerApp1, exifPreface+string(tiff)+secret)
}

func segment(marker byte, content string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(content)+2)), content...)
}

// with puts segments at the start of a JPEG.
func with(raw []byte, segments ...[]byte) []byte {
	return slices.Concat(raw[:2], slices.Concat(segments...), raw[2:])
}

// corners reads the colours back: the letters of red, green, blue and white, row by row.
func corners(m image.Image) string {
	b := m.Bounds()
	var out strings.Builder
	for _, y := range []int{b.Min.Y + 1, b.Max.Y - 2} {
		for _, x := range []int{b.Min.X + 1, b.Max.X - 2} {
			r, g, bl, _ := m.At(x, y).RGBA()
			high := [3]bool{r > 0x8000, g > 0x8000, bl > 0x8000}
			out.WriteString(map[[3]bool]string{{true, false, false}: "R", {false, true, false}: "G", {false, false, true}: "B", {true, true, true}: "W"}[high])
		}
	}
	return out.String()
}

func TestTurns(t *testing.T) {
	for want, value := range map[string]uint16{"RGBW": 1, "GRWB": 2, "WBGR": 3, "BWRG": 4, "RBGW": 5, "BRWG": 6, "WGBR": 7, "GWRB": 8} {
		for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
			raw := with(jpegOf(t, quarters(60, 40)), segment(0xe0, "JFIF\x00"), []byte{0xff}, exif(order, value))
			clean, mediaType, err := Clean(bytes.NewReader(raw))
			require.NoError(t, err)
			assert.Equal(t, "image/jpeg", mediaType)
			m, err := jpeg.Decode(bytes.NewReader(clean))
			require.NoError(t, err)
			assert.Equal(t, want, corners(m), "%v of %v", value, order)
			size := image.Pt(60, 40)
			if value >= 5 {
				size = image.Pt(40, 60)
			}
			assert.Equal(t, size, m.Bounds().Size(), value)
			assert.NotContains(t, string(clean), secret)
			assert.NotContains(t, string(clean), "Exif")
		}
	}
}

func TestOddMetadataMeansUpright(t *testing.T) {
	good := exif(binary.BigEndian, 6)
	for name, segments := range map[string][]byte{
		"none":                    nil,
		"no such turn":            exif(binary.LittleEndian, 9),
		"turn 0":                  exif(binary.LittleEndian, 0),
		"no TIFF":                 segment(markerApp1, exifPreface+"Joker"),
		"a short TIFF":            segment(markerApp1, exifPreface+bigEndianMark),
		"a directory beyond":      segment(markerApp1, exifPreface+bigEndianMark+"\xff\xff\xff\xff"),
		"a directory cut short":   segment(markerApp1, exifPreface+bigEndianMark+"\x00\x00\x00\x08\x00\x05\x01\x12"),
		"another type":            bytes.Replace(good, []byte("\x01\x12\x00\x03"), []byte("\x01\x12\x00\x04"), 1),
		"in a segment for others": bytes.Replace(good, []byte{0xff, markerApp1}, []byte{0xff, 0xe2}, 1),
	} {
		clean, _, err := Clean(bytes.NewReader(with(jpegOf(t, quarters(60, 40)), segments)))
		require.NoError(t, err, name)
		m, err := jpeg.Decode(bytes.NewReader(clean))
		require.NoError(t, err, name)
		assert.Equal(t, "RGBW", corners(m), name)
	}
}

// pngWithText has a text, and Exif as PNG has it, before the picture.
func pngWithText(t testing.TB) []byte {
	raw := pngOf(t, quarters(60, 40))
	const beforeIDAT = 33 // the signature and the chunk IHDR
	return slices.Concat(raw[:beforeIDAT], pngChunk("tEXt", "Comment\x00"+secret), pngChunk("eXIf", bigEndianMark+secret), raw[beforeIDAT:])
}

func TestNothingUnseenIsLeft(t *testing.T) {
	for name, test := range map[string]struct {
		raw       []byte
		mediaType string
	}{
		"JPEG with Exif, XMP, IPTC and a comment": {with(jpegOf(t, quarters(60, 40)), exif(binary.BigEndian, 1),
			segment(markerApp1, "http://ns.adobe.com/xap/1.0/\x00"+secret), segment(0xed, "Photoshop 3.0\x00"+secret), segment(0xfe, secret)), "image/jpeg"},
		"JPEG with something behind it": {append(jpegOf(t, quarters(60, 40)), secret...), "image/jpeg"},
		"PNG with texts and Exif":       {pngWithText(t), "image/png"},
		"PNG with something behind it":  {append(pngOf(t, quarters(60, 40)), secret...), "image/png"},
		"GIF":                           {append(gifOf(t, quarters(60, 40)), secret...), "image/png"},
		"WebP with Exif":                {webp(t, "EXIF", secret), "image/webp"},
		"WebP with XMP":                 {webp(t, "XMP ", secret+"!"), "image/webp"},
		"WebP with something unknown":   {webp(t, "BATS", secret), "image/webp"},
		"WebP with something behind it": {append(webp(t, "EXIF", ""), secret...), "image/webp"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, string(test.raw), secret)
			clean, mediaType, err := Clean(bytes.NewReader(test.raw))
			require.NoError(t, err)
			assert.Equal(t, test.mediaType, mediaType)
			assert.NotContains(t, string(clean), secret)
			again, _, err := Clean(bytes.NewReader(test.raw))
			require.NoError(t, err)
			assert.Equal(t, clean, again, "the same picture is the same bytes")
			if mediaType == "image/png" {
				m, err := png.Decode(bytes.NewReader(clean))
				require.NoError(t, err)
				assert.Equal(t, "RGBW", corners(m))
			}
		})
	}
}

func TestLargePicturesBecomeSmaller(t *testing.T) {
	for name, test := range map[string]struct{ from, want image.Point }{
		"as large as allowed": {image.Pt(MaxSide, 30), image.Pt(MaxSide, 30)},
		"one more":            {image.Pt(MaxSide+1, 30), image.Pt(800, 15)},
		"upright":             {image.Pt(2000, 4000), image.Pt(666, 1333)},
		"a strip":             {image.Pt(5000, 1), image.Pt(1250, 1)},
		"a pixel":             {image.Pt(1, 1), image.Pt(1, 1)},
	} {
		clean, _, err := Clean(bytes.NewReader(pngOf(t, quarters(test.from.X, test.from.Y))))
		require.NoError(t, err, name)
		m, err := png.Decode(bytes.NewReader(clean))
		require.NoError(t, err, name)
		assert.Equal(t, test.want, m.Bounds().Size(), name)
		if test.want.Y > 4 {
			assert.Equal(t, "RGBW", corners(m), name)
		}
	}
}

func TestTransparencyStays(t *testing.T) {
	m := quarters(60, 40)
	m.SetNRGBA(0, 0, color.NRGBA{})
	m.SetNRGBA(1, 0, color.NRGBA{200, 100, 50, 128})
	clean, _, err := Clean(bytes.NewReader(pngOf(t, m)))
	require.NoError(t, err)
	got, err := png.Decode(bytes.NewReader(clean))
	require.NoError(t, err)
	assert.Equal(t, color.NRGBA{}, color.NRGBAModel.Convert(got.At(0, 0)))
	assert.InDeltaMapValues(t, map[string]int{"r": 200, "g": 100, "b": 50, "a": 128}, channels(got.At(1, 0)), 2)
	assert.Equal(t, color.NRGBA{255, 0, 0, 255}, color.NRGBAModel.Convert(got.At(2, 2)))
}

func channels(c color.Color) map[string]int {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	return map[string]int{"r": int(n.R), "g": int(n.G), "b": int(n.B), "a": int(n.A)}
}

func TestWhatIsNoPictureIsRefused(t *testing.T) {
	jpegs, pngs, gifs, webps := jpegOf(t, quarters(60, 40)), pngOf(t, quarters(60, 40)), gifOf(t, quarters(60, 40)), webp(t, "EXIF", secret)
	huge := bytes.Clone(pngs[:33])
	binary.BigEndian.PutUint32(huge[16:], 5001)
	binary.BigEndian.PutUint32(huge[20:], 5000)
	huge = slices.Concat(huge[:8], pngChunk("IHDR", string(huge[16:29])), pngs[33:])
	empty := slices.Concat(gifs[:6], make([]byte, 4), gifs[10:])
	const screen = "GIF89a\x08\x00\x08\x00\x80\x00\x00" + "\x00\x00\x00\xff\xff\xff"            // 8 × 8, black and white
	hollow := screen + "\x2c\x00\x00\x00\x00\x00\x00\x00\x00\x00" + "\x02\x01\x2c\x00" + "\x3b" // with a picture of 0 × 0
	wide := bytes.Clone(webp(t, "EXIF", ""))
	copy(wide[riffHeader+chunkHeader+4:], "\xff\xff\x00\xff\xff\x00")
	for name, test := range map[string]struct {
		raw  []byte
		want error
	}{
		"nothing":                     {nil, ErrUnknown},
		"text":                        {[]byte("Riddle me this"), ErrUnknown},
		"a page":                      {[]byte("<html><script>alert(1)</script>"), ErrUnknown},
		"SVG":                         {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), ErrUnknown},
		"another RIFF":                {[]byte("RIFF\x24\x00\x00\x00WAVEfmt "), ErrUnknown},
		"half a JPEG":                 {jpegs[:len(jpegs)/2], ErrBroken},
		"the start of a JPEG":         {jpegs[:4], ErrBroken},
		"half a PNG":                  {pngs[:len(pngs)/2], ErrBroken},
		"a PNG with a wrong checksum": {bytes.Replace(pngs, []byte("IDAT"), []byte("IDAU"), 1), ErrBroken},
		"half a GIF":                  {gifs[:len(gifs)/2], ErrBroken},
		"a GIF without pixels":        {empty, ErrBroken},
		"a GIF with an empty picture": {[]byte(hollow), ErrBroken},
		"half a WebP":                 {webps[:len(webps)/2], ErrBroken},
		"a WebP without a picture":    {riff("EXIF", secret), ErrBroken},
		"a WebP that is too short":    {[]byte("RIFF\x00\x00\x00\x00WEBP"), ErrBroken},
		"a WebP with an odd end":      {[]byte("RIFF\x07\x00\x00\x00WEBPVP8"), ErrBroken},
		"a WebP with a long chunk":    {[]byte("RIFF\x0c\x00\x00\x00WEBPVP8 \xff\xff\xff\xff"), ErrBroken},
		"a WebP with half a VP8X":     {riff("VP8X", "\x00\x00"), ErrBroken},
		"too many pixels":             {huge, ErrPixels},
		"too many pixels in a WebP":   {wide, ErrPixels},
	} {
		content, mediaType, err := Clean(bytes.NewReader(test.raw))
		require.ErrorIs(t, err, test.want, name)
		assert.True(t, strings.HasPrefix(err.Error(), "photo: "), err)
		assert.Empty(t, content, name)
		assert.NotContains(t, mediaType, "html", name)
	}
	_, _, err := Clean(iotest.ErrReader(errors.New("the disk is gone")))
	assert.EqualError(t, err, "photo: read: the disk is gone")
}

// Whatever comes in, what comes out is a picture, and stays what it is.
func FuzzClean(f *testing.F) {
	f.Add(with(jpegOf(f, quarters(60, 40)), exif(binary.BigEndian, 6)))
	f.Add(pngWithText(f))
	f.Add(gifOf(f, quarters(8, 8)))
	f.Add(webp(f, "EXIF", secret))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if config, _, err := image.DecodeConfig(bytes.NewReader(raw)); err == nil && config.Width*config.Height > 1_000_000 {
			t.Skip("it is about what is in it, not how large it is")
		}
		clean, mediaType, err := Clean(bytes.NewReader(raw))
		if err != nil {
			return
		}
		_, again, err := Clean(bytes.NewReader(clean))
		require.NoError(t, err)
		assert.Equal(t, mediaType, again)
	})
}
