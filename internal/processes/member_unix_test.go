//go:build unix

package processes

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// supervised makes a member of two, with the supervisor's ends of its pipes and the
// addresses of the two sockets.
func supervised(t *testing.T) (m *Member, commands, reports *os.File, addrs []string) {
	t.Helper()
	m = &Member{place: Place{Slot: 1, Of: 2, Sockets: 2}, adopting: make(chan net.Listener), adopted: map[int]net.Listener{}}
	var err error
	m.commands, commands, err = os.Pipe()
	require.NoError(t, err)
	reports, m.report, err = os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { commands.Close(); reports.Close() })
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		raw, err := l.(syscall.Conn).SyscallConn()
		require.NoError(t, err)
		require.NoError(t, raw.Control(func(fd uintptr) {
			duplicate, err := Duplicate(int(fd))
			require.NoError(t, err)
			m.sockets = append(m.sockets, duplicate)
		}))
		addrs = append(addrs, l.Addr().String())
		require.NoError(t, l.Close())
	}
	return m, commands, reports, addrs
}

func TestMemberIsTold(t *testing.T) {
	outer := errors.New("outer")
	for name, tt := range map[string]struct {
		tell   func(t *testing.T, commands *os.File, end context.CancelCauseFunc, force chan struct{})
		forced bool
	}{
		"drain": {tell: func(t *testing.T, commands *os.File, _ context.CancelCauseFunc, _ chan struct{}) {
			_, err := commands.Write([]byte{Drain})
			require.NoError(t, err)
		}},
		"drain, by the end of the supervisor": {tell: func(t *testing.T, commands *os.File, _ context.CancelCauseFunc, _ chan struct{}) {
			require.NoError(t, commands.Close())
		}},
		"drain, by the program": {tell: func(_ *testing.T, _ *os.File, end context.CancelCauseFunc, _ chan struct{}) { end(outer) }},
		"force": {tell: func(t *testing.T, commands *os.File, _ context.CancelCauseFunc, _ chan struct{}) {
			_, err := commands.Write([]byte{Drain, Force, Force})
			require.NoError(t, err)
		}, forced: true},
		"force, by a signal": {tell: func(_ *testing.T, _ *os.File, end context.CancelCauseFunc, force chan struct{}) {
			end(outer)
			close(force)
		}, forced: true},
	} {
		t.Run(name, func(t *testing.T) {
			m, commands, reports, addrs := supervised(t)
			ctx, end := context.WithCancelCause(t.Context())
			defer end(nil)
			force, boom := make(chan struct{}), errors.New("boom")
			err := m.Serve(ctx, force, time.Hour, func(ctx context.Context, forced <-chan struct{}) error {
				assert.NoError(t, ctx.Err())
				m.Ready()
				var report [2]byte
				_, err := io.ReadFull(reports, report[:1])
				require.NoError(t, err)
				tt.tell(t, commands, end, force)
				<-ctx.Done()
				_, err = io.ReadFull(reports, report[1:])
				require.NoError(t, err)
				assert.Equal(t, []byte{Ready, Leaving}, report[:])
				_, err = net.Dial("tcp", addrs[1])
				assert.ErrorIs(t, err, syscall.ECONNREFUSED, "it gave the sockets up")
				if tt.forced {
					<-forced
				}
				return boom
			})
			assert.Equal(t, boom, err)
			_, err = io.ReadAll(reports)
			assert.NoError(t, err, "the pipe is closed")
		})
	}
}

func TestAMemberThatFailsIsNotLeaving(t *testing.T) {
	m, _, reports, _ := supervised(t)
	boom := errors.New("boom")
	assert.Equal(t, boom, m.Serve(t.Context(), nil, 0, func(context.Context, <-chan struct{}) error { return boom }))
	said, err := io.ReadAll(reports)
	require.NoError(t, err)
	assert.Empty(t, said, "the exit status tells")
}

func TestMemberAdopts(t *testing.T) {
	m, commands, _, addrs := supervised(t)
	command := func(what ...byte) {
		_, err := commands.Write(what)
		require.NoError(t, err)
	}
	require.NoError(t, m.Serve(t.Context(), nil, 0, func(context.Context, <-chan struct{}) error {
		for range 2 { // a socket that was released can be adopted again
			waiting, err := net.Dial("tcp", addrs[1])
			require.NoError(t, err, "the socket is there, whether somebody accepts or not")
			command(Adopt, 2)
			l := <-m.Adopted()
			assert.Equal(t, addrs[1], l.Addr().String())
			conn, err := l.Accept()
			require.NoError(t, err)
			assert.Equal(t, waiting.LocalAddr(), conn.RemoteAddr())
			require.NoError(t, conn.Close())
			require.NoError(t, waiting.Close())
			command(Release, 2)
			_, err = l.Accept()
			assert.ErrorIs(t, err, net.ErrClosed)
		}
		command(Adopt, 0, Adopt, 3, Adopt, 2) // two that there are not
		l := <-m.Adopted()
		assert.Equal(t, addrs[1], l.Addr().String())
		return l.Close()
	}))
	_, err := net.Dial("tcp", addrs[1])
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
}

// What is adopted is accepted on by several processes at once, so none of them may
// ever make the socket one that blocks.
func TestSocketsStayNonBlocking(t *testing.T) {
	m, _, _, _ := supervised(t)
	defer m.close()
	l, err := m.listen(2)
	require.NoError(t, err)
	defer l.Close()
	inherited, err := Duplicate(m.sockets[1])
	require.NoError(t, err)
	f := os.NewFile(uintptr(inherited), "socket")
	defer f.Close()
	_ = f.Fd() // as os/exec asks for it
	accepted, _, err := syscall.Accept(m.sockets[1])
	if err == nil {
		_ = syscall.Close(accepted)
	}
	assert.ErrorIs(t, err, syscall.EAGAIN)
}
