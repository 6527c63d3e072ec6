package sse

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// AppendTo appends the message in its wire form, a whole block with the blank
// line that ends it, to dst and returns the extended slice. It allocates only
// if dst is too short.
//
// If [Message.Validate] finds fault with the message, that error is returned
// and dst is as it was: a block is written whole or not at all.
//
// The fields come in the order event, id, retry, data, each with one space
// after the colon, since the client takes one away and a value may begin with
// one. There is always a data field: clients fire strange events on blocks
// that have only an id or a retry.
func (m Message) AppendTo(dst []byte) ([]byte, error) {
	if fault := m.fault(); fault != nil {
		return dst, fault
	}
	return appendFrame(dst, &m, nil), nil
}

// appendFrame is AppendTo for a message known to be valid. An id that is not nil
// is sent in place of the message's own, and has to be as valid as one.
func appendFrame(dst []byte, m *Message, id []byte) []byte {
	// Room for all but the line starts of data with many lines. Fixed parts are
	// 43 bytes, the digits of a retry included.
	dst = slices.Grow(dst, len(m.Event)+len(m.ID)+len(id)+len(m.Data)+48)
	if m.Event != "" {
		dst = append(dst, "event: "...)
		dst = append(dst, m.Event...)
		dst = append(dst, '\n')
	}
	switch {
	case id != nil:
		dst = append(dst, "id: "...)
		dst = append(dst, id...)
		dst = append(dst, '\n')
	case m.ID != "" || m.resetID:
		dst = append(dst, "id: "...)
		dst = append(dst, m.ID...)
		dst = append(dst, '\n')
	}
	if m.Retry > 0 {
		dst = append(dst, "retry: "...)
		dst = strconv.AppendInt(dst, retryMillis(m.Retry), 10)
		dst = append(dst, '\n')
	}
	dst = appendLines(dst, "data: ", m.Data)
	return append(dst, '\n')
}

// AppendComment appends text as comment lines, which clients ignore, to dst and
// returns the extended slice. Each line of text gets one; an empty text is the
// lone colon that keeps a connection alive. No blank line follows, so a comment
// can never end a block that somebody else has begun. Bytes that are not UTF-8
// become U+FFFD, since a stream has to be UTF-8 throughout.
func AppendComment(dst []byte, text string) []byte {
	if text == "" {
		return append(dst, ":\n"...)
	}
	return appendLines(dst, ": ", strings.ToValidUTF8(text, "\uFFFD"))
}

// appendLines appends text line by line, each with the prefix before it. Line
// ends are CR LF, CR and LF; one at the end of text makes an empty last line.
func appendLines(dst []byte, prefix, text string) []byte {
	// Most texts have no line end at all, and of those that have, few have a
	// CR, so each kind is searched for on its own and once only.
	lf := strings.IndexByte(text, '\n')
	cr := strings.IndexByte(text, '\r')
	for lf >= 0 || cr >= 0 {
		end, next := lf, lf+1
		if lf < 0 || cr >= 0 && cr < lf {
			end, next = cr, cr+1
			if lf == next {
				next++
			}
		}
		dst = append(dst, prefix...)
		dst = append(dst, text[:end]...)
		dst = append(dst, '\n')
		text = text[next:]
		lf = nextIndex(lf, next, text, '\n')
		cr = nextIndex(cr, next, text, '\r')
	}
	dst = append(dst, prefix...)
	dst = append(dst, text...)
	return append(dst, '\n')
}

// nextIndex moves index, the place of the first c, along with a text that has
// lost its first cut bytes, and searches again only if that c was among them.
func nextIndex(index, cut int, text string, c byte) int {
	if index < 0 {
		return index
	}
	if index >= cut {
		return index - cut
	}
	return strings.IndexByte(text, c)
}

// retryMillis returns d, which is positive, in whole milliseconds: rounded up, since
// zero would mean at once, and no more than a 32-bit timer can take.
func retryMillis(d time.Duration) int64 {
	ms := int64(d / time.Millisecond)
	if d%time.Millisecond > 0 {
		ms++
	}
	return min(ms, math.MaxInt32)
}
