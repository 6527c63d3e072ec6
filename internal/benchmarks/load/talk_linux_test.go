package load

import (
	"os"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// socket is a connection of a loop that does not run, and the server's end of it.
func socket(t *testing.T) (*loop, *conn, *os.File) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	server := os.NewFile(uintptr(ends[1]), "server")
	t.Cleanup(func() { _ = unix.Close(ends[0]); _ = server.Close() })
	return &loop{counter: new(atomic.Int64)}, &conn{fd: ends[0], phase: streaming, frames: &frames{}}, server
}

// came is what the server's end has got.
func came(t *testing.T, server *os.File) []byte {
	t.Helper()
	buf := make([]byte, 1024)
	n, err := server.Read(buf)
	require.NoError(t, err)
	return buf[:n]
}

func TestConverseCountsMessagesWithAMark(t *testing.T) {
	l, c, _ := socket(t)
	data := append(sent(0x81, `{"event":"sse.hello"}`), sent(0x81, "|one")...)
	data = append(data, sent(0x81, `{"data":"|two|"}`)...)
	seen, err := l.converse(c, data)
	require.NoError(t, err)
	assert.EqualValues(t, 2, seen)
}

func TestConverseAnswersAPing(t *testing.T) {
	l, c, server := socket(t)
	_, err := l.converse(c, sent(0x89, "there?"))
	require.NoError(t, err)
	got := came(t, server)
	require.Len(t, got, 2+4+6)
	assert.Equal(t, []byte{0x8a, 0x86}, got[:2], "a pong, with a mask")
	for i := range got[6:] {
		got[6+i] ^= got[2+i%4]
	}
	assert.Equal(t, "there?", string(got[6:]))
}

func TestConverseSendsTheNextMessageForEachThatCameBack(t *testing.T) {
	l, c, server := socket(t)
	l.talk = &talking{text: []byte("hi"), waiting: 1}
	for range masks {
		l.talk.frames = append(l.talk.frames, masked(opText, l.talk.text))
	}
	_, err := l.converse(c, sent(0x81, "hi"))
	require.NoError(t, err)
	assert.EqualValues(t, 1, l.talk.replies)
	assert.Equal(t, 1, l.talk.waiting, "the next is under way")
	assert.Len(t, came(t, server), 2+4+2)

	l.talk.over = true
	_, err = l.converse(c, sent(0x81, "hi"))
	require.NoError(t, err)
	assert.Zero(t, l.talk.waiting, "none is sent any more")
}

func TestConverseEndsWithWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name, says string
		talk       *talking
		data       []byte
	}{
		{"goodbye", "goodbye", nil, sent(0x88, "\x03\xe9bye")},
		{"another text", `came back as "ho"`, &talking{text: []byte("hi")}, sent(0x81, "ho")},
		{"another kind", "came back as", &talking{text: []byte("hi")}, sent(0x82, "hi")},
		{"no frame", "reserved bits", nil, []byte("HTTP/1.1 400 Bad Request")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, c, _ := socket(t)
			l.talk = tt.talk
			_, err := l.converse(c, tt.data)
			assert.ErrorContains(t, err, tt.says)
		})
	}
}
