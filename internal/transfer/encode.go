package transfer

import (
	"io"
	"net/http"
)

// Encoding is what a body passes through on its way, such as a compression.
type Encoding interface {
	// Encode appends the encoded form of a whole body to dst. If constant is true the
	// same bytes will come again, and what is returned is not written to.
	Encode(dst, body []byte, constant bool) ([]byte, error)
	// Writer returns a writer for a body of which the parts are not known yet. A
	// Flush passes on all that was written; Close ends the body, and is not called
	// for one that breaks off.
	Writer(w io.Writer) EncodingWriter
}

// EncodingWriter writes the encoded form of what is written to it. It has no name of
// its own, so that every package can write an Encoding.
type EncodingWriter = interface {
	io.WriteCloser
	Flush() error
}

// Choose decides on the Encoding of a reply whose header is complete and about to be
// sent, and adapts the header to it. size is that of the body, -1 when it is not
// known. nil leaves the reply as it is.
type Choose = func(h http.Header, status int, size int64) Encoding

// encode begins the encoded body, if there is to be one, before the header is sent.
func (t *Writer) encode(status int) {
	if t.Choose == nil || status == http.StatusSwitchingProtocols {
		return
	}
	if e := t.Choose(t.Header(), status, length(t.Header())); e != nil && !t.Bodiless {
		t.encoder = e.Writer(direct{t})
	}
}

// EndEncoding is to be called when the body is complete, before Finish. Without it an
// encoded body lacks its end, which is how its reader learns that it broke off.
func (t *Writer) EndEncoding() error {
	if t.encoder == nil || t.Err != nil {
		return nil
	}
	err := t.encoder.Close()
	t.encoder = nil
	return err
}

// direct is the writer below the encoding.
type direct struct{ t *Writer }

func (d direct) Write(p []byte) (int, error) { return d.t.send(p) }
