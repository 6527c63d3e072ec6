// Package requestid gives each request an id for logs, at the cost of a counter:
// the ids of one process share a random prefix, so that they are unique over
// machines and restarts.
package requestid

import (
	"crypto/rand"
	"encoding/base32"
	"net/http"
	"strings"
	"sync/atomic"
	"unsafe"
)

// Header is the canonical name of the header that carries an id.
const Header = "X-Request-Id"

const (
	maxLength    = 128
	prefixLength = 8
	alphabet     = "0123456789abcdefghijklmnopqrstuv"
)

// Source makes ids. It is safe for concurrent use.
type Source struct {
	prefix  string
	counter atomic.Uint64
}

// NewSource makes a source with a prefix of its own.
func NewSource() *Source {
	var random [5]byte
	rand.Read(random[:]) // never fails: crypto/rand ends the program instead
	return &Source{prefix: strings.ToLower(base32.HexEncoding.EncodeToString(random[:]))}
}

// ID is the id of one request. It holds the text and the header's value in place,
// so that neither needs an allocation.
type ID struct {
	Text   string
	Header [1]string
	buf    [prefixLength + 1 + 13]byte
}

// Assign takes the id that the request brings along, if it is fit for logs: up to
// 128 letters, digits and any of ._~:/+=-. Otherwise it makes one. The ID must not
// be copied afterwards.
func (id *ID) Assign(s *Source, h http.Header) {
	if given := h[Header]; len(given) == 1 && Fit(given[0]) {
		id.Text = given[0]
	} else {
		n := copy(id.buf[:], s.prefix)
		id.buf[n] = '-'
		b := appendBase32(id.buf[:n+1], s.counter.Add(1))
		id.Text = unsafe.String(&b[0], len(b))
	}
	id.Header[0] = id.Text
}

// appendBase32 writes n with at least four digits; thirteen hold any.
func appendBase32(dst []byte, n uint64) []byte {
	var digits [13]byte
	i := len(digits)
	for n > 0 || i > len(digits)-4 {
		i--
		digits[i] = alphabet[n%32]
		n /= 32
	}
	return append(dst, digits[i:]...)
}

// Fit says whether an id may go into logs and headers.
func Fit(id string) bool {
	if id == "" || len(id) > maxLength {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			continue
		}
		if strings.IndexByte("._~:/+=-", c) < 0 {
			return false
		}
	}
	return true
}
