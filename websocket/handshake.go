package websocket

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// HandshakeError says why a request did not become a WebSocket. The reply to it is
// still owed: [Server.Handle] sends one, and a framework may do so in its own way.
type HandshakeError struct {
	Status int
	// Text is for the client.
	Text string
	// Header is what the reply has to have besides.
	Header http.Header
}

func (e *HandshakeError) Error() string { return e.Text }

// StatusCode returns the status of the reply.
func (e *HandshakeError) StatusCode() int { return e.Status }

func malformed(format string, args ...any) *HandshakeError {
	return &HandshakeError{Status: http.StatusBadRequest, Text: fmt.Sprintf(format, args...)}
}

// upgradeRequired answers who did not ask for a WebSocket (RFC 9110 section 15.5.22).
func upgradeRequired(text string) *HandshakeError {
	return &HandshakeError{Status: http.StatusUpgradeRequired, Text: text,
		Header: http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Version": {"13"}}}
}

// agreement is what both sides have settled in the handshake.
type agreement struct {
	accept      string
	subprotocol string
	extensions  string
	deflateBits int
}

// negotiate checks a request (RFC 6455 section 4.2.1) and settles what it leaves open.
func negotiate(r *http.Request, o *options, compression bool) (a agreement, fault *HandshakeError) {
	h := r.Header
	switch {
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return a, &HandshakeError{Status: http.StatusHTTPVersionNotSupported,
			Text: "a WebSocket needs HTTP/1.1, and this request came by " + r.Proto}
	case !hasToken(h["Upgrade"], "websocket"):
		return a, upgradeRequired("this address speaks WebSocket: the request has to have the header Upgrade: websocket")
	case r.Method != http.MethodGet:
		return a, &HandshakeError{Status: http.StatusMethodNotAllowed, Text: "a WebSocket begins with GET, not " + r.Method,
			Header: http.Header{"Allow": {http.MethodGet}}}
	case !hasToken(h["Connection"], "upgrade"):
		return a, malformed("the header Connection does not name Upgrade; a proxy may have taken it away")
	case r.Host == "":
		return a, malformed("the header Host is missing")
	}
	if v := h["Sec-Websocket-Version"]; len(v) != 1 || v[0] != "13" {
		return a, upgradeRequired("only version 13 of WebSocket is spoken here, as Sec-WebSocket-Version has to say")
	}
	keys := h["Sec-Websocket-Key"]
	if len(keys) != 1 {
		return a, malformed("the request has to have one Sec-WebSocket-Key, and has %d", len(keys))
	}
	if key, err := base64.StdEncoding.DecodeString(keys[0]); err != nil || len(key) != 16 {
		return a, malformed("Sec-WebSocket-Key is not 16 bytes in base64")
	}
	if r.ContentLength != 0 {
		return a, malformed("a WebSocket's request has no body")
	}
	if !o.anyOrigin {
		if fault := checkOrigin(r, o.origins); fault != nil {
			return a, fault
		}
	}
	a.accept = acceptKey(keys[0])
	if a.subprotocol, fault = chooseSubprotocol(h, o.subprotocols); fault != nil {
		return a, fault
	}
	offers, err := parseExtensions(h)
	if err != nil {
		return a, malformed("%v", err)
	}
	if compression {
		a.extensions, a.deflateBits, _ = acceptDeflate(offers)
	}
	return a, nil
}

// acceptKey proves that the handshake was understood (section 1.3).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// hasToken looks for a token in a list header, in any case.
func hasToken(fields []string, token string) bool {
	for _, field := range fields {
		for part := range strings.SplitSeq(field, ",") {
			if strings.EqualFold(strings.Trim(part, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// offeredSubprotocols are the client's, credentials among them.
func offeredSubprotocols(h http.Header) []string {
	var names []string
	for _, field := range h["Sec-Websocket-Protocol"] {
		for part := range strings.SplitSeq(field, ",") {
			if name := strings.Trim(part, " \t"); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

func chooseSubprotocol(h http.Header, spoken []string) (string, *HandshakeError) {
	offered := offeredSubprotocols(h)
	for _, name := range offered {
		if !isToken(name) {
			return "", malformed("Sec-WebSocket-Protocol has %q, which is not a token", name)
		}
	}
	for _, name := range spoken {
		if slices.Contains(offered, name) && !strings.HasPrefix(name, bearerPrefix) {
			return name, nil
		}
	}
	return "", nil
}

const bearerPrefix = "bearer."

// BearerToken returns the token of a client that cannot set the header Authorization,
// as scripts in browsers cannot: it offers the subprotocol "bearer.<base64url of the
// token>" besides those that it speaks. Without one, or with one that is not
// base64url, the result is "". Such a subprotocol is never agreed on; as a browser
// wants one of its own to be, the page has to offer another that the conversation
// lists in [Subprotocols].
func BearerToken(r *http.Request) string {
	for _, name := range offeredSubprotocols(r.Header) {
		if encoded, ok := strings.CutPrefix(name, bearerPrefix); ok {
			token, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(encoded, "="))
			if err != nil {
				return ""
			}
			return string(token)
		}
	}
	return ""
}

// notOurs are the header fields of a reply that belong to the handshake, or to a body.
var notOurs = map[string]bool{
	"Connection": true, "Upgrade": true, "Content-Length": true, "Content-Type": true, "Content-Encoding": true,
	"Transfer-Encoding": true, "Trailer": true, "Etag": true, "Sec-Websocket-Accept": true,
	"Sec-Websocket-Protocol": true, "Sec-Websocket-Extensions": true, "Sec-Websocket-Version": true,
}

// response is the reply that begins the conversation, with what handler and
// middleware have put into the header.
func (a *agreement) response(header http.Header) []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ")
	b.WriteString(a.accept)
	if a.subprotocol != "" {
		b.WriteString("\r\nSec-WebSocket-Protocol: ")
		b.WriteString(a.subprotocol)
	}
	if a.extensions != "" {
		b.WriteString("\r\nSec-WebSocket-Extensions: ")
		b.WriteString(a.extensions)
	}
	b.WriteString("\r\n")
	_ = header.WriteSubset(&b, notOurs) // writing to memory does not fail
	b.WriteString("\r\n")
	return b.Bytes()
}

// preload takes over what the peer has sent behind its half of the handshake.
func (in *input) preload(r *bufio.Reader) {
	n := r.Buffered()
	if n == 0 {
		return
	}
	ahead, _ := r.Peek(n) // it is buffered
	if n > len(in.buf) {
		in.big = &buffer{make([]byte, n)}
		in.buf = in.big.b
	}
	in.w = copy(in.buf, ahead)
}

// UnsupportedWriterError says that a ResponseWriter cannot be taken over, because
// middleware wrapped it in a type that hides the way. Nothing was written.
type UnsupportedWriterError struct {
	// Type is the Go type of the wrapper that hides it.
	Type string
}

func (e *UnsupportedWriterError) Error() string {
	return fmt.Sprintf("websocket: the connection cannot be taken over: %s has neither Hijack nor Unwrap; "+
		"let the middleware that made it implement Unwrap() http.ResponseWriter", e.Type)
}

// checkHijack finds out whether w can be taken over without doing it. It looks where
// [http.ResponseController] looks.
func checkHijack(w http.ResponseWriter) error {
	for {
		switch t := w.(type) {
		case http.Hijacker:
			return nil
		case interface{ Unwrap() http.ResponseWriter }:
			inner := t.Unwrap()
			if inner == nil {
				return &UnsupportedWriterError{Type: fmt.Sprintf("%T", w)}
			}
			w = inner
		default:
			return &UnsupportedWriterError{Type: fmt.Sprintf("%T", w)}
		}
	}
}
