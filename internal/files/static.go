package files

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
)

// Static serves a folder of assets. Set its fields before first use, call
// Check once, then it may be used by any number of goroutines.
//
// Serving takes two steps, so that a router can pass on a request that no file
// answers: Match (or Find) looks the file up and writes nothing, Serve writes
// what was found.
//
//	name                        what is found
//	a file                      the file, or its .br, .zst or .gz sibling if the client accepts it
//	a folder with an Index      the index; without a trailing slash in the URL, a redirect to it
//	a folder, with Listing      a page that lists it; redirect as above
//	no file, with Fallback      the fallback, for a browser that navigates
//	anything else               nothing
type Static struct {
	// Root is the folder. It is required.
	Root *Root
	// Index is the file that stands for its folder, usually "index.html".
	// "" serves no index.
	Index string
	// Listing shows folders without an index as a page of links.
	Listing bool
	// Fallback is the file served with status 200 for a navigation (a request
	// that prefers text/html) to a name that is no file and does not look like
	// an asset: the page of a single-page app, which routes by itself. "" is
	// none.
	Fallback string
	// Hashed reports whether a file's name (its path below the root) changes
	// with its content, so that it may be cached for a year. Nil
	// means [HashedName]. All other files are revalidated before each use.
	Hashed func(name string) bool
	// Dotfiles serves names that begin with a dot too. They are refused
	// otherwise, since they tend to be secrets (.env, .git), except below
	// .well-known (RFC 8615).
	Dotfiles bool
}

// Cache policies. "no-cache" does cache, but asks before each use.
const (
	immutable  = "public, max-age=31536000, immutable"
	revalidate = "no-cache"
)

// Check reports a configuration that cannot work: no Root, or an Index or
// Fallback that is not a plain name or, for the Fallback, not there.
func (s *Static) Check() error {
	if s.Root == nil {
		return errors.New("files: Static needs a Root: use Dir or FS")
	}
	if s.Index != "" && (!fs.ValidPath(s.Index) || s.Index == "." || strings.Contains(s.Index, "/")) {
		return fmt.Errorf("files: the index %q is not a plain file name such as index.html", s.Index)
	}
	if s.Fallback == "" {
		return nil
	}
	info, err := s.Root.stat(s.Fallback)
	if err == nil && info.IsDir() {
		err = missing(s.Fallback, "is a folder")
	}
	if err != nil {
		return fmt.Errorf("the fallback page cannot be served: %w", err)
	}
	return nil
}

// Serve writes what Find found. An error is returned before anything is
// written; [fs.ErrNotExist] if the file has gone since.
func (s *Static) Serve(w http.ResponseWriter, req *http.Request, found Found) error {
	if found.err != nil {
		return found.err
	}
	if found.folder && redirectToFolder(w, req) {
		return nil
	}
	if found.listed {
		return s.Root.list(w, req, found.name, s.Dotfiles)
	}
	return s.Root.serve(w, req, found.file, reply{
		Options:  Options{CacheControl: s.cacheControl(found)},
		typeName: found.name,
		encoding: found.encoding,
		vary:     found.vary,
	})
}

func (s *Static) cacheControl(found Found) string {
	hashed := s.Hashed
	if hashed == nil {
		hashed = HashedName
	}
	if hashed(found.name) {
		return immutable
	}
	return revalidate
}

// redirectToFolder adds the trailing slash a folder's URL needs for the
// relative links on its page, and reports whether it did.
//
// The target is relative to the request's own last segment and begins with
// "./", so it cannot become another host ("//evil.example") or scheme
// ("javascript:") whatever the path holds. It may be cached no longer than a
// revalidation allows, because a folder can become a file.
func redirectToFolder(w http.ResponseWriter, req *http.Request) bool {
	path := req.URL.EscapedPath()
	segment := path[strings.LastIndexByte(path, '/')+1:]
	if segment == "" {
		return false
	}
	target := url.URL{RawQuery: req.URL.RawQuery}
	h := w.Header()
	h.Set("Location", "./"+segment+"/"+target.String())
	h.Set("Cache-Control", revalidate)
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusMovedPermanently)
	return true
}
