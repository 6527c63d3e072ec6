package load

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sent makes a server's frame, with the shortest form of its length.
func sent(first byte, payload string) []byte {
	n := len(payload)
	switch {
	case n <= 125:
		return append([]byte{first, byte(n)}, payload...)
	case n <= 0xffff:
		return append([]byte{first, 126, byte(n >> 8), byte(n)}, payload...)
	}
	return append([]byte{first, 127, 0, 0, 0, 0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, payload...)
}

// heard is what frames makes of data that comes in pieces of that size.
func heard(data []byte, piece int) (messages []string, err error) {
	var f frames
	for chunk := range chunks(data, piece) {
		// The loop reads into the same memory again and again.
		own := bytes.Clone(chunk)
		err := f.feed(own, func(op byte, payload []byte) error {
			messages = append(messages, fmt.Sprintf("%d %s", op, payload))
			return nil
		})
		clear(own)
		if err != nil {
			return messages, err
		}
	}
	return messages, nil
}

func chunks(data []byte, size int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(data) > 0 {
			n := min(size, len(data))
			if !yield(data[:n]) {
				return
			}
			data = data[n:]
		}
	}
}

func TestFramesHoweverTheyAreCut(t *testing.T) {
	long, longer := string(bytes.Repeat([]byte("l"), 126)), string(bytes.Repeat([]byte("L"), 70_000))
	data := bytes.Join([][]byte{
		sent(0x81, "Gotham"), sent(0x82, long), sent(0x81, ""), sent(0x89, "there?"),
		sent(0x01, "bat"), sent(0x8a, ""), sent(0x00, "mo"), sent(0x80, "bile"), sent(0x82, longer), sent(0x88, "\x03\xe8"),
	}, nil)
	want := []string{"1 Gotham", "2 " + long, "1 ", "9 there?", "10 ", "1 batmobile", "2 " + longer, "8 \x03\xe8"}
	for _, piece := range []int{1, 2, 3, 7, 130, 4096, len(data)} {
		t.Run(fmt.Sprintf("pieces of %d", piece), func(t *testing.T) {
			got, err := heard(data, piece)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestFramesThatAServerMayNotSend(t *testing.T) {
	for _, tt := range []struct {
		name, says string
		data       []byte
	}{
		{"masked", "masked", masked(opText, []byte("x"))},
		{"compressed without agreement", "reserved bits", sent(0xc1, "x")},
		{"unknown opcode", "opcode 3", sent(0x83, "x")},
		{"unknown control opcode", "opcode 11", sent(0x8b, "x")},
		{"ping in pieces", "control frame", sent(0x09, "x")},
		{"long ping", "control frame", sent(0x89, string(make([]byte, 126)))},
		{"end of nothing", "begins within another", sent(0x80, "x")},
		{"two beginnings", "begins within another", append(sent(0x01, "x"), sent(0x81, "x")...)},
		{"larger than any", "frame of", []byte{0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0}},
		{"larger than any in pieces", "message of more", append(sent(0x02, string(make([]byte, largest))), sent(0x80, "x")...)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := heard(tt.data, len(tt.data))
			assert.ErrorContains(t, err, tt.says)
		})
	}
}

func TestMaskedFrames(t *testing.T) {
	for _, n := range []int{0, 125, 126, 0xffff, 0x10000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			payload := bytes.Repeat([]byte{'x'}, n)
			out := masked(opBinary, payload)
			plain := sent(0x82, string(payload))
			header := len(plain) - n
			require.Len(t, out, len(plain)+4)
			assert.Equal(t, plain[0], out[0])
			assert.Equal(t, plain[1]|0x80, out[1], "the bit that says so")
			assert.Equal(t, plain[2:header], out[2:header])
			for i, b := range out[header+4:] {
				require.Equal(t, byte('x'), b^out[header+i%4])
			}
			if n > 0 {
				assert.NotEqual(t, out, masked(opBinary, payload), "each has its own mask")
			}
		})
	}
}

func TestUpgraded(t *testing.T) {
	const head = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
	for _, tt := range []struct {
		name, head string
		want       bool
	}{
		{"good", head + "sec-websocket-accept: " + handshakeAnswer, true},
		{"no answer", head[:len(head)-2], false},
		{"another's answer", head + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", false},
		{"compressed unasked", head + "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Accept: " + handshakeAnswer, false},
		{"another status", "HTTP/1.1 200 OK\r\nSec-WebSocket-Accept: " + handshakeAnswer, false},
		{"no header", "220 mail.gotham.city", false},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, upgraded([]byte(tt.head))) })
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(sent(0x81, "Gotham"), 3)
	f.Add(append(sent(0x01, "bat"), append(sent(0x89, ""), sent(0x80, "mobile")...)...), 1)
	f.Add([]byte{0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 4)
	f.Add(sent(0x82, string(make([]byte, 300))), 100)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		piece = max(1, piece)
		whole, wholeErr := heard(data, max(1, len(data)))
		cut, cutErr := heard(data, piece)
		assert.Equal(t, whole, cut, "messages do not depend on how the data is cut")
		assert.Equal(t, wholeErr == nil, cutErr == nil)
	})
}
