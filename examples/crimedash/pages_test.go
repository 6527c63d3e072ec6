package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const asBrowser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// The masthead knows without a script who looks at it, on every page.
func TestTheMastheadSaysWhoHasLoggedIn(t *testing.T) {
	d := newDashboard(t)
	guest, gordon := d.browser(t), d.as(t, "gordon")
	for _, path := range []string{"/", "/streams", "/report"} {
		page := guest.Get(path + "?kind=arson")
		assert.Contains(t, page.Body, `id="who-name" hidden></span>`, path)
		assert.Contains(t, page.Body, `href="/login?next=`+strings.ToLower(url.QueryEscape(path+"?kind=arson"))+`" data-i18n`, path)
		assert.Contains(t, page.Body, `id="log-out" hidden`, path)
		page = gordon.Get(path)
		assert.Contains(t, page.Body, `id="who-name">Commissioner Gordon</span>`, path)
		assert.Contains(t, page.Body, `id="log-out"><button`, path)
		assert.Contains(t, page.Header.Get("Cache-Control"), "private", path)
	}
	assert.Contains(t, guest.Get("/streams").Body, `<a href="/streams" aria-current="page"`)
}

// Who is led to what does not work sees a page; a program is told the same in JSON.
func TestFailuresAreExplainedToPeople(t *testing.T) {
	d := newDashboard(t)
	for name, test := range map[string]struct {
		method, path string
		status       int
		text         string
	}{
		"nothing there":   {http.MethodGet, "/nowhere?<b>", 404, `data-i18n="failure.404"`},
		"no such photo":   {http.MethodGet, "/photos/x.png", 404, "no such photo"},
		"wrong method":    {http.MethodPut, "/streams", 405, `data-i18n="failure.405"`},
		"a bad parameter": {http.MethodGet, "/api/crimes/x", 400, `data-i18n="failure.400"`},
		"a bad filter":    {http.MethodGet, "/api/crimes?kind=pun", 422, `data-i18n="failure.other"`},
	} {
		t.Run(name, func(t *testing.T) {
			client := d.browser(t)
			page := client.Do(test.method, test.path, nil, "Accept", asBrowser)
			require.Equal(t, test.status, page.Status, page.Body)
			assert.Equal(t, "text/html; charset=utf-8", page.Header.Get("Content-Type"))
			assert.Contains(t, page.Body, test.text)
			assert.NotContains(t, page.Body, "<b>")
			reply := client.Do(test.method, test.path, nil)
			assert.Equal(t, test.status, reply.Status)
			assert.Equal(t, "application/problem+json", reply.Header.Get("Content-Type"))
			assert.Equal(t, reply.Header.Get("Allow"), page.Header.Get("Allow"))
			for _, headers := range []http.Header{page.Header, reply.Header} {
				assert.Contains(t, headers.Values("Vary"), "Accept")
			}
		})
	}
}

// A form that is too large to be read is not answered by a bare line either.
func TestAPhotoThatIsFarTooLargeIsSaidInTheForm(t *testing.T) {
	d := newDashboard(t)
	reply := d.send(t, asBrowser, append(picture(t), make([]byte, maxForm)...), nil)
	require.Equal(t, http.StatusRequestEntityTooLarge, reply.Code)
	assert.Contains(t, reply.Body.String(), `id="e-photo" data-i18n="error.too_large"`)
	assert.Contains(t, reply.Body.String(), `<form method="post" action="/report"`)
}
