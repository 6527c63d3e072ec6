package websocket

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a function returns decides how its connection is closed.
func TestVerdicts(t *testing.T) {
	mine := errors.New("the joker was here")
	for _, tc := range []struct {
		name   string
		run    func(*Conn) error
		code   Code
		text   string
		reason Reason
		err    error
	}{
		{"nil", func(*Conn) error { return nil }, 1000, "", Completed, nil},
		{"Close", func(*Conn) error { return Close(4000, "go") }, 4000, "go", Completed, nil},
		{"Close, wrapped", func(*Conn) error { return errors.Join(mine, Close(4000, "go")) }, 4000, "go", Completed, nil},
		{"Close with too long a reason", func(*Conn) error { return Close(4000, string(make([]byte, 122))+"é") }, 4000, string(make([]byte, 122)), Completed, nil},
		{"Close with a code that may not be sent", func(*Conn) error { return Close(1006, "") }, 1011, "", Failed, &CloseError{Code: 1006}},
		{"another error", func(*Conn) error { return mine }, 1011, "", Failed, mine},
		{"a panic", func(*Conn) error { panic(mine) }, 1011, "", Panicked, mine},
		{"the end of the goroutine", func(*Conn) error { runtime.Goexit(); return nil }, 1011, "", Failed, errGoexit},
		{"the method Close", func(c *Conn) error { return c.Close(4001, "by hand") }, 4001, "by hand", Completed, nil},
		{"a message that is not JSON", func(*Conn) error { return TextMessage("{").JSON(new(int)) }, 1007, "no such JSON: unexpected end of JSON input", Completed, nil},
		{"a message that is not text", func(*Conn) error { return BinaryMessage(nil).JSON(new(int)) }, 1003, "JSON wants a text message, not a binary one", Completed, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, reports := serve(new(Server), tc.run)
				_, err := dial(t, h, nil).Read(t.Context())
				end, _ := errors.AsType[*CloseError](err)
				require.NotNil(t, end, "%v", err)
				assert.Equal(t, tc.code, end.Code)
				if tc.code != 1007 {
					assert.Equal(t, tc.text, end.Reason)
				} else {
					assert.Contains(t, end.Reason, "no such JSON")
				}
				report := <-reports
				assert.Equal(t, tc.reason, report.Reason)
				assert.Equal(t, tc.code, report.Code)
				assert.False(t, report.Remote)
				assert.Equal(t, 101, report.Status)
				switch {
				case tc.err == nil:
					assert.NoError(t, report.Err)
				case tc.reason == Panicked:
					panicked, _ := errors.AsType[*PanicError](report.Err)
					require.NotNil(t, panicked)
					assert.Contains(t, string(panicked.Stack), "TestVerdicts")
					assert.ErrorIs(t, report.Err, mine)
				default:
					assert.Equal(t, tc.err, report.Err)
				}
			})
		})
	}
}

// A failure of the program that comes after the peer's going is still one.
func TestFailureAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, reports := serve(new(Server), func(c *Conn) error {
			_, _ = c.Read(t.Context())
			return assert.AnError
		})
		require.NoError(t, dial(t, h, nil).Close(NormalClosure, ""))
		report := <-reports
		assert.Equal(t, Failed, report.Reason)
		assert.Equal(t, assert.AnError, report.Err)
		assert.Equal(t, NormalClosure, report.Code)
		assert.True(t, report.Remote)
	})
}

func TestOnConnectOnClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, reports := serve(new(Server), func(c *Conn) error {
			m, err := c.Read(t.Context())
			if err != nil {
				return err
			}
			return c.Send(m)
		}, OnConnect(func(*Conn) (Message, error) { return TextMessage("hello"), nil }),
			OnClose(func(*Conn) Message { return TextMessage("goodbye") }))
		c := dial(t, h, nil)
		assert.Equal(t, "hello", read(t, c))
		require.NoError(t, c.SendText("x"))
		assert.Equal(t, "x", read(t, c))
		assert.Equal(t, "goodbye", read(t, c))
		_, err := c.Read(t.Context())
		assert.Equal(t, &CloseError{Code: NormalClosure, Remote: true}, err)
		assert.EqualValues(t, 3, (<-reports).MessagesOut)
	})
	t.Run("an error of OnConnect", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h, _ := serve(new(Server), echo, OnConnect(func(*Conn) (Message, error) { return Message{}, Close(4003, "no badge") }))
			_, err := dial(t, h, nil).Read(t.Context())
			assert.Equal(t, &CloseError{Code: 4003, Reason: "no badge", Remote: true}, err)
		})
	})
	t.Run("a panic of OnClose", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h, reports := serve(new(Server), func(*Conn) error { return nil }, OnClose(func(*Conn) Message { panic("x") }))
			_, err := dial(t, h, nil).Read(t.Context())
			assert.Equal(t, &CloseError{Code: InternalError, Remote: true}, err)
			assert.Equal(t, Panicked, (<-reports).Reason)
		})
	})
}

func TestServedOnce(t *testing.T) {
	var reports []Report
	v := NewConversation(echo, OnEnd(func(r Report) { reports = append(reports, r) }))
	v.Discard()
	v.Discard()
	assert.Equal(t, []Report{{Reason: Unstarted}}, reports)
	assert.ErrorIs(t, new(Server).Serve(httptest.NewRecorder(), upgrade(), v).Err, errServedTwice)
	assert.Len(t, reports, 1)
	assert.ErrorIs(t, new(Server).Serve(httptest.NewRecorder(), upgrade(), NewConversation(nil)).Err, errNoFunction)
}

func TestCaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{MaxConns: 3, MaxConnsPerClient: 2, ClientKey: func(r *http.Request) string { return r.Header.Get("X-User") }}
		h, reports := serve(s, echo)
		as := func(user string) *DialOptions {
			return &DialOptions{Handler: h, Header: http.Header{"X-User": {user}}}
		}
		robin := dial(t, h, as("robin"))
		dial(t, h, as("robin"))
		refuse := func(user, text string) {
			_, resp, err := Dial(t.Context(), "ws://gotham.city", as(user))
			refusal, _ := errors.AsType[*DialError](err)
			require.NotNil(t, refusal, "%v", err)
			assert.Equal(t, http.StatusServiceUnavailable, refusal.Status)
			assert.Contains(t, refusal.Error(), text)
			assert.NotEmpty(t, resp.Header.Get("Retry-After"))
			assert.Equal(t, Refused, (<-reports).Reason)
		}
		refuse("robin", "from this client")
		dial(t, h, as("batman"))
		refuse("alfred", "too many connections")
		synctest.Wait()
		assert.Equal(t, 3, s.Open())
		require.NoError(t, robin.Close(NormalClosure, ""))
		<-reports
		synctest.Wait()
		dial(t, h, as("robin"))
		synctest.Wait()
		stats := s.Stats()
		assert.Equal(t, Stats{Open: 3, Accepted: 4, Refused: 2}, stats)
	})
}

func TestRegister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(Server)
		ids := make(chan string, 2)
		h, reports := serve(s, echo, OnConnect(func(c *Conn) (Message, error) { ids <- c.ID(); return Message{}, nil }))
		one, two := dial(t, h, nil), dial(t, h, nil)
		first, second := <-ids, <-ids
		assert.NotEqual(t, first, second)
		assert.Len(t, slices.Collect(s.Conns()), 2)
		for _, id := range []string{first, second} {
			c, ok := s.Conn(id)
			require.True(t, ok)
			require.NoError(t, c.Post(TextMessage("psst")))
		}
		assert.Equal(t, "psst", read(t, one))
		assert.Equal(t, "psst", read(t, two))
		require.NoError(t, one.SendText("12345"))
		read(t, one)
		require.NoError(t, one.Close(NormalClosure, ""))
		<-reports
		synctest.Wait()
		assert.Equal(t, 1, s.Open())
		assert.Equal(t, Stats{Open: 1, Accepted: 2, MessagesIn: 1, MessagesOut: 2, BytesIn: 5, BytesOut: 9}, s.Stats())
	})
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{DrainWindow: 10 * time.Second}
		h, reports := serve(s, echo, OnClose(func(*Conn) Message { return TextMessage("come back") }))
		const count = 40
		begin := time.Now()
		ends := make(chan time.Duration, count)
		for range count {
			c := dial(t, h, nil)
			go func() {
				assert.Equal(t, "come back", read(t, c))
				_, err := c.Read(context.Background())
				assert.Equal(t, &CloseError{Code: GoingAway, Reason: "the server is shutting down", Remote: true}, err)
				ends <- time.Since(begin)
			}()
		}
		synctest.Wait() // one that enters after the drain has begun is sent away at once
		require.NoError(t, s.Drain(t.Context()))
		assert.Zero(t, s.Open())
		assert.Len(t, reports, count, "Drain waits for OnEnd too")
		report := <-reports
		assert.Equal(t, Drained, report.Reason)
		assert.Equal(t, GoingAway, report.Code)
		assert.NoError(t, report.Err)
		spread := map[time.Duration]int{}
		for range count {
			at := <-ends
			assert.LessOrEqual(t, at, 16*time.Second)
			spread[at.Truncate(time.Second)]++
		}
		assert.Greater(t, len(spread), 4, "the goodbyes are spread: %v", spread)

		_, _, err := Dial(t.Context(), "ws://gotham.city", &DialOptions{Handler: h})
		assert.ErrorContains(t, err, "shutting down")
		require.NoError(t, s.Drain(t.Context()), "again")
	})
}

// A function that does not heed the drain loses its connection after the grace, and
// Drain waits for it until its own context ends.
func TestDrainObstinate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Grace: 3 * time.Second}
		release := make(chan struct{})
		h, reports := serve(s, func(c *Conn) error {
			<-c.Context().Done()
			assert.ErrorIs(t, context.Cause(c.Context()), ErrDraining)
			assert.NoError(t, c.SendText("one more thing"))
			<-release
			assert.Error(t, c.SendText("too late"))
			return nil
		})
		c := dial(t, h, nil)
		begin := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			assert.Equal(t, "one more thing", read(t, c))
			_, err := c.Read(context.Background())
			assert.ErrorContains(t, err, "1001")
			assert.InDelta(t, 3.5, time.Since(begin).Seconds(), 1)
		}()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, assert.AnError)
		defer cancel()
		assert.ErrorIs(t, s.Drain(ctx), assert.AnError)
		assert.Equal(t, time.Minute, time.Since(begin))
		<-done
		close(release)
		require.NoError(t, s.Drain(t.Context()))
		assert.Equal(t, Drained, (<-reports).Reason)
	})
}

// The connection is cut in the end, though neither side does its part.
func TestDrainCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Grace: 3 * time.Second, DrainWindow: -1}
		release := make(chan struct{})
		h, reports := serve(s, func(*Conn) error { <-release; return nil })
		c := dial(t, h, nil)
		drained := make(chan error)
		begin := time.Now()
		go func() { drained <- s.Drain(context.Background()) }()
		frame, err := io.ReadAll(c.nc) // a client of ours would answer
		require.NoError(t, err)
		assert.Equal(t, []byte{0x88, 29, 3, 0xe9}, frame[:4])
		assert.Equal(t, s.Grace+closeTimeout, time.Since(begin))
		close(release)
		assert.NoError(t, <-drained)
		assert.Equal(t, Drained, (<-reports).Reason)
	})
}

func TestHeartbeat(t *testing.T) {
	// A client that answers pings, as it reads, is kept for ever by nothing else.
	synctest.Test(t, func(t *testing.T) {
		h, reports := serve(new(Server), echo)
		c := dial(t, h, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := c.Read(ctx)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, c.Close(NormalClosure, ""))
		assert.Equal(t, Closed, (<-reports).Reason)
	})
	// One that answers nothing is found out after the two times.
	synctest.Test(t, func(t *testing.T) {
		h, reports := serve(new(Server), echo)
		c := dial(t, h, nil)
		begin := time.Now()
		buf := make([]byte, 64)
		n, err := c.nc.Read(buf) // the ping, which a client of ours would answer
		require.NoError(t, err)
		assert.Equal(t, []byte{0x89, 0}, buf[:n])
		assert.GreaterOrEqual(t, time.Since(begin), DefaultHeartbeat)
		assert.LessOrEqual(t, time.Since(begin), DefaultHeartbeat+3*time.Second)
		report := <-reports
		assert.GreaterOrEqual(t, time.Since(begin), DefaultHeartbeat+DefaultPongTimeout)
		assert.LessOrEqual(t, time.Since(begin), DefaultHeartbeat+DefaultPongTimeout+4*time.Second)
		assert.Equal(t, Silent, report.Reason)
		assert.Equal(t, Abnormal, report.Code)
	})
	// Silence is not held against a client while the program does not read what is
	// waiting.
	synctest.Test(t, func(t *testing.T) {
		h, reports := serve(new(Server), func(c *Conn) error {
			time.Sleep(time.Hour)
			m, err := c.Read(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, "are you there?", m.Text())
			return err
		})
		c := dial(t, h, &DialOptions{WriteTimeout: -1}) // the pipe has no room for pongs
		require.NoError(t, c.SendText("are you there?"))
		_, err := c.Read(t.Context())
		assert.Equal(t, &CloseError{Code: NormalClosure, Remote: true}, err)
		assert.Equal(t, Completed, (<-reports).Reason)
	})
	// Off is off.
	synctest.Test(t, func(t *testing.T) {
		h, _ := serve(new(Server), echo, Heartbeat(0))
		c := dial(t, h, nil)
		require.NoError(t, c.nc.SetReadDeadline(time.Now().Add(time.Hour)))
		_, err := c.nc.Read(make([]byte, 1))
		assert.Error(t, err)
		require.NoError(t, c.nc.SetReadDeadline(time.Time{}))
	})
}

// The client's heartbeat finds a server that is gone.
func TestClientHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, reports := serve(new(Server), func(c *Conn) error {
			_ = c.takeReader(readerClosing) // deaf for good
			time.Sleep(time.Minute)
			c.in.reader.Store(readerNone)
			return nil
		})
		c := dial(t, h, &DialOptions{Heartbeat: 4 * time.Second, PongTimeout: 4 * time.Second})
		_, err := c.Read(t.Context())
		assert.ErrorIs(t, err, ErrSilent)
		<-reports
	})
}

func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pinged := make(chan error)
		h, _ := serve(new(Server), func(c *Conn) error {
			go func() {
				for range 3 {
					pinged <- c.Ping(context.Background())
				}
			}()
			return echo(c)
		})
		c := dial(t, h, nil)
		go func() { _, _ = c.Read(context.Background()) }()
		for range 3 {
			assert.NoError(t, <-pinged)
		}
	})
	synctest.Test(t, func(t *testing.T) { // nobody answers
		h, reports := serve(new(Server), func(c *Conn) error {
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, assert.AnError)
			defer cancel()
			assert.ErrorIs(t, c.Ping(ctx), assert.AnError)
			assert.Empty(t, c.pings.waiting)
			go func() {
				time.Sleep(time.Second)
				_ = c.Close(4000, "")
			}()
			assert.Equal(t, &CloseError{Code: 4000}, c.Ping(t.Context()))
			return nil
		})
		c := dial(t, h, nil)
		time.Sleep(time.Minute)
		assert.Equal(t, Completed, (<-reports).Reason)
		assert.NotNil(t, c)
	})
}
