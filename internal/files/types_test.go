package files_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart/internal/files"
)

func TestTypeByName(t *testing.T) {
	for name, want := range map[string]string{
		"index.html":        "text/html; charset=utf-8",
		"a/b/app.css":       "text/css; charset=utf-8",
		"app.js":            "text/javascript; charset=utf-8",
		"app.mjs":           "text/javascript; charset=utf-8",
		"data.json":         "application/json",
		"app.js.map":        "application/json",
		"logo.svg":          "image/svg+xml",
		"logo.PNG":          "image/png",
		"photo.jpg":         "image/jpeg",
		"photo.webp":        "image/webp",
		"photo.avif":        "image/avif",
		"a.gif":             "image/gif",
		"favicon.ico":       "image/vnd.microsoft.icon",
		"font.woff2":        "font/woff2",
		"app.wasm":          "application/wasm",
		"a.txt":             "text/plain; charset=utf-8",
		"a.md":              "text/markdown; charset=utf-8",
		"feed.xml":          "application/xml",
		"a.pdf":             "application/pdf",
		"a.webmanifest":     "application/manifest+json",
		"a.mp4":             "video/mp4",
		"a.webm":            "video/webm",
		"a.csv":             "text/csv; charset=utf-8",
		"archive.tar.gz":    "application/gzip",
		"no-extension":      "application/octet-stream",
		"unknown.xyzzy":     "application/octet-stream",
		"folder.css/binary": "application/octet-stream",
		"":                  "application/octet-stream",
		"dot.":              "application/octet-stream",
	} {
		assert.Equal(t, want, files.TypeByName(name), name)
	}
}
