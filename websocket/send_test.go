package websocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each sender's messages arrive whole, and in the order of its calls, whatever way
// they were sent.
func TestManySenders(t *testing.T) {
	const senders, each = 8, 50
	for _, compression := range []bool{false, true} {
		h, _ := serve(&Server{Compression: compression}, func(c *Conn) error {
			var all sync.WaitGroup
			for s := range senders {
				all.Go(func() {
					for i := range each {
						text := fmt.Sprintf("%d %d %s", s, i, strings.Repeat("x", i*s*3))
						var err error
						switch s % 4 {
						case 0:
							err = c.SendText(text)
						case 1:
							err = c.Post(TextMessage(text))
						case 2:
							var p *Prepared
							if p, err = Prepare(TextMessage(text)); err == nil {
								err = c.PostPrepared(p)
							}
						case 3:
							var w io.WriteCloser
							if w, err = c.Writer(Text); err == nil {
								_, err = io.WriteString(w, text[:i%3])
								assert.NoError(t, err)
								_, err = io.WriteString(w, text[i%3:])
								assert.NoError(t, err)
								err = w.Close()
							}
						}
						assert.NoError(t, err)
					}
				})
			}
			all.Wait()
			return nil
		})
		c := dial(t, h, &DialOptions{Compression: true})
		assert.Equal(t, compression, c.Compressed())
		var next [senders]int
		for m, err := range c.Messages() {
			require.NoError(t, err)
			var s, i int
			var x string
			_, _ = fmt.Sscanf(m.Text(), "%d %d %s", &s, &i, &x)
			assert.Equal(t, next[s], i)
			assert.Equal(t, strings.Repeat("x", i*s*3), x)
			next[s]++
		}
		for _, n := range next {
			assert.Equal(t, each, n)
		}
	}
}

// A peer that reads nothing: what each policy makes of it.
func TestStalledReader(t *testing.T) {
	const size = 100
	text := func(i int) Message { return TextMessage(fmt.Sprintf("%0*d", size, i)) }
	for _, tc := range []struct {
		name   string
		policy Policy
		key    func(i int) string
		want   []int // what arrives once the peer reads, the first being on its way when it stalls
		errs   []error
		end    Code
	}{
		{"close", CloseWhenFull, nil, []int{0}, nil, TryAgainLater},
		{"drop the oldest", DropOldest, nil, []int{0, 7, 8, 9}, nil, NormalClosure},
		{"drop the newest", DropNewest, nil, []int{0, 1, 2, 3}, []error{4: ErrDropped, 5: ErrDropped, 6: ErrDropped, 7: ErrDropped, 8: ErrDropped, 9: ErrDropped}, NormalClosure},
		{"conflate", Conflate, func(i int) string { return fmt.Sprint("car ", i%2) }, []int{0, 8, 9}, nil, NormalClosure},
		{"conflate without keys", Conflate, nil, []int{0}, nil, TryAgainLater},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				posted := make(chan struct{})
				h, reports := serve(new(Server), func(c *Conn) error {
					defer close(posted)
					for i := range 10 {
						begin := time.Now()
						key := ""
						if tc.key != nil {
							key = tc.key(i)
						}
						err := c.PostKeyed(key, text(i))
						assert.Zero(t, time.Since(begin), "Post never waits")
						if tc.end == NormalClosure {
							if i < len(tc.errs) && tc.errs[i] != nil {
								assert.ErrorIs(t, err, tc.errs[i])
							} else {
								assert.NoError(t, err)
							}
						} else if err != nil {
							assert.ErrorIs(t, err, ErrSlow)
							assert.ErrorIs(t, context.Cause(c.Context()), ErrSlow)
							return err
						}
						synctest.Wait() // the first is in the pipe, which nobody reads
					}
					return nil
				}, Outbox(3*(size+2)+size/2, tc.policy))
				c := dial(t, h, nil)
				<-posted
				var got []int
				for m, err := range c.Messages() {
					if err != nil {
						break
					}
					var i int
					_, _ = fmt.Sscanf(m.Text(), "%d", &i)
					got = append(got, i)
				}
				assert.Equal(t, tc.want, got)
				end, _ := errors.AsType[*CloseError](context.Cause(c.Context()))
				assert.Equal(t, tc.end, end.Code)
				report := <-reports
				assert.Equal(t, tc.end, report.Code)
				if tc.end == TryAgainLater {
					assert.Equal(t, Slow, report.Reason)
					assert.ErrorIs(t, report.Err, ErrSlow)
				} else {
					assert.EqualValues(t, len(tc.want), report.MessagesOut)
					assert.EqualValues(t, len(tc.want)*size, report.BytesOut)
					assert.EqualValues(t, 10-len(tc.want), report.Dropped)
				}
			})
		})
	}
}

// A peer that takes nothing for the write timeout is cut off, and its conversation
// told, also while it reads.
func TestWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, reports := serve(&Server{WriteTimeout: 8 * time.Second, Heartbeat: -1}, func(c *Conn) error {
			begin := time.Now()
			err := c.SendText("nobody reads this")
			assert.ErrorIs(t, err, ErrSlow)
			took := time.Since(begin)
			assert.GreaterOrEqual(t, took, 8*time.Second)
			assert.LessOrEqual(t, took, 12*time.Second)
			assert.ErrorIs(t, c.SendText("x"), ErrSlow)
			_, err = c.Read(t.Context())
			assert.ErrorIs(t, err, ErrSlow)
			return err
		})
		_ = dial(t, h, nil)
		report := <-reports
		assert.Equal(t, Slow, report.Reason)
		assert.Equal(t, Abnormal, report.Code)
	})
}

// The deadline of a write that is over does not harm a later one.
func TestWritesFarApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := serve(&Server{WriteTimeout: 2 * time.Second, Heartbeat: -1}, func(c *Conn) error {
			for range 30 {
				assert.NoError(t, c.SendText("x"))
				time.Sleep(700 * time.Millisecond)
			}
			time.Sleep(time.Hour)
			return c.SendText("y")
		})
		c := dial(t, h, nil)
		for range 30 {
			assert.Equal(t, "x", read(t, c))
		}
		assert.Equal(t, "y", read(t, c))
	})
}

// Write gives up waiting for room with its context, and nothing is lost but its message.
func TestWriteContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stalled := make(chan struct{})
		h, _ := serve(new(Server), func(c *Conn) error {
			for _, text := range []string{"one", "two"} {
				require.NoError(t, c.Post(TextMessage(text)))
				synctest.Wait()
			}
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, assert.AnError)
			defer cancel()
			assert.ErrorIs(t, c.Write(ctx, TextMessage("three")), assert.AnError)
			close(stalled)
			return c.SendText("four")
		}, Outbox(4, CloseWhenFull))
		c := dial(t, h, nil)
		<-stalled
		for _, want := range []string{"one", "two", "four"} {
			assert.Equal(t, want, read(t, c))
		}
	})
}

func TestSendNonsense(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := serve(new(Server), func(c *Conn) error {
			assert.ErrorContains(t, c.Send(Message{Data: []byte("x")}), "Text or Binary, not Kind(0)")
			assert.Error(t, c.Post(Message{Kind: 9}))
			_, err := c.Writer(8)
			assert.Error(t, err)
			_, err = Prepare(Message{})
			assert.Error(t, err)
			assert.ErrorContains(t, c.SendJSON(func() {}), "encoding")
			return c.SendJSON(map[string]any{"ok": true})
		})
		assert.JSONEq(t, `{"ok": true}`, read(t, dial(t, h, nil)))
	})
}

// A message of any size goes out in fragments as it is written, control frames may
// come in between, and what others send waits until it is complete.
func TestWriter(t *testing.T) {
	h, _ := serve(new(Server), func(c *Conn) error {
		w, err := c.Writer(Text)
		require.NoError(t, err)
		require.NoError(t, c.Post(TextMessage("patience")))
		for range 3 {
			_, err = io.WriteString(w, strings.Repeat("a", 3000))
			require.NoError(t, err)
		}
		c.sendPing([]byte("now"))
		require.NoError(t, w.Close())
		_, err = w.Write([]byte("x"))
		assert.ErrorIs(t, err, errWriterClosed)
		assert.ErrorIs(t, w.Close(), errWriterClosed)
		return nil
	})
	c := rawDial(t, h)
	c.send(t, frame{first: fin | 8})
	frames, _ := c.rest(t)
	assert.Equal(t, []frame{
		{first: 1, payload: strings.Repeat("a", 6000), unmasked: true},
		{first: fin | 9, payload: "now", unmasked: true},
		{first: fin, payload: strings.Repeat("a", 3000), unmasked: true},
		{first: fin | 1, payload: "patience", unmasked: true},
	}, frames)
}

// A message that is never completed ends with the connection, and lets nothing follow.
func TestWriterAbandoned(t *testing.T) {
	h, reports := serve(new(Server), func(c *Conn) error {
		w, err := c.Writer(Binary)
		require.NoError(t, err)
		_, err = w.Write(make([]byte, fragmentSize))
		require.NoError(t, err)
		return c.Post(TextMessage("never"))
	})
	c := rawDial(t, h)
	f, err := c.next()
	require.NoError(t, err)
	assert.EqualValues(t, 2, f.first)
	f, err = c.next()
	require.NoError(t, err)
	assert.Equal(t, frame{first: fin | 8, payload: closePayload(1000, ""), unmasked: true}, f)
	c.send(t, frame{first: fin | 8})
	c.rest(t)
	assert.Equal(t, Completed, (<-reports).Reason)
}

// A frame that the socket takes only in part is completed before anything else.
func TestPostInParts(t *testing.T) {
	const size, count = 3 << 20, 4
	h, reports := serve(new(Server), func(c *Conn) error {
		for i := range count {
			if err := c.Post(BinaryMessage([]byte(strings.Repeat(string(rune('a'+i)), size)))); err != nil {
				return err
			}
		}
		return nil
	}, Outbox(-1, CloseWhenFull))
	c := rawDial(t, h)
	for i := range count {
		f, err := c.next()
		require.NoError(t, err)
		assert.True(t, f.payload == strings.Repeat(string(rune('a'+i)), size), "message %d", i)
	}
	c.send(t, frame{first: fin | 8})
	c.rest(t)
	assert.EqualValues(t, count, (<-reports).MessagesOut)
}
