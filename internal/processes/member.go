package processes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// joined says that an app of this process has taken the place. Like the descriptors
// it stands for, there is one in a process.
var joined atomic.Bool

// Member is a child that serves.
type Member struct {
	place    Place
	report   *os.File
	commands *os.File
	listener net.Listener
	mu       sync.Mutex
	sockets  []int // the inherited ones; none from the drain on
	adopting chan net.Listener
	adopted  map[int]net.Listener // by slot; only for who obeys
}

// Join takes this process's place among its siblings, for the app that serves addr.
// It returns nil where the process is no child, or the child of an app with another
// address; for an app that wants several processes that is an error. A place can be
// taken once.
func Join(addr string, several bool) (*Member, error) {
	switch {
	case own.Slot == 0:
		return nil, nil
	case own.Addr != addr && several:
		return nil, fmt.Errorf("this process was started to serve %q, not %q: only one app of a program can run as several processes", own.Addr, addr)
	case own.Addr != addr:
		return nil, nil
	case joined.Swap(true):
		return nil, fmt.Errorf("this process has served %q already: a child serves once", addr)
	}
	m := &Member{place: own, adopting: make(chan net.Listener), adopted: map[int]net.Listener{}}
	m.report, m.commands = pipe(reportFD, "report"), pipe(commandFD, "commands")
	for i := range own.Sockets {
		m.sockets = append(m.sockets, firstSocket+i)
	}
	l, err := m.listen(own.Slot)
	if err != nil {
		m.close()
		return nil, err
	}
	m.listener = l
	return m, nil
}

// Listener is the member's own, to be closed by who serves on it.
func (m *Member) Listener() net.Listener { return m.listener }

// Adopted gives the listeners of other slots that the member is to serve as well,
// until they are closed. It is nil for no member.
func (m *Member) Adopted() <-chan net.Listener {
	if m == nil {
		return nil
	}
	return m.adopting
}

// Ready tells the supervisor that the member serves.
func (m *Member) Ready() { m.tell(Ready) }

func (m *Member) tell(what byte) {
	// The supervisor may be gone, which the other pipe tells.
	_, _ = m.report.Write([]byte{what})
}

// Serve calls f with a context that also ends when the supervisor wants the member
// to drain, or is gone, and a channel that is also closed when it is to end at once.
// Should an orphan not have ended in the time patience, it is cut: nobody else would
// do it. It gives back the member's place and its descriptors.
func (m *Member) Serve(ctx context.Context, force <-chan struct{}, patience time.Duration, f func(context.Context, <-chan struct{}) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer m.close()
	commanded, forced, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	defer ignoreHangup()()
	var watchers sync.WaitGroup
	watchers.Go(func() { m.obey(ctx, stop, commanded, patience, done) })
	watchers.Go(func() {
		select {
		case <-ctx.Done():
			select {
			case <-done: // it has ended, which says more
				return
			default:
			}
			// Once everybody has closed a socket, clients are refused instead of
			// waiting for somebody who will not come.
			m.closeSockets()
			m.tell(Leaving)
		case <-done:
		}
	})
	watchers.Go(func() {
		select {
		case <-force: // nil for none
			close(forced)
		case <-commanded:
			close(forced)
		case <-done:
		}
	})
	err := f(ctx, forced)
	close(done)
	stop()
	_ = m.commands.SetReadDeadline(time.Unix(1, 0))
	watchers.Wait()
	return err
}

// obey does what the supervisor commands, until reading is made to fail.
func (m *Member) obey(ctx context.Context, drain func(), force chan<- struct{}, patience time.Duration, done <-chan struct{}) {
	defer func() {
		for _, l := range m.adopted {
			_ = l.Close()
		}
	}()
	next := func() (byte, error) {
		var b [1]byte
		_, err := io.ReadFull(m.commands, b[:])
		return b[0], err
	}
	forced := false
	for {
		command, err := next()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return
		case err != nil: // the supervisor has ended
			drain()
			m.outlive(patience, done)
			return
		}
		switch command {
		case Drain:
			drain()
		case Force:
			drain()
			if !forced {
				close(force)
			}
			forced = true
		case Adopt, Release:
			slot, err := next()
			if err != nil {
				continue // which the next reading will find again
			}
			m.adopt(ctx, int(slot), command == Adopt)
		}
	}
}

// outlive waits for the orphan's end.
func (m *Member) outlive(patience time.Duration, done <-chan struct{}) {
	if patience <= 0 {
		<-done
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-timer.C:
		os.Exit(1)
	case <-done:
	}
}

// adopt begins or ends to accept for another slot.
func (m *Member) adopt(ctx context.Context, slot int, begin bool) {
	if l := m.adopted[slot]; l != nil {
		_ = l.Close()
		delete(m.adopted, slot)
	}
	if !begin || slot < 1 || slot > m.place.Sockets {
		return
	}
	l, err := m.listen(slot)
	if err != nil {
		return // the connections wait for the slot's next process
	}
	select {
	case m.adopting <- l:
		m.adopted[slot] = l
	case <-ctx.Done():
		_ = l.Close()
	}
}

// listen accepts on a slot's socket. It works on a duplicate: what package net takes
// it also closes, and a socket that was released may be adopted again.
func (m *Member) listen(slot int) (net.Listener, error) {
	m.mu.Lock()
	if len(m.sockets) == 0 {
		m.mu.Unlock()
		return nil, net.ErrClosed
	}
	duplicate, err := Duplicate(m.sockets[min(slot, len(m.sockets))-1])
	m.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("the socket of process %d: %w", slot, err)
	}
	// The socket is in non-blocking mode and stays so for everybody who has it, since
	// a File of such a descriptor leaves the mode alone.
	f := os.NewFile(uintptr(duplicate), "socket")
	defer f.Close()
	return net.FileListener(f)
}

func (m *Member) closeSockets() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, fd := range m.sockets {
		closeFD(fd)
	}
	m.sockets = nil
}

// close gives the descriptors back.
func (m *Member) close() {
	if m.listener != nil {
		_ = m.listener.Close()
	}
	m.closeSockets()
	_ = m.report.Close()
	_ = m.commands.Close()
}
