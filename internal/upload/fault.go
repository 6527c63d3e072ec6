package upload

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// Fault is what is wrong with a body, in words for the client.
type Fault struct {
	Status int
	Detail string
	Err    error // the cause, or nil
}

// Error returns the detail.
func (f *Fault) Error() string { return f.Detail }

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// TooLarge is the fault of a body over its limit, in bytes.
func TooLarge(limit int64) *Fault {
	return &Fault{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", limit), nil}
}

// ReadAll reads a body whole, at most limit bytes of it unless that is 0. The body
// is r's, which is asked for its announced length. Errors are those of reading.
func ReadAll(r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if limit > 0 && r.ContentLength > limit {
		return nil, TooLarge(limit)
	}
	if n := r.ContentLength; n >= 0 && n <= 1<<20 {
		// The size is known and small: one allocation, and no trust beyond it.
		body := make([]byte, n)
		_, err := io.ReadFull(r.Body, body)
		return body, err
	}
	if limit <= 0 {
		return io.ReadAll(r.Body)
	}
	body, err := io.ReadAll(&io.LimitedReader{R: r.Body, N: limit + 1})
	if err == nil && int64(len(body)) > limit {
		err = TooLarge(limit)
	}
	return body, err
}

// Again returns a body that was read, to be read once more.
func Again(body []byte) io.ReadCloser {
	r := new(again) // one allocation where io.NopCloser would need two
	r.Reset(body)
	return r
}

type again struct{ bytes.Reader }

func (*again) Close() error { return nil }

// Explain says what it means for the client that reading the body of r has failed:
// most errors become a [Fault]. The limit and the timeout are those in force.
func Explain(r *http.Request, err error, limit int64, stall time.Duration) error {
	if _, known := errors.AsType[*Fault](err); known {
		return err
	}
	if over, bounded := errors.AsType[*http.MaxBytesError](err); bounded { // by middleware of net/http
		return TooLarge(over.Limit)
	}
	switch {
	case errors.Is(err, ErrTooLarge):
		return TooLarge(limit)
	case errors.Is(err, ErrOver):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &Fault{http.StatusRequestTimeout, fmt.Sprintf("the body stopped arriving for %v", stall), err}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		// Asked before the context, which net/http ends on this as well: a client
		// that closed only its sending half still waits for the reply.
		text := "the body ended before its announced length"
		if r.ContentLength < 0 {
			text = "the body ended before it was complete"
		}
		return &Fault{http.StatusBadRequest, text, err}
	case r.Context().Err() != nil:
		return err
	case isChunkFault(r, err):
		return &Fault{http.StatusBadRequest, "the body could not be read: " + err.Error(), err}
	}
	return &Fault{http.StatusBadRequest, "the body could not be read", err}
}

// isChunkFault says whether reading failed on how the client cut the body into
// chunks (RFC 9112 section 7.1): net/http has no type for that. The text of a failing
// connection names addresses, and is not for clients.
func isChunkFault(r *http.Request, err error) bool {
	_, network := errors.AsType[net.Error](err)
	return slices.Contains(r.TransferEncoding, "chunked") && !network && !errors.Is(err, http.ErrBodyReadAfterClose)
}

// CheckJSON says whether the header announces a body that is JSON: no Content-Type
// at all is taken for it, a charset but UTF-8 is not. The fault has status 415.
func CheckJSON(h http.Header) error {
	if content := h.Get("Content-Type"); content != "" && content != "application/json" {
		media, params, err := mime.ParseMediaType(content)
		if err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
			return unsupported("Content-Type %q: expected application/json", content)
		}
		if charset, given := params["charset"]; given && !strings.EqualFold(charset, "utf-8") {
			return unsupported("Content-Type %q: expected the charset utf-8", content)
		}
	}
	return CheckPlain(h)
}

// CheckPlain says whether the header announces a body without a Content-Encoding.
// The fault has status 415.
func CheckPlain(h http.Header) error {
	for _, coding := range h["Content-Encoding"] {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return unsupported("Content-Encoding %q: expected a body without one", coding)
		}
	}
	return nil
}

func unsupported(format, value string) error {
	return &Fault{http.StatusUnsupportedMediaType, fmt.Sprintf(format, value), nil}
}

// Explained returns a reader whose errors, but for io.EOF, are what explain makes of
// those of r.
func Explained(r io.Reader, explain func(error) error) io.Reader { return explained{r, explain} }

type explained struct {
	r       io.Reader
	explain func(error) error
}

func (e explained) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err != nil && err != io.EOF {
		err = e.explain(err)
	}
	return n, err
}
