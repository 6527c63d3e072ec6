package files_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/files"
)

func TestListing(t *testing.T) {
	dir := tree(t, map[string]string{
		"folder/b.txt": strings.Repeat("x", 2048), "folder/a.txt": "12345", "folder/z/inner.txt": "",
		"folder/.env": "", "folder/a&b <i>.txt": "", "folder/100% #1?.txt": "", "folder/javascript:alert(1)": "", "folder/犯罪.txt": "",
		"folder/\"quoted\".txt": "",
	})
	outside := tree(t, map[string]string{"secret.txt": ""})
	require.NoError(t, os.Symlink(filepath.Join(outside, "secret.txt"), filepath.Join(dir, "folder", "link.txt")))
	static := &files.Static{Root: open(t, dir), Index: "index.html", Listing: true}
	res := get(t, static, "GET", "/folder/")
	require.NotNil(t, res)
	page := text(t, res)
	assert.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))
	assert.Equal(t, "no-cache", res.Header.Get("Cache-Control"))
	assert.EqualValues(t, len(page), res.ContentLength)
	for _, want := range []string{
		`<a href="./a.txt">a.txt</a></td><td>5 B</td>`,
		`<a href="./b.txt">b.txt</a></td><td>2.0 KiB</td>`,
		`<a href="./z/">z/</a>`,
		`<a href="./a&amp;b%20%3Ci%3E.txt">a&amp;b &lt;i&gt;.txt</a>`,
		`<a href="./100%25%20%231%3F.txt">100% #1?.txt</a>`,
		`<a href="./javascript:alert%281%29">javascript:alert(1)</a>`,
		`<a href="./%E7%8A%AF%E7%BD%AA.txt">犯罪.txt</a>`,
		`&#34;quoted&#34;.txt</a>`,
		`<time datetime="2026-03-01T12:00:00Z">2026-03-01 12:00</time>`,
		`<a href="../">`,
		`<title>folder/</title>`,
	} {
		assert.Contains(t, page, want)
	}
	for _, not := range []string{".env", "link.txt", "<i>", "<script"} {
		assert.NotContains(t, page, not)
	}
	assert.Less(t, strings.Index(page, "z/</a>"), strings.Index(page, "a.txt</a>"), "folders come first")

	root := get(t, static, "GET", "/")
	assert.NotContains(t, text(t, root), `href="../"`, "there is nothing above the root")

	head := get(t, static, "HEAD", "/folder/")
	assert.Empty(t, text(t, head))
	assert.EqualValues(t, len(page), head.ContentLength)
}

func TestListingIsBounded(t *testing.T) {
	many := fstest.MapFS{}
	for i := range 5001 {
		many[fmt.Sprintf("%05d.txt", i)] = &fstest.MapFile{}
	}
	static := &files.Static{Root: files.FS(many), Listing: true}
	page := text(t, get(t, static, "GET", "/"))
	assert.Equal(t, 5000, strings.Count(page, "<tr><td>"))
	assert.Contains(t, page, "Only 5000 entries")
}

func TestEmptyListing(t *testing.T) {
	static := &files.Static{Root: open(t, t.TempDir()), Listing: true}
	assert.Contains(t, text(t, get(t, static, "GET", "/")), "This folder is empty.")
}
