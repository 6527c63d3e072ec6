package files

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mostListed bounds the memory and the page of a listing.
const mostListed = 5000

// entry is a line of a listing.
type entry struct {
	Name     string
	Link     string
	Folder   bool
	Size     string
	Modified string
	Machine  string // Modified for <time datetime>
}

// list writes a page of links to what a folder holds.
func (r *Root) list(w http.ResponseWriter, req *http.Request, name string, dotfiles bool) error {
	entries, more, err := r.entries(name, dotfiles)
	if err != nil {
		return err
	}
	title := "/"
	if name != "." {
		title = path.Base(name) + "/"
	}
	var page bytes.Buffer
	err = listing.Execute(&page, map[string]any{
		"Title": title, "Up": name != ".", "Entries": entries, "More": more, "Most": mostListed,
	})
	if err != nil {
		return fmt.Errorf("files: cannot list %q: %w", name, err)
	}
	h := w.Header()
	setAbsent(h, "Content-Type", "text/html; charset=utf-8")
	setAbsent(h, "X-Content-Type-Options", "nosniff")
	setAbsent(h, "Cache-Control", revalidate)
	// The page has no scripts and loads nothing, and should a name ever
	// get past the escaping, it could not either.
	setAbsent(h, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	h.Set("Content-Length", strconv.Itoa(page.Len()))
	w.WriteHeader(http.StatusOK)
	if req.Method != http.MethodHead {
		_, _ = w.Write(page.Bytes()) // a client that leaves is the server's to notice
	}
	return nil
}

// entries reads a folder: folders first, then files, each by name. What could
// not be served is left out.
func (r *Root) entries(name string, dotfiles bool) (entries []entry, more bool, err error) {
	file, err := r.fsys.Open(name)
	if err != nil {
		return nil, false, r.explain(name, err)
	}
	defer file.Close()
	folder, ok := file.(fs.ReadDirFile)
	if !ok {
		return nil, false, missing(name, "cannot be listed")
	}
	found, err := folder.ReadDir(mostListed + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, r.explain(name, err)
	}
	if more = len(found) > mostListed; more {
		found = found[:mostListed]
	}
	for _, f := range found {
		if !dotfiles && strings.HasPrefix(f.Name(), ".") {
			continue
		}
		// Through stat, so that links are followed, but only inside the root.
		info, err := r.stat(path.Join(name, f.Name()))
		if err != nil || strings.ContainsFunc(f.Name(), forbidden) {
			continue
		}
		entries = append(entries, newEntry(f.Name(), info))
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if a.Folder != b.Folder {
			if a.Folder {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return entries, more, nil
}

func newEntry(name string, info fs.FileInfo) entry {
	e := entry{Name: name, Folder: info.IsDir()}
	if e.Folder {
		e.Name += "/"
	} else {
		e.Size = humanSize(info.Size())
	}
	// "./" keeps a colon in the name from looking like a scheme.
	link := url.URL{Path: "./" + e.Name}
	e.Link = link.String()
	if t := modTime(info).UTC(); !t.IsZero() {
		e.Modified, e.Machine = t.Format("2006-01-02 15:04"), t.Format(time.RFC3339)
	}
	return e
}

func humanSize(n int64) string {
	const unit = 1024
	if n < unit {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit && prefix < len("KMGTPE")-1 {
		value /= unit
		prefix++
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTPE"[prefix])
}

var listing = template.Must(template.New("listing").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{.Title}}</title>
<style>
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 15%, transparent) }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.3rem; overflow-wrap: anywhere }
table { width: 100%; border-collapse: collapse }
th, td { text-align: left; padding: .35rem .5rem; border-bottom: 1px solid var(--line) }
td:first-child { overflow-wrap: anywhere }
th:nth-child(n+2), td:nth-child(n+2) { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
a { text-decoration: none } a:hover, a:focus-visible { text-decoration: underline }
</style>
<main>
<h1>{{.Title}}</h1>
{{- if .Up}}
<p><a href="../">Up one folder</a></p>
{{- end}}
{{- if .Entries}}
<table>
<thead><tr><th scope="col">Name</th><th scope="col">Size</th><th scope="col">Modified (UTC)</th></tr></thead>
<tbody>
{{- range .Entries}}
<tr><td><a href="{{.Link}}">{{.Name}}</a></td><td>{{.Size}}</td><td>{{if .Modified}}<time datetime="{{.Machine}}">{{.Modified}}</time>{{end}}</td></tr>
{{- end}}
</tbody>
</table>
{{- else}}
<p>This folder is empty.</p>
{{- end}}
{{- if .More}}
<p>Only {{.Most}} entries of this folder are shown.</p>
{{- end}}
</main>
</html>
`))
