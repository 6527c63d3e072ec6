package files

import (
	"errors"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/redstart-go/redstart/internal/negotiate"
)

// Found is a file that Find found, to be handed to Serve. It holds nothing
// open and may be dropped.
type Found struct {
	name     string // the file's path below the root, or the folder's if listed
	file     string // the file that is sent: name, or its precompressed sibling
	encoding string
	vary     string
	folder   bool // the name meant a folder, so the URL must end in a slash
	listed   bool
	page     bool // the fallback, not what was asked for
	err      error
}

// Name returns the path below the root of what was found: of the index, if a
// folder was asked for, and of the original, if a precompressed sibling is sent.
func (f Found) Name() string { return f.name }

// Fallback reports whether this is the fallback page: no file has the name that
// was asked for, so whoever else can answer should come first.
func (f Found) Fallback() bool { return f.page }

// Match looks up the file for a request whose path below the mount point is
// name. Only GET and HEAD find files.
func (s *Static) Match(req *http.Request, name string) (Found, bool) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return Found{}, false
	}
	return s.Find(name, joined(req.Header["Accept"]), joined(req.Header["Accept-Encoding"]))
}

// joined makes one field of several lines (RFC 9110 §5.3).
func joined(lines []string) string {
	if len(lines) == 1 {
		return lines[0]
	}
	return strings.Join(lines, ",")
}

// Find looks up the file for a GET or HEAD request. The name is the decoded path
// below the mount point, with or without a leading slash; accept and
// acceptEncoding are the values of those headers. It reports false if no file
// answers the request, and writes nothing. If the lookup itself fails (a file
// that may not be read, too many open files) it reports true, so that
// the failure is not mistaken for a missing file, and Serve returns the error.
//
// Names that hold "..", empty segments, backslashes, NUL or other control
// characters are never found, nor are dotfiles unless allowed.
func (s *Static) Find(name, accept, acceptEncoding string) (Found, bool) {
	name, slash, ok := s.clean(name)
	if !ok {
		return Found{}, false
	}
	info, err := s.Root.stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.fallback(name, accept, acceptEncoding)
	case err != nil:
		return Found{err: err}, true
	case info.IsDir():
		return s.findFolder(name, accept, acceptEncoding)
	case slash:
		// A file is no folder: relative links on it would be wrong.
		return Found{}, false
	}
	return s.file(name, info, acceptEncoding), true
}

// clean turns the path of a URL into a name for fs.FS and refuses those that
// could mean more than a file's plain name.
func (s *Static) clean(name string) (cleaned string, slash, ok bool) {
	name = strings.TrimPrefix(name, "/")
	cleaned, slash = strings.CutSuffix(name, "/")
	if cleaned == "" {
		return ".", true, !slash // "//" has an empty segment
	}
	if !fs.ValidPath(cleaned) || cleaned == "." || strings.ContainsFunc(cleaned, forbidden) {
		return "", false, false
	}
	return cleaned, slash, s.Dotfiles || !hidden(cleaned)
}

func forbidden(c rune) bool { return c == '\\' || c < ' ' || c == 0x7f }

// hidden reports whether a segment of name begins with a dot.
func hidden(name string) bool {
	name = strings.TrimPrefix(name, ".well-known/")
	return name != ".well-known" && (strings.HasPrefix(name, ".") || strings.Contains(name, "/."))
}

func (s *Static) findFolder(name, accept, acceptEncoding string) (Found, bool) {
	if s.Index != "" {
		index := path.Join(name, s.Index)
		info, err := s.Root.stat(index)
		switch {
		case err == nil && !info.IsDir():
			found := s.file(index, info, acceptEncoding)
			found.folder = true
			return found, true
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return Found{err: err}, true
		}
	}
	if s.Listing {
		return Found{name: name, folder: true, listed: true}, true
	}
	return s.fallback(name, accept, acceptEncoding)
}

// fallback answers a navigation with the page of a single-page app. A name
// with the extension of an asset is a missing file, not a page: a script tag
// that gets HTML fails in a way that is hard to understand.
func (s *Static) fallback(name, accept, acceptEncoding string) (Found, bool) {
	if s.Fallback == "" || asset(name) || negotiate.Type(accept, "application/json", "text/html") != "text/html" {
		return Found{}, false
	}
	info, err := s.Root.stat(s.Fallback)
	if err != nil || info.IsDir() {
		return Found{}, false
	}
	found := s.file(s.Fallback, info, acceptEncoding)
	found.page = true
	if found.vary != "" {
		found.vary = "Accept, " + found.vary
	} else {
		found.vary = "Accept"
	}
	return found, true
}

// asset reports whether name has an extension of the built-in table other than
// a page's.
func asset(name string) bool {
	t := webType(strings.ToLower(path.Ext(name)))
	return t != "" && !strings.HasPrefix(t, "text/html")
}

// siblings are the codings looked for, the one that compresses best first.
var siblings = [...]struct{ coding, extension string }{{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}}

// file finds the form of a file that the client prefers.
func (s *Static) file(name string, info fs.FileInfo, acceptEncoding string) Found {
	found := Found{name: name, file: name}
	if !compressible(name) {
		return found
	}
	// Said of every compressible file, whether it has siblings or not:
	// it may get one later, and a cache must not give it to everyone.
	found.vary = "Accept-Encoding"
	offers := make([]string, 0, len(siblings))
	for _, sibling := range siblings {
		offers = append(offers, sibling.coding)
	}
	for len(offers) > 0 {
		coding := negotiate.Encoding(acceptEncoding, offers...)
		if coding == "" {
			break
		}
		for _, sibling := range siblings {
			if sibling.coding == coding && s.fresh(name+sibling.extension, info) {
				found.file, found.encoding = name+sibling.extension, coding
				return found
			}
		}
		offers = slices.DeleteFunc(offers, func(offer string) bool { return offer == coding })
	}
	return found
}

// fresh reports whether a precompressed sibling may stand for its original. An
// older one is left over from before the original was edited, an empty one from a
// compressor that failed; the original itself is better than either.
func (s *Static) fresh(sibling string, original fs.FileInfo) bool {
	info, err := s.Root.stat(sibling)
	if err != nil || info.IsDir() || info.Size() == 0 {
		return false
	}
	const tick = 2 * time.Second // tools that copy trees round times to this
	return !info.ModTime().Before(original.ModTime().Add(-tick))
}
