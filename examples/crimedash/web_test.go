package main

import (
	"fmt"
	"html"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/examples/crimedash/store"
)

// These tests hold the pages together without a browser: every reference has
// its target, every text both languages, and nothing needs a weaker policy.

func asset(t *testing.T, name string) string {
	t.Helper()
	data, err := fs.ReadFile(web, path.Join("web", name))
	require.NoError(t, err)
	return string(data)
}

var pages = []string{"/", "/streams", "/wall", "/report", "/login"}

func TestPagesAreServedUnderAStrictPolicy(t *testing.T) {
	d := newDashboard(t)
	for _, target := range pages {
		reply := d.get(t, target)
		require.Equal(t, http.StatusOK, reply.Code, target)
		assert.Equal(t, "text/html; charset=utf-8", reply.Header().Get("Content-Type"))
		assert.Contains(t, reply.Header().Get("Content-Security-Policy"), "default-src 'self'")
		assert.NotContains(t, reply.Header().Get("Content-Security-Policy"), "unsafe")
		assert.Equal(t, 1, strings.Count(reply.Body.String(), "<header"), "one layout")
		assert.Contains(t, reply.Body.String(), "</html>")
	}
	for _, target := range []string{"/nowhere", "/static/nowhere.js", "/static/../app.go", "/index.html"} {
		reply := d.get(t, target)
		assert.Equal(t, http.StatusNotFound, reply.Code, target)
		assert.NotEmpty(t, reply.Header().Get("Content-Security-Policy"), "errors, too")
	}
}

func TestEveryReferenceHasItsTarget(t *testing.T) {
	d := newDashboard(t)
	reference := regexp.MustCompile(`(?:href|src)="(/[^"#]*)`)
	for _, page := range pages {
		for _, match := range reference.FindAllStringSubmatch(d.get(t, page).Body.String(), -1) {
			assert.Equal(t, http.StatusOK, d.get(t, html.UnescapeString(match[1])).Code, "%s refers to %s", page, match[1])
		}
	}
	imported := regexp.MustCompile(`(?m)^import .*from "\./([^"]+)"`)
	linked := regexp.MustCompile(`url\("([^"]+)"\)`)
	for name, text := range static(t) {
		for _, match := range slices.Concat(imported.FindAllStringSubmatch(text, -1), linked.FindAllStringSubmatch(text, -1)) {
			target := path.Join("/static", path.Dir(name), match[1])
			reply := d.get(t, target)
			assert.Equal(t, http.StatusOK, reply.Code, "%s refers to %s", name, target)
		}
	}
	assert.Equal(t, "text/javascript; charset=utf-8", d.get(t, "/static/app.js").Header().Get("Content-Type"))
	assert.Equal(t, "image/svg+xml", d.get(t, "/static/icon.svg").Header().Get("Content-Type"))
}

func TestNothingIsInlineOrFromElsewhere(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<style|\sstyle="|\son[a-z]+="|javascript:|<script>|<script [^>]*>[^<]`)
	elsewhere := regexp.MustCompile(`(?i)(?:href|src|url|import)[=(\s"']+(?:https?:)?//`)
	for name, text := range templates(t) {
		assert.NotRegexp(t, inline, text, name)
		assert.NotRegexp(t, elsewhere, text, name)
	}
	for name, text := range static(t) {
		assert.NotRegexp(t, elsewhere, text, name)
		assert.NotContains(t, text, "innerHTML", name)
		assert.NotContains(t, text, `setAttribute("style"`, name)
	}
}

func TestBothLanguagesSayEverything(t *testing.T) {
	english, chinese := dictionary(t, "en"), dictionary(t, "zh")
	assert.ElementsMatch(t, slices.Collect(maps.Keys(english)), slices.Collect(maps.Keys(chinese)))

	used := map[string]bool{}
	marked := regexp.MustCompile(`data-(?:i18n(?:-label|-placeholder|-alt)?|any)="([^"{]+)"`)
	for _, text := range templates(t) {
		for _, match := range marked.FindAllStringSubmatch(text, -1) {
			used[match[1]] = true
		}
	}
	for status := range explained {
		used[fmt.Sprintf("failure.%d", status)] = true
	}
	called := regexp.MustCompile(`\bt\("([^"]+)"`)
	for name, text := range static(t) {
		if strings.HasSuffix(name, ".js") {
			for _, match := range called.FindAllStringSubmatch(text, -1) {
				used[match[1]] = true
			}
		}
	}
	for _, kind := range store.Kinds() {
		used["kind."+kind] = true
	}
	for _, severity := range store.Severities() {
		used["severity."+severity] = true
	}
	for _, status := range []string{store.StatusOpen, store.StatusResponding, store.StatusClosed} {
		used["status."+status] = true
	}
	for _, code := range []string{store.CodeRequired, store.CodeUnknown, store.CodeTooLong, store.CodeInvalid, store.CodeTooLarge, store.CodeNoPhoto, store.CodeBroken, store.CodePixels} {
		used["error."+code] = true
	}
	for _, room := range rooms {
		used["room."+room] = true
	}
	for _, code := range []string{"empty", "too_long", "invalid", "nameless"} {
		used["allies.error."+code] = true
	}
	for i := range store.Districts {
		used[fmt.Sprintf("district.%d", i+1)] = true
	}
	for key := range used {
		assert.Contains(t, english, key)
	}
}

func TestPagesKnowTheCodesOfTheStore(t *testing.T) {
	texts := asset(t, "static/i18n.js")
	assert.Contains(t, texts, `kinds = ["`+strings.Join(store.Kinds(), `", "`)+`"]`)
	assert.Contains(t, texts, `severities = ["`+strings.Join(store.Severities(), `", "`)+`"]`)
	assert.Contains(t, texts, fmt.Sprintf("length: %d", store.Districts))
	assert.Contains(t, asset(t, "static/ally-room.js"), `rooms = ["`+strings.Join(rooms, `", "`)+`"]`)
	assert.Contains(t, asset(t, "static/allies.js"), fmt.Sprintf("longest = %d;", maxLine))
	form := asset(t, "templates/dashboard.html")
	assert.Contains(t, form, fmt.Sprintf(`id="ally-name" maxlength="%d"`, maxAlly))
	for field, limit := range map[string]int{"place": store.MaxPlace, "description": store.MaxDescription, "reporter": store.MaxReporter} {
		assert.Regexp(t, fmt.Sprintf(`name="%s"[^>]*data-max="%d"`, field, limit), form)
	}
	assert.Contains(t, form, fmt.Sprintf(`maxlength="%d"`, store.MaxQuery))
}

func TestScriptsStaySmall(t *testing.T) {
	for name, text := range static(t) {
		assert.Less(t, strings.Count(text, "\n"), 300, name)
	}
}

// static returns the text files below static/ by their name there.
func static(t *testing.T) map[string]string { return below(t, "static") }

// templates returns those of all pages, the layout included.
func templates(t *testing.T) map[string]string { return below(t, "templates") }

func below(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, fs.WalkDir(web, "web/"+folder, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files[strings.TrimPrefix(name, "web/"+folder+"/")] = asset(t, strings.TrimPrefix(name, "web/"))
		}
		return err
	}))
	require.NotEmpty(t, files)
	return files
}

func dictionary(t *testing.T, code string) map[string]bool {
	t.Helper()
	keys := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^  "([^"]+)":`).FindAllStringSubmatch(asset(t, "static/lang/"+code+".js"), -1) {
		assert.False(t, keys[match[1]], "%s says %q twice", code, match[1])
		keys[match[1]] = true
	}
	return keys
}
