package middleware

import (
	"net/http"
	"slices"
	"strings"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/headers"
	"github.com/redstart-go/redstart/internal/negotiate"
	"github.com/redstart-go/redstart/internal/transfer"
)

// CompressOptions refine [Compress].
type CompressOptions struct {
	// Codings are those that are offered, the favourite first. The default is "zstd",
	// "br", "gzip": of two that a client likes as much the one that costs less time
	// for about the same size.
	Codings []string
	// MinSize is the size in bytes below which a body is left as it is, if its size is
	// known. The default is 1024: less fits into one packet either way. 1 compresses
	// every body.
	MinSize int
	// Types are the media types that are compressed: "text/html", "text/*", or with a
	// suffix, "*+json". The default is text, JSON, XML, JavaScript, WebAssembly, SVG
	// and other formats that are not compressed by themselves. Event streams are
	// never compressed.
	Types []string
	// Skip chooses requests whose replies are left as they are: see the warning in
	// [Compress].
	Skip func(*redstart.Request) bool
}

// Compress compresses bodies as the client's Accept-Encoding asks for (RFC 9110 section
// 12.5.3), with Zstandard (RFC 8878), Brotli (RFC 7932) or gzip (RFC 1952).
//
// A body that is at hand is compressed at once, and the Content-Length is right, for
// HEAD too. That of [redstart.App.Const] is compressed once for each coding. A body that
// is produced while it is sent, of a Stream, a file or a mounted handler, is compressed
// as it goes, and each chunk that is flushed reaches the client at once. An event stream
// is left alone: its messages are small, there may be very many of them open, and the
// event loop could not hold them.
//
// Left alone too is what has a Content-Encoding or a Content-Range, a reply whose
// Cache-Control says no-transform, and the statuses 204, 206 and 304. A reply whose
// type and size are right gets Vary: Accept-Encoding, compressed or not. The ETag of one
// that is compressed is made weak, since its bytes are not those that the tag was made
// of: If-None-Match works as before, If-Match and If-Range, which want strong tags, do
// not, and Accept-Ranges is taken off.
//
// Compression over TLS tells an observer the size of what was compressed. A page that
// repeats text of the request beside a secret, such as a token in a form, can be made to
// betray the secret (the BREACH attack): use Skip for such pages, or mask the secret.
func Compress(options ...CompressOptions) redstart.Middleware {
	c := newCompressor(given("Compress", options))
	return redstart.After(func(req *redstart.Request, resp redstart.Response) redstart.Response {
		if c.skip != nil && c.skip(req) {
			return resp
		}
		choose := c.choose[c.negotiate(req)]
		if asked := req.HTTP().Header["If-None-Match"]; len(asked) > 0 {
			choose = confirming(asked, choose)
		}
		return resp.WithEncoding(choose)
	})
}

// confirming has a 304 carry the tag as the client has it: weak, if its copy is one that
// was compressed. By the strong one its cache would take that for the plain body.
func confirming(asked []string, choose transfer.Choose) transfer.Choose {
	return func(h http.Header, status int, size int64) redstart.BodyEncoding {
		if tags := h["Etag"]; status == http.StatusNotModified && len(tags) == 1 &&
			slices.ContainsFunc(asked, func(line string) bool { return strings.Contains(line, "W/"+tags[0]) }) {
			weaken(h)
		}
		return choose(h, status, size)
	}
}

// compressor is the options prepared.
type compressor struct {
	codings []string
	minSize int64
	types   mediaTypes
	skip    func(*redstart.Request) bool
	// choose has a function for each coding, and for "", which is none.
	choose map[string]transfer.Choose
}

func newCompressor(o CompressOptions) *compressor {
	if len(o.Codings) == 0 {
		o.Codings = []string{"zstd", "br", "gzip"}
	}
	if o.MinSize < 0 {
		misuse("Compress", "MinSize %d: want a number of bytes; 0 for 1024", o.MinSize)
	}
	if o.MinSize == 0 {
		o.MinSize = 1024
	}
	if len(o.Types) == 0 {
		o.Types = compressible
	}
	c := &compressor{
		codings: slices.Clone(o.Codings), minSize: int64(o.MinSize), types: parseMediaTypes(o.Types), skip: o.Skip,
		choose: map[string]transfer.Choose{},
	}
	c.choose[""] = c.chooser(nil)
	for _, name := range o.Codings {
		c.choose[name] = c.chooser(newCoding(name))
	}
	return c
}

// chooser makes the function that decides on a reply to a client that prefers e, nil for
// no coding at all.
func (c *compressor) chooser(e *coding) transfer.Choose {
	return func(h http.Header, status int, size int64) redstart.BodyEncoding {
		if !c.fits(h, status, size) {
			return nil
		}
		if !headers.Listed(h["Vary"], "Accept-Encoding") {
			h["Vary"] = append(h["Vary"], "Accept-Encoding")
		}
		if e == nil || status == http.StatusNotModified {
			return nil
		}
		e.adapt(h)
		return e
	}
}

// compressible are the default types.
var compressible = []string{
	"text/*", "*+json", "*+xml", "*+text", "application/json", "application/xml", "application/javascript",
	"application/x-javascript", "application/wasm", "application/x-ndjson", "application/jsonl",
	"application/yaml", "application/toml", "application/graphql", "application/sql", "application/rtf",
	"application/vnd.ms-fontobject", "font/ttf", "font/otf", "font/collection", "image/svg+xml", "image/bmp", "image/x-icon",
	"image/vnd.microsoft.icon",
}

// negotiate returns the coding that the client prefers, "" for none.
func (c *compressor) negotiate(req *redstart.Request) string {
	accepted := req.HTTP().Header["Accept-Encoding"]
	switch len(accepted) {
	case 0:
		return ""
	case 1:
		return negotiate.Encoding(accepted[0], c.codings...)
	}
	return negotiate.Encoding(strings.Join(accepted, ","), c.codings...)
}

// fits says whether a reply would be compressed for a client that takes it.
func (c *compressor) fits(h http.Header, status int, size int64) bool {
	switch {
	case size >= 0 && size < c.minSize && status != http.StatusNotModified,
		status == http.StatusNoContent, status == http.StatusPartialContent, status == http.StatusResetContent,
		len(h["Content-Encoding"]) > 0, len(h["Content-Range"]) > 0:
		return false
	}
	for _, line := range h["Cache-Control"] {
		if strings.Contains(strings.ToLower(line), "no-transform") {
			return false
		}
	}
	return c.types.has(h.Get("Content-Type"))
}

// adapt changes what a header says of a body that it no longer describes.
func (e *coding) adapt(h http.Header) {
	h["Content-Encoding"] = e.header
	delete(h, "Content-Length")
	delete(h, "Accept-Ranges")
	delete(h, "Content-Md5")
	delete(h, "Content-Digest") // of the encoded content (RFC 9530 section 2); Repr-Digest is not
	weaken(h)
}

// weaken makes a strong validator a weak one (RFC 9110 section 8.8.1).
func weaken(h http.Header) {
	if tags := h["Etag"]; len(tags) == 1 && strings.HasPrefix(tags[0], `"`) {
		h["Etag"] = []string{"W/" + tags[0]}
	}
}

// mediaTypes is a set of them.
type mediaTypes struct {
	exact            map[string]bool
	kinds, structure []string // "text/", "+json"
}

func parseMediaTypes(list []string) mediaTypes {
	set := mediaTypes{exact: map[string]bool{}}
	for _, entry := range list {
		entry = strings.ToLower(entry)
		kind, sub, ok := strings.Cut(entry, "/")
		switch {
		case entry == eventStream:
			misuse("Compress", "Types: %q: event streams are never compressed: leave it out", entry)
		case strings.HasPrefix(entry, "*+") && headers.ValidName(entry[2:]):
			set.structure = append(set.structure, entry[1:])
		case ok && sub == "*" && kind != "*" && headers.ValidName(kind):
			set.kinds = append(set.kinds, kind+"/")
		case ok && headers.ValidName(kind) && headers.ValidName(sub) && !strings.Contains(entry, "*"):
			set.exact[entry] = true
		default:
			misuse("Compress", `Types: %q is not a media type: want one such as "text/html", "text/*" or "*+json", without parameters`, entry)
		}
	}
	return set
}

// has says whether a Content-Type is in the set.
func (m *mediaTypes) has(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if kind == "" || kind == eventStream {
		return false
	}
	if m.exact[kind] {
		return true
	}
	for _, prefix := range m.kinds {
		if strings.HasPrefix(kind, prefix) {
			return true
		}
	}
	for _, suffix := range m.structure {
		if strings.HasSuffix(kind, suffix) {
			return true
		}
	}
	return false
}

// eventStream is the media type of Server-Sent Events, which other libraries write too.
const eventStream = "text/event-stream"
