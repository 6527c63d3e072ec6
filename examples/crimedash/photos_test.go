package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/examples/crimedash/photo"
	"github.com/redstart-go/redstart/examples/crimedash/store"
)

func picture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 40, 30))))
	return b.Bytes()
}

// form is a multipart form of a valid report, but for the changes, with a photo.
func form(t *testing.T, raw []byte, changes map[string]string) (contentType string, body *bytes.Buffer) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	fields := map[string]string{"kind": "arson", "severity": "high", "district": "3", "place": "Tin Alley", "description": "Smoke"}
	maps.Copy(fields, changes)
	for name, value := range fields {
		require.NoError(t, w.WriteField(name, value))
	}
	if raw != nil {
		part, err := w.CreateFormFile("photo", `..\..\evil.png`)
		require.NoError(t, err)
		_, err = part.Write(raw)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return w.FormDataContentType(), body
}

func (d dashboard) send(t *testing.T, accept string, raw []byte, changes map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	contentType, body := form(t, raw, changes)
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/report", body)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", accept)
	reply := httptest.NewRecorder()
	d.ServeHTTP(reply, req)
	return reply
}

func (d dashboard) photosKept(t *testing.T) (names []string) {
	t.Helper()
	rows, err := d.store.DB().QueryContext(t.Context(), "SELECT name FROM photos")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		names = append(names, name)
	}
	require.NoError(t, rows.Err())
	return names
}

func TestAPhotoIsKeptByItsContent(t *testing.T) {
	d := newDashboard(t)
	raw := picture(t)
	content, _, err := photo.Clean(bytes.NewReader(raw))
	require.NoError(t, err)
	sum := sha256.Sum256(content)
	want := hex.EncodeToString(sum[:]) + ".png"
	for range 2 { // the same photo again is no other one
		reply := d.send(t, jsonType, raw, nil)
		require.Equal(t, http.StatusCreated, reply.Code, reply.Body)
		assert.Equal(t, want, decode[store.Crime](t, reply).Photo)
	}
	assert.Equal(t, []string{want}, d.photosKept(t))

	shown := d.get(t, "/photos/"+want)
	assert.Equal(t, http.StatusOK, shown.Code)
	assert.Equal(t, content, shown.Body.Bytes())
	for name, value := range map[string]string{
		"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "ETag": `"` + want + `"`,
		"Cache-Control": "public, max-age=86400, immutable", "Content-Security-Policy": "default-src 'none'; sandbox",
	} {
		assert.Equal(t, value, shown.Header().Get(name))
	}
	known := d.browser(t).Get("/photos/"+want, "If-None-Match", `"`+want+`"`)
	assert.Equal(t, http.StatusNotModified, known.Status)
	assert.Empty(t, known.Body)

	// It is deleted with the last report that shows it.
	gordon := d.as(t, "gordon")
	require.Equal(t, http.StatusNoContent, gordon.Delete("/api/crimes/1").Status)
	assert.Len(t, d.photosKept(t), 1)
	require.Equal(t, http.StatusNoContent, gordon.Delete("/api/crimes/2").Status)
	assert.Empty(t, d.photosKept(t))
	assert.Equal(t, http.StatusNotFound, d.get(t, "/photos/"+want).Code)
}

// A camera writes into a picture where it was taken. That is not kept, and how the camera
// was held is heeded.
func TestAPhotoDoesNotSayWhereItWasTaken(t *testing.T) {
	d := newDashboard(t)
	var raw bytes.Buffer
	require.NoError(t, jpeg.Encode(&raw, image.NewGray(image.Rect(0, 0, 40, 30)), nil))
	const place = "52.5200 N 13.4050 E"
	exif := "Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00" + place // lying on its side
	sent := append([]byte("\xff\xd8\xff\xe1\x00"+string(rune(len(exif)+2))+exif), raw.Bytes()[2:]...)

	reply := d.send(t, jsonType, sent, nil)
	require.Equal(t, http.StatusCreated, reply.Code, reply.Body)
	shown := d.get(t, "/photos/"+decode[store.Crime](t, reply).Photo)
	assert.Equal(t, "image/jpeg", shown.Header().Get("Content-Type"))
	config, err := jpeg.DecodeConfig(bytes.NewReader(shown.Body.Bytes()))
	require.NoError(t, err)
	assert.Equal(t, []int{30, 40}, []int{config.Width, config.Height})
	assert.NotContains(t, shown.Body.String(), place)
}

func TestPhotosThatAreRefused(t *testing.T) {
	d := newDashboard(t)
	whole := picture(t)
	huge := bytes.Clone(whole)
	binary.BigEndian.PutUint32(huge[16:], 60_000)
	binary.BigEndian.PutUint32(huge[20:], 60_000)
	binary.BigEndian.PutUint32(huge[29:], crc32.ChecksumIEEE(huge[12:29]))
	for name, test := range map[string]struct {
		photo  []byte
		status int
		rule   string
		detail string
	}{
		"a page":          {[]byte("<html><script>alert(1)</script>"), 422, store.CodeNoPhoto, "must be a picture: JPEG, PNG, GIF or WebP"},
		"a drawing":       {[]byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), 422, store.CodeNoPhoto, "must be a picture: JPEG, PNG, GIF or WebP"},
		"text":            {[]byte("no picture"), 422, store.CodeNoPhoto, "must be a picture: JPEG, PNG, GIF or WebP"},
		"a program":       {[]byte("MZ\x90\x00\x03"), 422, store.CodeNoPhoto, "must be a picture: JPEG, PNG, GIF or WebP"},
		"cut short":       {whole[:len(whole)-20], 422, store.CodeBroken, "must be a whole picture: this one is damaged"},
		"too large":       {append(picture(t), make([]byte, maxPhoto)...), 422, store.CodeTooLarge, "must not have more than 4 MiB"},
		"too many pixels": {huge, 422, "pixels=25000000", "must not have more than 25 million pixels"},
		"far too large":   {append(picture(t), make([]byte, maxForm)...), 413, "", ""},
	} {
		reply := d.send(t, jsonType, test.photo, nil)
		require.Equal(t, test.status, reply.Code, "%s: %.300s", name, reply.Body)
		p := decode[problem](t, reply)
		if test.rule != "" {
			require.Len(t, p.Errors, 1, name)
			assert.Equal(t, []string{"form", "photo", test.rule, test.detail}, []string{p.Errors[0].In, p.Errors[0].Name, p.Errors[0].Rule, p.Errors[0].Detail}, name)
		}
	}
	wrong := decode[problem](t, d.send(t, jsonType, []byte("no picture"), map[string]string{"place": "", "kind": "pun"}))
	assert.Len(t, wrong.Errors, 3, "all that is wrong is said at once")
	assert.Equal(t, http.StatusUnprocessableEntity, d.send(t, jsonType, picture(t), map[string]string{"place": ""}).Code)
	assert.Empty(t, d.photosKept(t), "a photo without a report is not kept")
	crimes, err := d.store.List(t.Context(), store.Filter{})
	require.NoError(t, err)
	assert.Empty(t, crimes)
}

func TestOnlyPhotosAreShown(t *testing.T) {
	d := newDashboard(t)
	for _, name := range []string{"x.png", "..%2Fgotham.db", strings.Repeat("0", 64) + ".svg", strings.Repeat("0", 64) + ".png", "..%2f" + strings.Repeat("0", 64) + ".png"} {
		assert.Equal(t, http.StatusNotFound, d.get(t, "/photos/"+name).Code, name)
	}
}

// Without JavaScript the form comes back with what was typed and what is wrong with it.
func TestTheFormWorksWithoutJavaScript(t *testing.T) {
	d := newDashboard(t)
	assert.Contains(t, d.get(t, "/report").Body.String(), `<form method="post" action="/report" enctype="multipart/form-data"`)

	const browser = asBrowser
	reply := d.send(t, browser, nil, map[string]string{"place": `<Haha> "Hall"`, "kind": "", "description": strings.Repeat("x", store.MaxDescription+1)})
	require.Equal(t, http.StatusUnprocessableEntity, reply.Code)
	assert.Equal(t, "text/html; charset=utf-8", reply.Header().Get("Content-Type"))
	page := reply.Body.String()
	for _, want := range []string{
		`value="&lt;Haha&gt; &#34;Hall&#34;"`, `<option value="high" selected`, `<option value="3" selected`,
		`id="e-kind" data-i18n="error.required" data-max="0">is required`, `name="kind" required aria-invalid="true" aria-describedby="e-kind"`,
		`id="e-description" data-i18n="error.too_long" data-max="500">must not be longer than 500 characters`, "\n" + strings.Repeat("x", store.MaxDescription+1),
	} {
		assert.Contains(t, page, want)
	}
	assert.NotContains(t, page, `id="e-place"`)

	reply = d.send(t, browser, picture(t), nil)
	assert.Equal(t, http.StatusSeeOther, reply.Code)
	assert.Equal(t, "/", reply.Header().Get("Location"))
	crimes, err := d.store.List(t.Context(), store.Filter{})
	require.NoError(t, err)
	require.Len(t, crimes, 1)
	assert.NotEmpty(t, crimes[0].Photo)
	assert.Empty(t, crimes[0].Badge)
}

// A badge is what the program knows of the reporter, not what the report says.
func TestReportsOfWhoHasLoggedInHaveABadge(t *testing.T) {
	d := newDashboard(t)
	crime := sighting("Pier 19")
	crime.Reporter = "gordon"
	for name, want := range map[string]string{"": "", "robin": "robin"} {
		client := d.browser(t)
		if name != "" {
			client = d.as(t, name)
		}
		var filed store.Crime
		require.NoError(t, client.Post("/api/crimes", `{"badge":"batman","photo":"x",`+reportJSON(t, crime)[1:], "Content-Type", jsonType).JSON(&filed))
		assert.Equal(t, []string{"gordon", want, ""}, []string{filed.Reporter, filed.Badge, filed.Photo})
		contentType, body := form(t, nil, map[string]string{"badge": "batman"})
		require.NoError(t, client.Post("/report", body, "Content-Type", contentType, "Accept", jsonType).JSON(&filed))
		assert.Equal(t, want, filed.Badge)
	}
}
