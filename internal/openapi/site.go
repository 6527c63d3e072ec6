package openapi

import (
	"embed"
	"html"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/redstart-go/redstart/internal/headers"
)

//go:embed page/*.html page/*.css page/*.js page/*.svg
var page embed.FS

// DefaultPage is where the page is unless the program puts it elsewhere. The document
// is then beside it: /openapi.json and /openapi.yaml.
const DefaultPage = "/docs"

// Patterns are the routes of the site in its usual place, for logs and metrics.
var Patterns = []string{DefaultPage, "/openapi.json", "/openapi.yaml", DefaultPage + "/*file"}

// PatternOf returns the one among [Patterns] for a file that [Find] has found.
func PatternOf(name string) string {
	switch {
	case name == "":
		return DefaultPage
	case slices.Contains(Patterns, "/"+name):
		return "/" + name
	}
	return DefaultPage + "/*file"
}

// Versions are those of OpenAPI in which a document can be asked for.
var Versions = []string{"3.1", "3.2"}

// File is one file of the site.
type File struct {
	Body []byte
	Type string // the media type
	ETag string
	// Policy is the page's Content-Security-Policy, "" for what is no page.
	Policy string
}

func newFile(name string, body []byte) *File {
	kinds := map[string]string{
		".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".svg": "image/svg+xml", ".json": "application/json", ".yaml": "application/yaml",
	}
	return &File{Body: body, Type: kinds[path.Ext(name)], ETag: headers.ETag(body)}
}

// Site has the document and the page that shows it, encoded when they are first asked
// for. It is safe for concurrent use. The zero value is ready.
type Site struct {
	mu    sync.RWMutex
	age   int // how often the routes have changed
	files map[string]*File
}

// Forget makes the document anew when it is asked for next: the routes have changed.
func (s *Site) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = nil
	s.age++
}

// File returns a file by its name below the page, nil if there is none: "" is the page
// itself, and "openapi-3.2.json" the document in that version. At is the path of
// the page below that of the app, with the documents below it; "" is the usual place.
func (s *Site) File(name, at string, document func() *Document) *File {
	s.mu.RLock()
	files, age := s.files, s.age
	s.mu.RUnlock()
	if files == nil {
		files = render(document()) // it may ask for the routes: not while others wait here
		s.mu.Lock()
		if s.age == age {
			s.files = files
		}
		s.mu.Unlock()
	}
	if name == "" {
		if name = "default.html"; at != "" {
			return placed(files[indexName], at, path.Base(at)+"/openapi")
		}
	}
	return files[name]
}

const indexName = "index.html"

// placed fills in where things are, as seen from the page: nothing in it may depend on
// the prefix under which somebody has mounted the app.
func placed(index *File, at, document string) *File {
	f := *index
	fill := strings.NewReplacer(
		"@dir@", html.EscapeString(url.PathEscape(path.Base(at))),
		"@document@", html.EscapeString((&url.URL{Path: document}).EscapedPath()),
		"@base@", "./"+strings.Repeat("../", max(strings.Count(at, "/")-1, 0)),
	)
	f.Body = []byte(fill.Replace(string(index.Body)))
	f.ETag = headers.ETag(f.Body)
	return &f
}

// Find returns the name of the file at a path of the site in its usual place.
func Find(at string) (name string, ok bool) {
	at = strings.TrimSuffix(at, "/")
	switch at {
	case DefaultPage:
		return "", true
	case "/openapi.json", "/openapi.yaml":
		return at[1:], true
	}
	name, ok = strings.CutPrefix(at, DefaultPage+"/")
	if !ok {
		return "", false
	}
	_, err := page.Open("page/" + name)
	return name, err == nil && name != indexName
}

func render(d *Document) map[string]*File {
	files := map[string]*File{}
	entries, err := page.ReadDir("page")
	if err != nil {
		panic(err) // it is a part of the program
	}
	for _, e := range entries {
		body, err := page.ReadFile("page/" + e.Name())
		if err != nil {
			panic(err)
		}
		files[e.Name()] = newFile(e.Name(), body)
	}
	files[indexName].Policy = policy(d)
	files["default.html"] = placed(files[indexName], DefaultPage, "openapi")
	newer := d.V32()
	for suffix, doc := range map[string]*Document{"": d, "-3.1": d, "-3.2": newer} {
		files["openapi"+suffix+".json"] = newFile(".json", doc.JSON())
		files["openapi"+suffix+".yaml"] = newFile(".yaml", doc.YAML())
	}
	return files
}

// policy lets the page load what is its own, and send requests to where the document
// says that the API is.
func policy(d *Document) string {
	connect := "'self'"
	seen := map[string]bool{}
	for _, address := range d.addresses() {
		if seen[address] {
			continue
		}
		seen[address] = true
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || strings.ContainsAny(u.Host, ";, '{}") {
			continue
		}
		if u.Scheme == "" {
			// Of whatever scheme the page is of, which is never that of a WebSocket.
			connect += " " + u.Host + " ws://" + u.Host + " wss://" + u.Host
			continue
		}
		socket := "wss://"
		if u.Scheme == "http" {
			socket = "ws://"
		}
		if u.Scheme != "http" && u.Scheme != "https" {
			continue
		}
		connect += " " + u.Scheme + "://" + u.Host + " " + socket + u.Host
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src " + connect +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// addresses are those of the servers of the document and of its operations.
func (d *Document) addresses() (found []string) {
	var look func(v any)
	look = func(v any) {
		switch v := v.(type) {
		case *object:
			servers, _ := v.get("servers").(list)
			for _, s := range servers {
				if server, ok := s.(*object); ok {
					address, _ := server.get("url").(string)
					found = append(found, address)
				}
			}
			for _, key := range v.keys {
				switch key {
				case "servers", "components", "responses", "requestBody", "parameters":
				default:
					look(v.values[key])
				}
			}
		case list:
			for _, element := range v {
				look(element)
			}
		}
	}
	look(d.root)
	return found
}
