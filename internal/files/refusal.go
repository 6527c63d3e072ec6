package files

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/redstart-go/redstart/internal/excerpt"
)

// Refusal is the error of a request that sets a condition which the file does not
// meet, or asks for a range that it does not have.
type Refusal struct {
	Status int    // 412 or 416
	Range  string // for a 416, the value of Content-Range: how much there is
	text   string
}

// Error says which header of the request it is about.
func (r *Refusal) Error() string { return r.text }

// StatusCode returns the status to reply with.
func (r *Refusal) StatusCode() int { return r.Status }

// refusable reports whether http.ServeContent may refuse the request.
func refusable(req *http.Request) bool {
	return req.Header.Get("Range") != "" || req.Header.Get("If-Match") != "" || req.Header.Get("If-Unmodified-Since") != ""
}

// refuser keeps back the replies by which http.ServeContent refuses, which are a bare
// line or nothing at all, and the headers with them: the caller has a form of its own
// for errors.
type refuser struct {
	http.ResponseWriter
	status int
	ranges string // Content-Range, which says how long the file is
	before http.Header
}

func newRefuser(w http.ResponseWriter) *refuser {
	return &refuser{ResponseWriter: w, before: maps.Clone(w.Header())}
}

func (r *refuser) WriteHeader(status int) {
	if status < http.StatusBadRequest {
		r.ResponseWriter.WriteHeader(status)
		return
	}
	h := r.Header()
	r.status, r.ranges = status, h.Get("Content-Range")
	clear(h)
	maps.Copy(h, r.before)
}

func (r *refuser) Write(p []byte) (int, error) {
	if r.status != 0 {
		return len(p), nil
	}
	return r.ResponseWriter.Write(p)
}

// ReadFrom keeps the way open on which the kernel sends files by itself.
func (r *refuser) ReadFrom(src io.Reader) (int64, error) { return io.Copy(r.ResponseWriter, src) }

// refusal says what was refused, if anything was.
func (r *refuser) refusal(req *http.Request) error {
	condition := func(name string) string {
		return fmt.Sprintf("header %s: %q", name, excerpt.Of(req.Header.Get(name), 200))
	}
	switch {
	case r.status == 0:
		return nil
	case r.status == http.StatusRequestedRangeNotSatisfiable && r.ranges != "":
		return &Refusal{r.status, r.ranges, condition("Range") + " is behind the end: the file has " + strings.TrimPrefix(r.ranges, "bytes */") + " bytes"}
	case r.status == http.StatusRequestedRangeNotSatisfiable:
		return &Refusal{r.status, "", condition("Range") + ": expected ranges such as bytes=0-99, bytes=100- or bytes=-100"}
	case r.status != http.StatusPreconditionFailed:
		return fmt.Errorf("files: the file cannot be read: %s", http.StatusText(r.status))
	case req.Header.Get("If-Match") != "":
		return &Refusal{r.status, "", condition("If-Match") + " is not the file as it is now"}
	}
	return &Refusal{r.status, "", condition("If-Unmodified-Since") + ": the file was modified later"}
}
