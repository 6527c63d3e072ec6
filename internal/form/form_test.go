package form

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/upload"
)

const boundary = "gotham"

// body writes a multipart body from its lines.
func body(lines ...string) string { return strings.Join(lines, "\r\n") }

func field(name, value string) string {
	return body("--gotham", `Content-Disposition: form-data; name="`+name+`"`, "", value, "")
}

func file(field, name, contentType, content string) string {
	return body("--gotham", `Content-Disposition: form-data; name="`+field+`"; filename="`+name+`"`,
		"Content-Type: "+contentType, "", content, "")
}

const closing = "--gotham--\r\n"

func TestReadMultipart(t *testing.T) {
	text := field("kind", "arson") + field("ally", "Robin") + file("photo", `C:\pics\joker.png`, "image/png", "\x89PNG\r\n\x1a\n") +
		field("ally", "Gordon") + file("photo", "犯罪.txt", "text/plain", "hello") + file("empty", "", "application/octet-stream", "") + closing
	f, err := Read(strings.NewReader(text), boundary, Limits{})
	require.NoError(t, err)
	defer f.Remove()
	assert.Equal(t, "arson", f.Values.Get("kind"))
	assert.Equal(t, []string{"Robin", "Gordon"}, f.Values["ally"], "repeated fields are kept in their order")
	require.Len(t, f.Files["photo"], 2)
	assert.NotContains(t, f.Files, "empty", "an input without a chosen file is no file")
	assert.NotContains(t, f.Values, "empty")

	first, second := f.Files["photo"][0], f.Files["photo"][1]
	assert.Equal(t, "joker.png", first.Name)
	assert.Equal(t, "image/png", first.ContentType)
	assert.Equal(t, int64(8), first.Size)
	assert.Equal(t, "犯罪.txt", second.Name)
	sniffed, err := first.DetectType()
	require.NoError(t, err)
	assert.Equal(t, "image/png", sniffed)
	sniffed, err = second.DetectType()
	require.NoError(t, err)
	assert.Equal(t, "text/plain; charset=utf-8", sniffed)
}

func TestFilesAreInMemoryUpToTheBoundAndOnDiskAbove(t *testing.T) {
	for _, tt := range []struct {
		name   string
		memory int64
		files  []string
		disk   []bool
	}{
		{"all in memory", 100, []string{"abc", "def"}, []bool{false, false}},
		{"exactly at the bound", 6, []string{"abc", "def"}, []bool{false, false}},
		{"the second over it", 5, []string{"abc", "def"}, []bool{false, true}},
		{"one over it, one that fits", 4, []string{"abcdef", "abcd"}, []bool{true, false}},
		{"none in memory", -1, []string{"a", "", "bc"}, []bool{true, false, true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("TMPDIR", dir)
			var text string
			for i, content := range tt.files {
				text += file("f", fmt.Sprintf("%d.txt", i), "text/plain", content)
			}
			f, err := Read(strings.NewReader(text+closing), boundary, Limits{Memory: tt.memory})
			require.NoError(t, err)
			require.Len(t, f.Files["f"], len(tt.files))
			for i, got := range f.Files["f"] {
				_, disk := got.at.(section)
				assert.Equal(t, tt.disk[i], disk, "file %d", i)
				assert.Equal(t, int64(len(tt.files[i])), got.Size)
				for range 2 { // each reader is its own
					r, err := got.Open()
					require.NoError(t, err)
					data, err := io.ReadAll(r)
					require.NoError(t, err)
					assert.Equal(t, tt.files[i], string(data))
				}
			}
			f.Remove()
			f.Remove()
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Empty(t, left, "temporary files are gone")
			for i, got := range f.Files["f"] {
				if tt.disk[i] {
					_, err := got.Open()
					assert.ErrorIs(t, err, errRemoved)
				}
			}
		})
	}
}

func TestAReaderFromBeforeTheEndFailsAfterIt(t *testing.T) {
	f, err := Read(strings.NewReader(file("f", "a", "text/plain", "abc")+closing), boundary, Limits{Memory: -1})
	require.NoError(t, err)
	r, err := f.Files["f"][0].Open()
	require.NoError(t, err)
	f.Remove()
	_, err = io.ReadAll(r)
	assert.ErrorIs(t, err, errRemoved)
}

func TestReadURLEncoded(t *testing.T) {
	f, err := Read(strings.NewReader("kind=arson&ally=Robin&ally=Jim+Gordon&empty=&bare&&%E7%8A%AF=%26;"), "", Limits{})
	require.NoError(t, err)
	assert.Equal(t, []string{"Robin", "Jim Gordon"}, f.Values["ally"])
	assert.Equal(t, []string{""}, f.Values["empty"])
	assert.Equal(t, []string{""}, f.Values["bare"])
	assert.Equal(t, []string{"&;"}, f.Values["犯"])
	assert.Empty(t, f.Files)
	f.Remove()
}

// badForms is every way in which a form can be wrong.
var badForms = []struct {
	name, boundary, text string
	limits               Limits
	status               int
	want                 string
}{
	{"broken escape", "", "kind=%zz", Limits{}, 400, `form field "kind": "%zz" is not a percent-encoded byte`},
	{"broken escape in a name", "", "a=1&%4=x", Limits{}, 400, `form field 2: the name "%4": "%4" is not a percent-encoded byte`},
	{"value not UTF-8", "", "kind=%ff", Limits{}, 400, `form field "kind": the text is not UTF-8`},
	{"name not UTF-8", "", "%ff=1", Limits{}, 400, `form field 1: the name "%ff": the text is not UTF-8`},
	{"too many fields", "", "a=1&b=2&c=3", Limits{Parts: 2}, 413, "the form has more than 2 fields"},
	{"too much text", "", "a=1&b=2&c=3", Limits{Text: 10}, 413, "the form is larger than 10 bytes"},

	{"no parts at all", boundary, "", Limits{}, 400, "the form ends within part 1: the closing boundary is missing"},
	{"another boundary", boundary, "--metropolis\r\n\r\n--metropolis--\r\n", Limits{}, 400, "the form ends within part 1: the closing boundary is missing"},
	{"cut in a value", boundary, field("a", "1") + "--gotham\r\nContent-Disposition: form-data; name=b\r\n\r\nxy", Limits{}, 400, "the form ends within part 2: the closing boundary is missing"},
	{"cut in a header", boundary, field("a", "1") + "--gotham\r\nContent-Dispo", Limits{}, 400, "part 2 of the form is malformed"},
	{"cut between parts", boundary, field("a", "1"), Limits{}, 400, "the form ends within part 1: the closing boundary is missing"},
	{"header without a colon", boundary, "--gotham\r\nnonsense\r\n\r\nx\r\n" + closing, Limits{}, 400, "part 1 of the form is malformed"},
	{"no disposition", boundary, "--gotham\r\nX-A: b\r\n\r\nx\r\n" + closing, Limits{}, 400, "part 1 of the form: its Content-Disposition is missing or malformed"},
	{"no name", boundary, "--gotham\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + closing, Limits{}, 400, "part 1 of the form: expected a Content-Disposition of form-data with a name"},
	{"another disposition", boundary, "--gotham\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n" + closing, Limits{}, 400, "part 1 of the form: expected a Content-Disposition of form-data with a name"},
	{"name not UTF-8 in parts", boundary, field("\xff", "x") + closing, Limits{}, 400, "part 1 of the form: its name is not UTF-8"},
	{"value not UTF-8 in parts", boundary, field("kind", "\xff") + closing, Limits{}, 400, `form field "kind": the text is not UTF-8`},
	{"too many parts", boundary, field("a", "1") + field("b", "2") + field("c", "3") + closing, Limits{Parts: 2}, 413, "the form has more than 2 parts"},
	{"too much text in parts", boundary, field("a", "1234567") + field("kind", "1234567") + closing, Limits{Text: 10}, 413, `form field "kind": the fields are larger than 10 bytes together`},
	{"names too long", boundary, field("a", "1") + field("abcdefghijk", "") + closing, Limits{Text: 10}, 413, `form field "abcdefghijk": the fields are larger than 10 bytes together`},
	{"huge header", boundary, "--gotham\r\nX-A: " + strings.Repeat("x", 100<<10) + "\r\n\r\nx\r\n" + closing, Limits{}, 413, "part 1 of the form: its header is larger than 32768 bytes"},
	{"huge header of a later part", boundary, field("a", strings.Repeat("y", 200<<10)) + "--gotham\r\nX-A: " + strings.Repeat("x", 100<<10) + "\r\n\r\nx\r\n" + closing, Limits{}, 413, "part 2 of the form: its header is larger than 32768 bytes"},
	{"huge preamble", boundary, strings.Repeat("x\r\n", 100<<10) + closing, Limits{}, 413, "part 1 of the form: its header is larger than 32768 bytes"},
	{"huge epilogue", boundary, field("a", "1") + closing + strings.Repeat("x", 100<<10), Limits{}, 400, "the body goes on after the end of the form"},
}

func TestBadForms(t *testing.T) {
	for _, tt := range badForms {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read(strings.NewReader(tt.text), tt.boundary, tt.limits)
			fault, ok := errors.AsType[*upload.Fault](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, tt.status, fault.Status)
			assert.Contains(t, fault.Detail, tt.want)
		})
	}
}

func TestAnErrorLeavesNothingOnDisk(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	_, err := Read(strings.NewReader(file("f", "a", "text/plain", "abc")+"--gotham\r\nnonsense"), boundary, Limits{Memory: -1})
	require.Error(t, err)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestErrorsOfTheReaderGoThrough(t *testing.T) {
	broken := errors.New("the river froze")
	for _, sent := range []string{"", "--gotham\r\nConte", field("a", "1"), file("f", "a", "text/plain", "abc")[:90]} {
		r := io.MultiReader(strings.NewReader(sent), errReader{broken})
		_, err := Read(r, boundary, Limits{Memory: -1})
		assert.ErrorIs(t, err, broken, "after %q", sent)
	}
	_, err := Read(errReader{broken}, "", Limits{})
	assert.ErrorIs(t, err, broken)
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

func TestADiskThatFailsIsNoFaultOfTheClient(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/missing")
	_, err := Read(strings.NewReader(file("f", "a", "text/plain", "abc")+closing), boundary, Limits{Memory: -1})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, fault := errors.AsType[*upload.Fault](err)
	assert.False(t, fault)
}

func TestBoundary(t *testing.T) {
	for _, tt := range []struct {
		contentType, want string
		status            int
	}{
		{"application/x-www-form-urlencoded", "", 0},
		{"application/x-www-form-urlencoded; charset=UTF-8", "", 0},
		{"multipart/form-data; boundary=gotham", "gotham", 0},
		{`Multipart/Form-Data; boundary="go tham"`, "go tham", 0},
		{"application/x-www-form-urlencoded; charset=latin1", "", 415},
		{"multipart/form-data", "", 400},
		{"multipart/form-data; boundary=" + strings.Repeat("x", 71), "", 400},
		{"multipart/mixed; boundary=gotham", "", 415},
		{"application/json", "", 415},
		{"", "", 415},
		{"multipart/form-data; boundary", "", 415},
	} {
		t.Run(tt.contentType, func(t *testing.T) {
			got, err := Boundary(tt.contentType)
			assert.Equal(t, tt.want, got)
			if tt.status == 0 {
				require.NoError(t, err)
				return
			}
			fault, ok := errors.AsType[*upload.Fault](err)
			require.True(t, ok)
			assert.Equal(t, tt.status, fault.Status)
			assert.Contains(t, fault.Detail, "Content-Type")
		})
	}
}

func TestPartsAreReadOneByOne(t *testing.T) {
	p := NewParts(strings.NewReader(field("a", "1")+file("f", "x.bin", "image/png", strings.Repeat("z", 1<<20))+field("b", "2")+closing), boundary, Limits{})
	first, err := p.Next()
	require.NoError(t, err)
	assert.False(t, first.File)
	second, err := p.Next() // the first was not read
	require.NoError(t, err)
	assert.True(t, second.File)
	assert.Equal(t, "x.bin", second.Name)
	assert.Equal(t, "image/png", second.ContentType)
	_, err = first.Read(make([]byte, 1))
	assert.ErrorIs(t, err, errSkipped)
	_, err = io.ReadFull(second, make([]byte, 10)) // in part
	require.NoError(t, err)
	third, err := p.Next()
	require.NoError(t, err)
	data, err := io.ReadAll(third)
	require.NoError(t, err)
	assert.Equal(t, "2", string(data))
	for range 2 {
		_, err = p.Next()
		assert.Equal(t, io.EOF, err)
	}
}

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"joker.png": "joker.png", `C:\a\b.png`: "b.png", "../../etc/passwd": "passwd", "/": "", "..": "", ". .": "",
		"a\x00b\n.txt": "ab.txt", " x ": "x", "": "", "\u202egnp.exe": "gnp.exe", "\xff.png": ".png", ".htaccess": ".htaccess",
		strings.Repeat("x", 300) + ".png":                strings.Repeat("x", 196) + ".png",
		strings.Repeat("犯", 100) + ".png":                strings.Repeat("犯", 65) + ".png",
		"a." + strings.Repeat("y", 300):                  "a." + strings.Repeat("y", 198),
		`..\..\windows\` + strings.Repeat("x", 5) + ".a": "xxxxx.a",
	} {
		assert.Equal(t, want, CleanName(in), "%q", in)
	}
}

func FuzzRead(f *testing.F) {
	for _, tt := range badForms {
		if len(tt.text) < 1000 {
			f.Add(tt.text, tt.boundary != "")
		}
	}
	f.Add(field("a", "1")+file("f", "x", "text/plain", "abc")+closing, true)
	f.Add("a=1&b=%20", false)
	f.Fuzz(func(t *testing.T, text string, parts bool) {
		bound := ""
		if parts {
			bound = boundary
		}
		limits := Limits{Memory: 8, Text: 64, Parts: 4}
		form, err := Read(strings.NewReader(text), bound, limits)
		if err != nil {
			_, fault := errors.AsType[*upload.Fault](err)
			require.True(t, fault, "%v", err)
			return
		}
		defer form.Remove()
		fields, size := 0, 0
		for name, values := range form.Values {
			fields += len(values)
			for _, v := range values {
				size += len(v)
			}
			_ = name
		}
		for _, files := range form.Files {
			fields += len(files)
			for _, file := range files {
				r, err := file.Open()
				require.NoError(t, err)
				data, err := io.ReadAll(r)
				require.NoError(t, err)
				require.Len(t, data, int(file.Size))
				require.NotContains(t, file.Name, "/")
			}
		}
		require.LessOrEqual(t, fields, limits.Parts)
		require.LessOrEqual(t, size, int(limits.Text))
	})
}

// What mime/multipart writes is read as it was meant.
func FuzzRoundTrip(f *testing.F) {
	f.Add("kind", "arson", "photo", "joker.png", []byte{0, 1})
	f.Add("", "", "\"", "a;b\"c.txt", []byte("--gotham--\r\n"))
	f.Add("0", "0", "f", "@", []byte("f")) // a second file of the field
	f.Fuzz(func(t *testing.T, name, value, fileField, fileName string, content []byte) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		require.NoError(t, w.WriteField(name, value))
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="f"; filename="x"`}})
		require.NoError(t, err)
		_, _ = part.Write(content)
		part, err = w.CreateFormFile(fileField, fileName)
		require.NoError(t, err)
		_, _ = part.Write(content)
		require.NoError(t, w.Close())
		got, err := Read(&b, w.Boundary(), Limits{Memory: 4})
		if err != nil {
			return // a name or a value that is no text
		}
		defer got.Remove()
		require.NotEmpty(t, got.Files["f"])
		r, err := got.Files["f"][0].Open()
		require.NoError(t, err)
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, string(content), string(data))
		require.Len(t, got.Values, 1)
		for _, values := range got.Values {
			require.Equal(t, []string{value}, values)
		}
	})
}
