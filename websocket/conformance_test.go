package websocket

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The rules of RFC 6455 sections 5 to 7 that can be seen from outside of a server, each
// against an echo. What the client says is followed by a normal Close frame where the server
// is to go on.
func TestConformance(t *testing.T) {
	text := func(s string) frame { return frame{first: fin | 1, payload: s} }
	bye := frame{first: fin | 8, payload: closePayload(1000, "")}
	long := strings.Repeat("x", 126)
	longer := strings.Repeat("y", 65536)
	for _, tc := range []struct {
		name string
		send []frame
		want []frame // before the Close frame
		code Code
	}{
		// 5.1
		{"5.1 an unmasked frame fails the connection", []frame{{first: fin | 1, payload: "a", unmasked: true}}, nil, ProtocolError},
		{"5.1 an unmasked control frame fails the connection", []frame{{first: fin | 9, unmasked: true}}, nil, ProtocolError},
		// 5.2
		{"5.2 RSV1 without an extension fails the connection", []frame{{first: fin | rsv1 | 1, payload: "a"}}, nil, ProtocolError},
		{"5.2 RSV2 fails the connection", []frame{{first: fin | rsv2 | 1, payload: "a"}}, nil, ProtocolError},
		{"5.2 RSV3 fails the connection", []frame{{first: fin | rsv3 | 1, payload: "a"}}, nil, ProtocolError},
		{"5.2 RSV1 on a control frame fails the connection", []frame{{first: fin | rsv1 | 9}}, nil, ProtocolError},
		{"5.2 opcode 3 is reserved", []frame{{first: fin | 3}}, nil, ProtocolError},
		{"5.2 opcode 7 is reserved", []frame{{first: fin | 7}}, nil, ProtocolError},
		{"5.2 opcode 11 is reserved", []frame{{first: fin | 11}}, nil, ProtocolError},
		{"5.2 opcode 15 is reserved", []frame{{first: fin | 15}}, nil, ProtocolError},
		{"5.2 seven bits of length", []frame{text(long[:125]), bye}, []frame{{first: fin | 1, payload: long[:125], unmasked: true}}, 1000},
		{"5.2 sixteen bits of length", []frame{text(long), bye}, []frame{{first: fin | 1, payload: long, unmasked: true}}, 1000},
		{"5.2 sixty-three bits of length", []frame{text(longer), bye}, []frame{{first: fin | 1, payload: longer, unmasked: true}}, 1000},
		{"5.2 a length in more bits than needed: 16", []frame{{first: fin | 1, payload: "a", length: []byte{126, 0, 1}}}, nil, ProtocolError},
		{"5.2 a length in more bits than needed: 64", []frame{{first: fin | 1, payload: long, length: []byte{127, 0, 0, 0, 0, 0, 0, 0, 126}}}, nil, ProtocolError},
		{"5.2 the highest bit of a length must be 0", []frame{{first: fin | 1, length: []byte{127, 0x80, 0, 0, 0, 0, 0, 0, 0}}}, nil, ProtocolError},
		{"5.2 an empty message", []frame{text(""), bye}, []frame{{first: fin | 1, unmasked: true}}, 1000},
		// 5.3
		{"5.3 the mask is taken off", []frame{text("Hello"), bye}, []frame{{first: fin | 1, payload: "Hello", unmasked: true}}, 1000},
		// 5.4
		{"5.4 fragments make one message", []frame{{first: 1, payload: "Hel"}, {first: fin, payload: "lo"}, bye}, []frame{{first: fin | 1, payload: "Hello", unmasked: true}}, 1000},
		{"5.4 a fragment may be empty", []frame{{first: 2}, {}, {first: 0, payload: "x"}, {first: fin}, bye}, []frame{{first: fin | 2, payload: "x", unmasked: true}}, 1000},
		{"5.4 control frames come between fragments", []frame{{first: 1, payload: "Hel"}, {first: fin | 9, payload: "?"}, {first: fin, payload: "lo"}, bye},
			[]frame{{first: fin | 10, payload: "?", unmasked: true}, {first: fin | 1, payload: "Hello", unmasked: true}}, 1000},
		{"5.4 a message inside a message fails the connection", []frame{{first: 1, payload: "a"}, text("b")}, nil, ProtocolError},
		{"5.4 a continuation of nothing fails the connection", []frame{{first: fin, payload: "a"}}, nil, ProtocolError},
		{"5.4 a continuation after the last fails the connection", []frame{{first: 2, payload: "a"}, {first: fin}, {first: fin}}, []frame{{first: fin | 2, payload: "a", unmasked: true}}, ProtocolError},
		// 5.5
		{"5.5 a control frame of 125 bytes", []frame{{first: fin | 9, payload: long[:125]}, bye}, []frame{{first: fin | 10, payload: long[:125], unmasked: true}}, 1000},
		{"5.5 a longer control frame fails the connection", []frame{{first: fin | 9, payload: long}}, nil, ProtocolError},
		{"5.5 a fragmented control frame fails the connection", []frame{{first: 9}}, nil, ProtocolError},
		{"5.5.1 a Close frame is answered in kind", []frame{{first: fin | 8, payload: closePayload(3000, "done")}}, nil, 3000},
		{"5.5.1 a Close frame without a code", []frame{{first: fin | 8}}, nil, NoStatus},
		{"5.5.1 a Close frame of one byte fails the connection", []frame{{first: fin | 8, payload: "x"}}, nil, ProtocolError},
		{"5.5.1 what follows a Close frame is not looked at", []frame{bye, text("late"), {first: 0x7f}}, nil, 1000},
		{"5.5.1 a close reason that is not UTF-8 fails the connection", []frame{{first: fin | 8, payload: closePayload(1000, "\xff")}}, nil, InvalidPayload},
		{"5.5.1 a close reason of 123 bytes", []frame{{first: fin | 8, payload: closePayload(1000, long[:123])}}, nil, 1000},
		{"5.5.2 a ping is answered with its payload", []frame{{first: fin | 9, payload: "Hello"}, bye}, []frame{{first: fin | 10, payload: "Hello", unmasked: true}}, 1000},
		{"5.5.3 an unsolicited pong is not answered", []frame{{first: fin | 10, payload: "boo"}, bye}, nil, 1000},
		// 5.6
		{"5.6 a binary message may hold anything", []frame{{first: fin | 2, payload: "\xff\x00"}, bye}, []frame{{first: fin | 2, payload: "\xff\x00", unmasked: true}}, 1000},
		{"5.6 a character may be cut by fragments", []frame{{first: 1, payload: "\xe4\xb8"}, {first: fin, payload: "\xad"}, bye}, []frame{{first: fin | 1, payload: "中", unmasked: true}}, 1000},
		// 7.4
		{"7.4.1 1004 may not be sent", []frame{{first: fin | 8, payload: closePayload(1004, "")}}, nil, ProtocolError},
		{"7.4.1 1005 may not be sent", []frame{{first: fin | 8, payload: closePayload(1005, "")}}, nil, ProtocolError},
		{"7.4.1 1006 may not be sent", []frame{{first: fin | 8, payload: closePayload(1006, "")}}, nil, ProtocolError},
		{"7.4.1 1015 may not be sent", []frame{{first: fin | 8, payload: closePayload(1015, "")}}, nil, ProtocolError},
		{"7.4.2 0 to 999 are not used", []frame{{first: fin | 8, payload: closePayload(999, "")}}, nil, ProtocolError},
		{"7.4.2 1016 to 2999 mean nothing yet", []frame{{first: fin | 8, payload: closePayload(2999, "")}}, nil, ProtocolError},
		{"7.4.2 5000 and above do not exist", []frame{{first: fin | 8, payload: closePayload(5000, "")}}, nil, ProtocolError},
		{"7.4.2 4999 is the program's own", []frame{{first: fin | 8, payload: closePayload(4999, "")}}, nil, 4999},
		// 8.1
		{"8.1 text that is not UTF-8 fails the connection", []frame{text("a\xffb")}, nil, InvalidPayload},
		{"8.1 text that ends inside a character fails the connection", []frame{text("\xe4\xb8")}, nil, InvalidPayload},
		{"8.1 text that ends inside a character, by an empty fragment", []frame{{first: 1, payload: "\xe4\xb8"}, {first: fin}}, nil, InvalidPayload},
		{"8.1 a surrogate fails the connection", []frame{text("\xed\xa0\x80")}, nil, InvalidPayload},
		{"8.1 broken text fails as soon as it is there, not at the end of the message", []frame{{first: 1, payload: "a\xf4\x90"}}, nil, InvalidPayload},
		{"8.1 broken text fails in the middle of a frame", []frame{{first: 1, payload: "\xff", length: []byte{127, 0, 0, 0, 0, 0, 1, 0, 0}}}, nil, InvalidPayload},
		// 10.4
		{"10.4 a message may be as large as the limit", []frame{{first: fin | 2, payload: strings.Repeat("z", 70000)}, bye}, []frame{{first: fin | 2, payload: strings.Repeat("z", 70000), unmasked: true}}, 1000},
		{"10.4 one that is larger is refused by its header", []frame{{first: fin | 2, length: []byte{127, 0, 0, 0, 0, 0, 1, 0x11, 0x71}}}, nil, MessageTooBig},
		{"10.4 fragments are counted together", []frame{{first: 2, payload: longer}, {first: fin, length: []byte{126, 0x11, 0x71}}}, nil, MessageTooBig},
		{"10.4 a length near 2 to the 63 is refused", []frame{{first: 2, payload: "x"}, {first: fin, length: []byte{127, 0x7f, 255, 255, 255, 255, 255, 255, 255}}}, nil, MessageTooBig},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h, reports := serve(&Server{MaxMessageBytes: 70000}, echo)
			c := rawDial(t, h)
			go func() { // the server may hang up while it is told more
				for _, f := range tc.send {
					if _, err := c.Write(f.bytes()); err != nil {
						return
					}
				}
			}()
			frames, code := c.rest(t)
			assert.Equal(t, tc.want, frames)
			assert.Equal(t, tc.code, code)
			_ = c.Close() // or a server that lingers would wait for it
			report := <-reports
			assert.Equal(t, tc.code, report.Code)
			if report.Remote {
				assert.Equal(t, Closed, report.Reason)
			} else {
				assert.Equal(t, Violation, report.Reason)
				assert.ErrorIs(t, report.Err, ErrViolation)
			}
		})
	}
}

// Every byte may come by itself.
func TestConformanceByteByByte(t *testing.T) {
	h, reports := serve(new(Server), echo)
	c := rawDial(t, h)
	for _, f := range []frame{
		{first: 1, payload: "中"}, {first: fin | 9, payload: "?"}, {first: fin, payload: strings.Repeat("文", 100)},
		{first: fin | 8, payload: closePayload(1001, "bye")},
	} {
		for _, b := range f.bytes() {
			_, err := c.Write([]byte{b})
			assert.NoError(t, err)
		}
	}
	frames, code := c.rest(t)
	assert.Equal(t, GoingAway, code)
	assert.Equal(t, []frame{
		{first: fin | 10, payload: "?", unmasked: true},
		{first: fin | 1, payload: "中" + strings.Repeat("文", 100), unmasked: true},
	}, frames)
	assert.Equal(t, "bye", (<-reports).CloseReason)
}

// The closing handshake that the server begins (RFC 6455 sections 5.5.1 and 7.1).
func TestServerCloses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer []frame
	}{
		{"answered", []frame{{first: fin | 8, payload: closePayload(4001, "")}}},
		{"answered after what was under way", []frame{{first: fin | 1, payload: "late"}, {first: 2, payload: strings.Repeat("x", 5000)}, {first: fin | 9}, {first: fin | 8}}},
		{"answered with nonsense", []frame{{first: 0x7f}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, reports := serve(new(Server), func(*Conn) error { return Close(4001, "go home") })
			c := rawDial(t, h)
			f, err := c.next()
			assert.NoError(t, err)
			assert.Equal(t, frame{first: fin | 8, payload: closePayload(4001, "go home"), unmasked: true}, f)
			c.send(t, tc.answer...)
			_, err = c.next()
			assert.Error(t, err, "the server hangs up first (section 7.1.1), and sends no second Close frame")
			report := <-reports
			assert.Equal(t, Completed, report.Reason)
			assert.Equal(t, Code(4001), report.Code)
			assert.False(t, report.Remote)
			assert.NoError(t, report.Err)
		})
	}
}
