package files

import (
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Options refine how one file is served. The zero value serves it under its
// own name with status 200. Headers that are already set on the
// [http.ResponseWriter] win over what the options and the file would set.
type Options struct {
	// DownloadName, if set, tells the client to save the file under this name
	// rather than to show it (see [ContentDisposition]).
	DownloadName string
	// ContentType replaces the type derived from the extension.
	ContentType string
	// CacheControl is the value of that header.
	CacheControl string
	// Status, if neither 0 nor 200, is sent instead, for a file that is the
	// body of, say, a 404. The file is then sent whole: ranges and
	// conditions apply to successful replies only (RFC 9110 §13.1, §14.2).
	Status int
}

// ServeFile answers req with the file of that name, a slash-separated path
// below the root without a leading slash.
//
// An error is returned before anything is written, headers included:
// [fs.ErrNotExist] if the name does not lead to a regular file,
// [fs.ErrPermission] if it may not be read, a [*Refusal] if the request sets a
// condition that the file does not meet, else the failure of the file system. Once the header is written there is no error to return: a client that leaves
// is the server's to notice, and a file that cannot be read to its end
// leaves the reply shorter than its Content-Length, which the client notices.
//
// GET and HEAD honour Range, If-Range and the conditional headers; any other
// method gets the whole file. The file's bytes are never held in memory.
func (r *Root) ServeFile(w http.ResponseWriter, req *http.Request, name string, o Options) error {
	return r.serve(w, req, name, reply{Options: o})
}

// reply is what Static adds to the options: it may serve the file of one name
// as an encoded form of another.
type reply struct {
	Options
	typeName string // the name that decides the Content-Type; "" is the file's own
	encoding string // Content-Encoding; "" is none
	vary     string // request headers the choice of this file depended on
}

func (r *Root) serve(w http.ResponseWriter, req *http.Request, name string, p reply) error {
	file, info, err := r.open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	modified := modTime(info)
	h := w.Header()
	tag := ""
	if h.Get("Etag") == "" {
		if tag, err = r.tag(name, info, modified, p.encoding); err != nil {
			return err
		}
	}
	var refuser *refuser
	if refusable(req) {
		refuser = newRefuser(w)
	}
	p.setHeader(h, name, tag)
	content := seeker(file, info.Size())
	if p.Status != 0 && p.Status != http.StatusOK {
		return serveWhole(w, req, p.Status, info.Size(), content)
	}
	if p.encoding != "" {
		// http.ServeContent does not say how long encoded content is.
		h.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	}
	req = plainRequest(req, content)
	if refuser == nil {
		http.ServeContent(w, req, "", modified, content)
		return nil
	}
	http.ServeContent(refuser, req, "", modified, content)
	return refuser.refusal(req)
}

func (p reply) setHeader(h http.Header, name, tag string) {
	typeName := p.typeName
	if typeName == "" {
		typeName = name
	}
	contentType := p.ContentType
	if contentType == "" && h.Get("Content-Type") == "" {
		contentType = TypeByName(typeName)
	}
	setAbsent(h, "Content-Type", contentType)
	setAbsent(h, "X-Content-Type-Options", "nosniff")
	setAbsent(h, "Cache-Control", p.CacheControl)
	setAbsent(h, "Etag", tag)
	if p.DownloadName != "" {
		setAbsent(h, "Content-Disposition", ContentDisposition("attachment", p.DownloadName))
	}
	if p.encoding != "" {
		h.Set("Content-Encoding", p.encoding)
	}
	if p.vary != "" {
		h.Add("Vary", p.vary)
	}
}

func setAbsent(h http.Header, key, value string) {
	if value != "" && h.Get(key) == "" {
		h.Set(key, value)
	}
}

// serveWhole sends a file as the body of a status other than 200.
func serveWhole(w http.ResponseWriter, req *http.Request, status int, size int64, content io.Reader) error {
	h := w.Header()
	h.Del("Etag") // the validator of the file, not of the resource that was asked for
	switch status {
	case http.StatusNoContent, http.StatusResetContent, http.StatusNotModified:
		w.WriteHeader(status) // these have no content (RFC 9110 §15)
		return nil
	}
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	w.WriteHeader(status)
	if req.Method != http.MethodHead {
		// A failure shows in the length; see ServeFile.
		_, _ = io.CopyN(w, content, size)
	}
	return nil
}

// mostRanges is how many ranges of one file a request may ask for. Each costs
// a part header several times its own length, and RFC 9110 §14.2 lets a server
// ignore a Range that looks like an attack.
const mostRanges = 16

// plainRequest returns the request http.ServeContent should see: without Range
// where it must or may be ignored, and without conditions on methods whose
// effect has already happened when their reply is written.
func plainRequest(req *http.Request, content io.ReadSeeker) *http.Request {
	var drop []string
	ranges := req.Header.Get("Range")
	most := mostRanges
	if _, forward := content.(*forwardReader); forward {
		most = 1 // a second one could lie before the first
	}
	switch req.Method {
	case http.MethodGet:
		// A unit that is not known has to be ignored (RFC 9110 §14.2).
		if ranges != "" && !strings.HasPrefix(ranges, "bytes=") || strings.Count(ranges, ",") >= most {
			drop = []string{"Range"}
		}
	case http.MethodHead:
		if ranges != "" {
			drop = []string{"Range"} // RFC 9110 §14.2: defined for GET only
		}
	default:
		drop = []string{"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"}
	}
	if drop == nil {
		return req
	}
	clone := *req
	clone.Header = req.Header.Clone()
	for _, key := range drop {
		clone.Header.Del(key)
	}
	return &clone
}

// modTime is the file's modification time, or zero when it has none that says
// anything. Reproducible builds and image layers set a constant date, of 1970
// or, in zip files, of 1980: sent as Last-Modified it would claim that no
// version ever changed.
func modTime(info fs.FileInfo) time.Time {
	t := info.ModTime()
	if t.Before(time.Date(1980, time.January, 2, 0, 0, 0, 0, time.UTC)) {
		return time.Time{}
	}
	return t
}
