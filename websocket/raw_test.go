package websocket

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// frame is one on the wire, written and read here without the package's own code.
type frame struct {
	first   byte // FIN, RSV and opcode
	payload string
	// For frames that are not as they should be.
	unmasked bool
	length   []byte // in the place of the length that is due, without the mask bit
}

const (
	fin  = 0x80
	rsv1 = 0x40
	rsv2 = 0x20
	rsv3 = 0x10
)

func (f frame) bytes() []byte {
	b := []byte{f.first}
	mask := byte(0x80)
	if f.unmasked {
		mask = 0
	}
	switch n := len(f.payload); {
	case f.length != nil:
		b = append(b, f.length...)
		b[1] |= mask
	case n < 126:
		b = append(b, mask|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, mask|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, mask|127), uint64(n))
	}
	if f.unmasked {
		return append(b, f.payload...)
	}
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	b = append(b, key[:]...)
	for i := range len(f.payload) {
		b = append(b, f.payload[i]^key[i%4])
	}
	return b
}

// rawConn is a client that speaks in bytes.
type rawConn struct {
	net.Conn
	r        *bufio.Reader
	response *http.Response
}

// rawDial performs a handshake over TCP, with header lines added.
func rawDial(t testing.TB, h http.Handler, lines ...string) *rawConn {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	nc, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = nc.Close() })
	require.NoError(t, nc.SetDeadline(time.Now().Add(20*time.Second)))
	request := "GET / HTTP/1.1\r\nHost: gotham.city\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
	if len(lines) > 0 {
		request += strings.Join(lines, "\r\n") + "\r\n"
	}
	_, err = io.WriteString(nc, request+"\r\n")
	require.NoError(t, err)
	c := &rawConn{Conn: nc, r: bufio.NewReader(nc)}
	c.response, err = http.ReadResponse(c.r, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, c.response.StatusCode)
	return c
}

func (c *rawConn) send(t testing.TB, frames ...frame) {
	t.Helper()
	for _, f := range frames {
		_, err := c.Write(f.bytes())
		require.NoError(t, err)
	}
}

// next reads a frame from the server, which must not be masked.
func (c *rawConn) next() (f frame, err error) {
	var head [2]byte
	if _, err = io.ReadFull(c.r, head[:]); err != nil {
		return f, err
	}
	f.first, f.unmasked = head[0], head[1]&0x80 == 0
	n := uint64(head[1] & 0x7f)
	switch n {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(c.r, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(c.r, b[:])
		n = binary.BigEndian.Uint64(b[:])
	}
	if err != nil {
		return f, err
	}
	payload := make([]byte, n)
	_, err = io.ReadFull(c.r, payload)
	f.payload = string(payload)
	return f, err
}

// closePayload is what a Close frame carries.
func closePayload(code Code, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(code))) + reason
}

// rest reads until the server hangs up: the frames before the Close frame, and that
// one's code, or 0 when there was none.
func (c *rawConn) rest(t testing.TB) (frames []frame, code Code) {
	t.Helper()
	for {
		f, err := c.next()
		if err != nil {
			require.ErrorIs(t, err, io.EOF)
			return frames, code
		}
		require.True(t, f.unmasked, "a server must not mask (section 5.1)")
		require.Zero(t, code, "nothing may follow a Close frame (section 5.5.1)")
		if f.first == fin|8 {
			code = NoStatus
			if f.payload != "" {
				code = Code(binary.BigEndian.Uint16([]byte(f.payload)))
			}
			continue
		}
		frames = append(frames, f)
	}
}
