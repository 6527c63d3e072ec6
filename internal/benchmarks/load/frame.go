package load

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
)

// The opcodes of WebSocket frames (RFC 6455 section 5.2).
const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPing         = 9
	opPong         = 10
)

// largest is the most that a server may send as one message: none of those that are
// compared has a reason to send nearly as much.
const largest = 1 << 20

// frame is what a server has sent.
type frame struct {
	op      byte
	final   bool
	payload []byte
}

// parseFrame takes the first frame off the data, and returns its size; 0 if it is not
// there as a whole.
func parseFrame(data []byte) (f frame, size int, err error) {
	if len(data) < 2 {
		return frame{}, 0, nil
	}
	f.op, f.final = data[0]&0x0f, data[0]&0x80 != 0
	header, length := 2, uint64(data[1]&0x7f)
	switch {
	case data[0]&0x70 != 0:
		return frame{}, 0, errors.New("a frame with reserved bits")
	case data[1]&0x80 != 0:
		return frame{}, 0, errors.New("a masked frame from a server")
	case f.op > opBinary && f.op < opClose || f.op > opPong:
		return frame{}, 0, fmt.Errorf("a frame with opcode %d", f.op)
	case f.op >= opClose && (!f.final || length > 125):
		return frame{}, 0, errors.New("a control frame that is long or in pieces")
	case length == 126:
		if header = 4; len(data) < header {
			return frame{}, 0, nil
		}
		length = uint64(binary.BigEndian.Uint16(data[2:]))
	case length == 127:
		if header = 10; len(data) < header {
			return frame{}, 0, nil
		}
		length = binary.BigEndian.Uint64(data[2:])
	}
	if length > largest {
		return frame{}, 0, fmt.Errorf("a frame of %d bytes", length)
	}
	if size = header + int(length); len(data) < size {
		return frame{}, 0, nil
	}
	f.payload = data[header:size]
	return f, size, nil
}

// frames makes messages of what comes in on one connection, piece by piece.
type frames struct {
	begun   []byte // a frame that is not complete yet
	kind    byte   // of the message that is not complete yet; 0: there is none
	message []byte // its payload
}

// feed calls handle for each message and each control frame that the data completes.
// The payload is valid until handle returns.
func (f *frames) feed(data []byte, handle func(op byte, payload []byte) error) error {
	if len(f.begun) > 0 {
		f.begun = append(f.begun, data...)
		data = f.begun
	}
	for len(data) > 0 {
		next, size, err := parseFrame(data)
		if err != nil {
			return err
		}
		if size == 0 {
			break
		}
		data = data[size:]
		if err := f.take(next, handle); err != nil {
			return err
		}
	}
	f.begun = append(f.begun[:0], data...)
	return nil
}

func (f *frames) take(next frame, handle func(op byte, payload []byte) error) error {
	switch {
	case next.op >= opClose:
		return handle(next.op, next.payload)
	case (next.op == opContinuation) != (f.kind != 0):
		return errors.New("a message that begins within another, or goes on without a beginning")
	case next.op != opContinuation && next.final:
		return handle(next.op, next.payload)
	case next.op != opContinuation:
		f.kind, f.message = next.op, f.message[:0]
	}
	if len(f.message)+len(next.payload) > largest {
		return fmt.Errorf("a message of more than %d bytes", largest)
	}
	f.message = append(f.message, next.payload...)
	if !next.final {
		return nil
	}
	kind := f.kind
	f.kind = 0
	return handle(kind, f.message)
}

// masked makes a client's frame, with a mask of its own (RFC 6455 section 5.3).
func masked(op byte, payload []byte) []byte {
	out := []byte{0x80 | op}
	switch n := len(payload); {
	case n <= 125:
		out = append(out, 0x80|byte(n))
	case n <= 0xffff:
		out = binary.BigEndian.AppendUint16(append(out, 0x80|126), uint16(n))
	default:
		out = binary.BigEndian.AppendUint64(append(out, 0x80|127), uint64(n))
	}
	mask := binary.BigEndian.AppendUint32(nil, rand.Uint32())
	out = append(out, mask...)
	for i, b := range payload {
		out = append(out, b^mask[i%4])
	}
	return out
}
