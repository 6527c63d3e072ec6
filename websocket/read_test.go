package websocket

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A read that times out does no harm, wherever in a message it was.
func TestReadTimeoutKeepsConnection(t *testing.T) {
	whole := frame{first: fin | 1, payload: strings.Repeat("中", 2000)}.bytes()
	for _, cut := range []int{0, 1, 5, 8, 9, 700, 3001, len(whole) - 1} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			c := bareConn(far)
			gone := errors.New("the tea is ready")
			wrote := make(chan struct{})
			go func() {
				defer close(wrote)
				_, _ = near.Write(whole[:cut])
			}()
			for range 3 {
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, gone)
				m, err := c.ReadInto(ctx, make([]byte, 0, 100))
				cancel()
				require.ErrorIs(t, err, gone, "%v", m)
			}
			<-wrote
			go func() { _, _ = near.Write(whole[cut:]) }()
			m, err := c.Read(t.Context())
			require.NoError(t, err)
			assert.Equal(t, strings.Repeat("中", 2000), m.Text())
			assert.NoError(t, c.Context().Err())
			require.NoError(t, near.Close())
			_, err = c.Read(t.Context())
			assert.ErrorIs(t, err, ErrGone)
			c.finish()
		})
	}
}

// bareConn is the server's end of a connection, without a server.
func bareConn(nc net.Conn) *Conn {
	c := newConn(nc, (&Server{Heartbeat: -1}).settings(), nil)
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	return c
}

func TestReadEndedContext(t *testing.T) {
	near, far := net.Pipe()
	c := bareConn(far)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(assert.AnError)
	_, err := c.Read(ctx)
	assert.ErrorIs(t, err, assert.AnError)
	require.NoError(t, near.Close())
	_, err = c.Read(t.Context())
	assert.ErrorIs(t, err, ErrGone)
	c.finish()
}

func TestTwoReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := serve(new(Server), func(c *Conn) error {
			go func() { _, _ = c.Read(t.Context()) }()
			synctest.Wait()
			_, err := c.Read(t.Context())
			assert.ErrorIs(t, err, errTwoReader)
			return nil
		})
		c := dial(t, h, nil)
		_, err := c.Read(t.Context())
		assert.Equal(t, &CloseError{Code: NormalClosure, Remote: true}, err)
	})
}

// Messages ends without an error for an end that is meant, and with it for another.
func TestMessagesEnd(t *testing.T) {
	for _, tc := range []struct {
		name  string
		close func(*Conn)
		code  Code // of the loop's error, 0 for none
	}{
		{"1000", func(c *Conn) { _ = c.Close(NormalClosure, "") }, 0},
		{"1001", func(c *Conn) { _ = c.Close(GoingAway, "") }, 0},
		{"no code", func(c *Conn) { c.sendClose(NoStatus, ""); _, _ = c.Read(context.Background()) }, 0},
		{"a code of the program's", func(c *Conn) { _ = c.Close(4000, "") }, 4000},
		{"without a word", func(c *Conn) { _ = c.nc.Close() }, Abnormal},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var code Code
				var messages []string
				h, reports := serve(new(Server), func(c *Conn) error {
					for m, err := range c.Messages() {
						if end, ok := errors.AsType[*CloseError](err); ok {
							code = end.Code
							assert.True(t, end.Remote)
							return err
						}
						messages = append(messages, m.Text())
					}
					assert.ErrorAs(t, context.Cause(c.Context()), new(*CloseError))
					return nil
				})
				c := dial(t, h, nil)
				require.NoError(t, c.SendText("one"))
				tc.close(c)
				report := <-reports
				assert.Equal(t, tc.code, code)
				assert.Equal(t, []string{"one"}, messages)
				assert.NoError(t, report.Err, "the peer's going is not a failure")
				assert.NotEqual(t, Failed, report.Reason)
			})
		})
	}
}

// Messages that were left go on where they were.
func TestMessagesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		h, reports := serve(new(Server), func(c *Conn) error {
			for range 2 {
				for m := range c.Messages() {
					got = append(got, m.Text())
					break
				}
			}
			return nil
		})
		c := dial(t, h, nil)
		require.NoError(t, c.SendText("a"))
		require.NoError(t, c.SendText("b"))
		_, err := c.Read(t.Context())
		assert.Error(t, err)
		<-reports
		assert.Equal(t, []string{"a", "b"}, got)
	})
}

// The data of a message is the reader's own, and that of ReadInto the caller's buffer.
func TestReadOwnership(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := serve(new(Server), func(c *Conn) error {
			first, err := c.Read(t.Context())
			require.NoError(t, err)
			buf := make([]byte, 8)
			second, err := c.ReadInto(t.Context(), buf)
			require.NoError(t, err)
			assert.Equal(t, "first", first.Text())
			assert.Equal(t, "second", second.Text())
			assert.Same(t, &buf[0], &second.Data[0])
			third, err := c.ReadInto(t.Context(), buf)
			require.NoError(t, err)
			assert.Equal(t, "third, too long for it", third.Text())
			return nil
		})
		c := dial(t, h, nil)
		for _, text := range []string{"first", "second", "third, too long for it"} {
			require.NoError(t, c.SendText(text))
		}
		_, err := c.Read(t.Context())
		assert.Equal(t, &CloseError{Code: NormalClosure, Remote: true}, err)
	})
}

// A peer that leaves is noticed though the conversation never reads, and one that
// pings gets its answer.
func TestAttendant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		h, reports := serve(new(Server), func(c *Conn) error {
			<-c.Context().Done()
			return context.Cause(c.Context())
		})
		c := dial(t, h, nil)
		require.NoError(t, c.Ping(t.Context()))
		assert.Less(t, time.Since(begin), 5*time.Second)
		time.Sleep(time.Minute) // of heartbeats
		require.NoError(t, c.Ping(t.Context()))
		require.NoError(t, c.Close(4000, "bored"))
		report := <-reports
		assert.Equal(t, Code(4000), report.Code)
		assert.Equal(t, Closed, report.Reason)
	})
}

// The attendant makes room for the conversation, and leaves it every message.
func TestAttendantMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, reports := serve(new(Server), func(c *Conn) error {
			for i := range 5 {
				time.Sleep(10 * time.Second)
				m, err := c.Read(t.Context())
				require.NoError(t, err)
				assert.Equal(t, strings.Repeat("x", i*1000), m.Text())
			}
			return nil
		})
		c := dial(t, h, nil)
		for i := range 5 {
			time.Sleep(7 * time.Second)
			require.NoError(t, c.Write(t.Context(), TextMessage(strings.Repeat("x", i*1000))))
		}
		_, err := c.Read(t.Context())
		assert.Error(t, err)
		assert.EqualValues(t, 5, (<-reports).MessagesIn)
	})
}

// It does so at once, also for a read that will find nothing.
func TestAttendantIsEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, reports := serve(new(Server), func(c *Conn) error {
			time.Sleep(10 * time.Second)
			assert.Equal(t, readerAttendant, c.in.reader.Load())
			begin := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := c.Read(ctx)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, time.Second, time.Since(begin))
			return nil
		})
		_, err := dial(t, h, nil).Read(t.Context())
		assert.Equal(t, &CloseError{Code: NormalClosure, Remote: true}, err)
		assert.Equal(t, Completed, (<-reports).Reason)
	})
}

// While much comes in it is read in large pieces, and in the silence afterwards the
// memory for that is given back.
func TestBuffersGrowAndShrink(t *testing.T) {
	whole := strings.Repeat(string(frame{first: fin | 1, payload: "a message of some bytes"}.bytes()), 1000)
	f := &counted{feed: feed{p: []byte(whole), step: 1 << 20}}
	c := bareConn(f)
	for range 1000 {
		_, err := c.Read(t.Context())
		require.NoError(t, err)
	}
	assert.Less(t, f.reads, 12, "for %d bytes", len(whole))
	assert.NotNil(t, c.in.big)
	f.p = frame{first: fin | 1, payload: "a last one"}.bytes()
	_, err := c.Read(t.Context())
	require.NoError(t, err)
	_, err = c.Read(t.Context())
	require.Error(t, err)
	assert.Nil(t, c.in.big)
	assert.Len(t, c.in.buf, idleBuffer)
	c.finish()
}

type counted struct {
	feed
	reads int
}

func (c *counted) Read(p []byte) (int, error) {
	c.reads++
	return c.feed.Read(p)
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, reports := serve(&Server{RateLimit: Rate{PerSecond: 2, Burst: 3}}, echo)
		c := dial(t, h, nil)
		for range 10 { // at half the rate
			require.NoError(t, c.SendText("x"))
			read(t, c)
			time.Sleep(time.Second)
		}
		for range 3 { // the burst
			require.NoError(t, c.SendText("x"))
			read(t, c)
		}
		require.NoError(t, c.SendText("one too many"))
		_, err := c.Read(t.Context())
		assert.Equal(t, &CloseError{Code: PolicyViolation, Reason: "too many messages", Remote: true}, err)
		report := <-reports
		assert.Equal(t, Violation, report.Reason)
		assert.EqualValues(t, 13, report.MessagesIn)
	})
}

var _ http.Handler = (*Conversation)(nil)
