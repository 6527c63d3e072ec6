package websocket

import (
	"crypto/rand"
	"io"

	"github.com/gobwas/ws"
)

// appendHeader appends a frame's header. The mask is used when masked is set.
func appendHeader(dst []byte, op ws.OpCode, fin, rsv1 bool, length int, masked bool, mask [4]byte) []byte {
	h := ws.Header{Fin: fin, Rsv: ws.Rsv(rsv1, false, false), OpCode: op, Length: int64(length), Masked: masked, Mask: mask}
	n := len(dst)
	dst = append(dst, make([]byte, ws.MaxHeaderSize)...)
	// The codec builds the header in the buffer it is lent, so where it writes to
	// does not matter. The only error is that of a negative length.
	_ = ws.WriteHeaderBuffer(io.Discard, h, dst[n:])
	return dst[:n+ws.HeaderSize(h)]
}

// appendFrame appends a whole frame. A client's is masked with fresh randomness
// (RFC 6455 section 5.3).
func appendFrame(dst []byte, op ws.OpCode, fin, rsv1 bool, payload []byte, masked bool) []byte {
	var mask [4]byte
	if masked {
		_, _ = rand.Read(mask[:]) // never fails: crypto/rand ends the program instead
	}
	dst = appendHeader(dst, op, fin, rsv1, len(payload), masked, mask)
	n := len(dst)
	dst = append(dst, payload...)
	if masked {
		ws.Cipher(dst[n:], mask, 0)
	}
	return dst
}

// headerBytes is the length of the header that begins with these two bytes.
func headerBytes(second byte) int {
	n := ws.MinHeaderSize
	switch second & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if second&0x80 != 0 {
		n += 4
	}
	return n
}

// headerSource lends the codec the bytes of one header, without an allocation.
type headerSource struct {
	p       []byte
	scratch [ws.MaxHeaderSize]byte
}

func (s *headerSource) Read(p []byte) (int, error) {
	if len(s.p) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.p)
	s.p = s.p[n:]
	return n, nil
}

// parse decodes the header p, which has to be complete. fault says what is wrong
// with it in itself; whether it is due now is for [input.expect].
func (s *headerSource) parse(p []byte) (h ws.Header, fault string) {
	s.p = p
	h, err := ws.ReadHeaderBuffer(s, s.scratch[:])
	s.p = nil
	switch {
	case err != nil: // the p is complete, so it is the length's highest bit
		return h, "a frame length of more than 63 bits"
	case ws.HeaderSize(h) != len(p):
		return h, "a frame length that is not encoded in the fewest bytes"
	case h.OpCode.IsReserved():
		return h, "a reserved opcode"
	case h.OpCode.IsControl() && h.Length > ws.MaxControlFramePayloadSize:
		return h, "a control frame of more than 125 bytes"
	case h.OpCode.IsControl() && !h.Fin:
		return h, "a fragmented control frame"
	}
	return h, ""
}
