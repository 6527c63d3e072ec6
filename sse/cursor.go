package sse

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strconv"
	"strings"
)

// maxCursorLength bounds the text of a cursor, in bytes.
const maxCursorLength = 128

// maxEpochLength leaves room for the dot and the digits.
const maxEpochLength = 64

// Cursor is a position in a hub's sequence of messages: everything up to it has
// been seen. Its text, `<epoch>.<sequence>`, is the event id that subscribers
// resume from. The zero Cursor is no position. Cursors are comparable.
type Cursor struct {
	epoch string
	seq   uint64
}

// ParseCursor reads a cursor's text strictly, since it comes from clients: an
// epoch of ASCII letters, digits, '.', '_', '~' and '-', a dot, and a decimal
// number without sign or leading zero; 128 bytes at most.
func ParseCursor(text string) (Cursor, error) {
	if len(text) > maxCursorLength {
		return Cursor{}, fmt.Errorf("sse: cursor of %d bytes: at most %d", len(text), maxCursorLength)
	}
	dot := strings.LastIndexByte(text, '.')
	if dot <= 0 || strings.ContainsFunc(text[:dot], notEpoch) {
		return Cursor{}, fmt.Errorf("sse: cursor %q: want <epoch>.<sequence>", text)
	}
	digits := text[dot+1:]
	seq, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || digits[0] == '+' || digits[0] == '0' && len(digits) > 1 {
		return Cursor{}, fmt.Errorf("sse: cursor %q: %q is not a sequence number", text, digits)
	}
	return Cursor{epoch: text[:dot], seq: seq}, nil
}

// NewCursor makes a cursor for a [Broker]. An epoch is not empty, made of ASCII
// letters, digits, '.', '_', '~' and '-', and at most 64 bytes long.
func NewCursor(epoch string, sequence uint64) (Cursor, error) {
	if epoch == "" || len(epoch) > maxEpochLength || strings.ContainsFunc(epoch, notEpoch) {
		return Cursor{}, fmt.Errorf("sse: epoch %q: want 1 to %d of the characters A-Z a-z 0-9 . _ ~ -", epoch, maxEpochLength)
	}
	return Cursor{epoch, sequence}, nil
}

// Epoch names the life of the log in which the cursor is a position.
func (c Cursor) Epoch() string { return c.epoch }

// Sequence is the number of the message at the cursor, within the epoch.
func (c Cursor) Sequence() uint64 { return c.seq }

func notEpoch(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return !strings.ContainsRune("._~-", r)
}

// IsZero says whether the cursor is no position.
func (c Cursor) IsZero() bool { return c.epoch == "" }

// String gives the cursor's text, and "" for the zero Cursor.
func (c Cursor) String() string {
	if c.IsZero() {
		return ""
	}
	return string(c.append(nil))
}

// MarshalText makes a Cursor a string in JSON.
func (c Cursor) MarshalText() ([]byte, error) {
	if c.IsZero() {
		return []byte{}, nil
	}
	return c.append(nil), nil
}

// UnmarshalText is [ParseCursor]; an empty text is the zero Cursor.
func (c *Cursor) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*c = Cursor{}
		return nil
	}
	parsed, err := ParseCursor(string(text))
	if err == nil {
		*c = parsed
	}
	return err
}

func (c Cursor) append(dst []byte) []byte {
	dst = append(dst, c.epoch...)
	dst = append(dst, '.')
	return strconv.AppendUint(dst, c.seq, 10)
}

// newEpoch names one life of a hub's log, so that a position from another life is
// never taken for one in this.
func newEpoch() string {
	var b [8]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}
