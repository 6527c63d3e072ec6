package upload

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// conn is a body and the deadline of its connection.
type conn struct {
	http.ResponseWriter
	mu       sync.Mutex
	deadline time.Time
	set      int
	expired  chan struct{}
	body     io.Reader // nil for one of which nothing arrives
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	c.set++
	if c.expired != nil && !t.IsZero() && t.Before(time.Now()) {
		close(c.expired)
		c.expired = nil
	}
	return nil
}

func (c *conn) Read(p []byte) (int, error) {
	if c.body != nil {
		return c.body.Read(p)
	}
	c.mu.Lock()
	expired := c.expired
	c.mu.Unlock()
	<-expired
	return 0, os.ErrDeadlineExceeded
}

func (c *conn) Close() error { return nil }

func TestReaderBoundsTheSize(t *testing.T) {
	for _, tc := range []struct {
		name  string
		limit int64
		size  int
		err   error
	}{
		{"below", 10, 9, nil}, {"at", 10, 10, nil}, {"above", 10, 11, ErrTooLarge}, {"far above", 10, 1000, ErrTooLarge},
		{"no bound", 0, 1000, nil}, {"the greatest bound", 1<<63 - 1, 1000, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := NewReader(httptest.NewRecorder(), io.NopCloser(strings.NewReader(strings.Repeat("x", tc.size))), tc.limit, 0)
			body, err := io.ReadAll(r)
			if tc.err == nil {
				require.NoError(t, err)
				assert.Len(t, body, tc.size)
				return
			}
			require.ErrorIs(t, err, tc.err)
			assert.LessOrEqual(t, int64(len(body)), tc.limit+1, "no more is taken from the client")
			_, err = r.Read(make([]byte, 1))
			assert.ErrorIs(t, err, tc.err, "it stays so")
		})
	}
}

func TestReaderCountsWhatWasReadBeforeTheLimitChanged(t *testing.T) {
	r := NewReader(httptest.NewRecorder(), io.NopCloser(strings.NewReader("0123456789")), 0, 0)
	_, err := io.ReadFull(r, make([]byte, 6))
	require.NoError(t, err)
	r.SetLimit(8)
	rest, err := io.ReadAll(r)
	assert.ErrorIs(t, err, ErrTooLarge)
	assert.Equal(t, "678", string(rest))
}

func TestReaderTakesItsDeadlineOff(t *testing.T) {
	for _, tc := range []struct {
		name  string
		limit int64
		rest  time.Duration // for what is left to arrive
		end   func(*Reader) error
	}{
		{"at the end", 0, 0, func(r *Reader) error { _, err := io.ReadAll(r); return err }},
		{"at the limit", 2, restTimeout, func(r *Reader) error {
			if _, err := io.ReadAll(r); !errors.Is(err, ErrTooLarge) {
				return err
			}
			return nil
		}},
		{"when stopped", 0, restTimeout, func(r *Reader) error { r.Stop(); return nil }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := &conn{ResponseWriter: httptest.NewRecorder(), body: strings.NewReader("body")}
			r := NewReader(c, c, tc.limit, time.Minute)
			_, err := r.Read(make([]byte, 1))
			require.NoError(t, err)
			require.False(t, c.deadline.IsZero(), "each part has its time")
			require.NoError(t, tc.end(r))
			if tc.rest == 0 {
				assert.True(t, c.deadline.IsZero())
			} else {
				assert.InDelta(t, tc.rest, time.Until(c.deadline), float64(time.Second))
			}
		})
	}
}

func TestReaderArmsAnewWhileTheBodyArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &conn{ResponseWriter: httptest.NewRecorder(), body: strings.NewReader(strings.Repeat("x", 100))}
		r := NewReader(c, c, 0, time.Minute)
		for range 100 {
			_, err := r.Read(make([]byte, 1))
			require.NoError(t, err)
			assert.GreaterOrEqual(t, time.Until(c.deadline), 45*time.Second)
			time.Sleep(time.Second)
		}
		assert.Less(t, c.set, 10, "not for each part")
	})
}

func TestStopInterruptsAndKeepsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &conn{ResponseWriter: httptest.NewRecorder(), expired: make(chan struct{})}
		r := NewReader(c, c, 0, time.Minute)
		failed := make(chan error, 1)
		go func() {
			_, err := r.Read(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait()
		r.Stop()
		require.Len(t, failed, 1, "the Read has returned")
		assert.ErrorIs(t, <-failed, ErrOver)
		set := c.set
		_, err := r.Read(make([]byte, 1))
		assert.ErrorIs(t, err, ErrOver)
		r.Stop()
		assert.Equal(t, set, c.set, "the connection is another request's now")
		reply := http.Header{}
		r.Refuse(reply)
		assert.Equal(t, "close", reply.Get("Connection"))
		assert.Equal(t, time.Unix(1, 0), c.deadline, "the rest is not waited for")
	})
}

func TestStopWithoutDeadlinesDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, out := io.Pipe()
		r := NewReader(httptest.NewRecorder(), in, 0, time.Minute)
		failed := make(chan error, 1)
		go func() {
			_, err := r.Read(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait()
		begin := time.Now()
		r.Stop()
		assert.Zero(t, time.Since(begin))
		_ = out.Close()
		assert.ErrorIs(t, <-failed, ErrOver)
	})
}

func TestRefuseLeavesABodyAloneThatWasReadToItsEnd(t *testing.T) {
	c := &conn{ResponseWriter: httptest.NewRecorder(), body: strings.NewReader("x")}
	r := NewReader(c, c, 0, time.Minute)
	_, err := io.ReadAll(r)
	require.NoError(t, err)
	r.Stop()
	reply := http.Header{}
	r.Refuse(reply)
	assert.Empty(t, reply)
	assert.True(t, c.deadline.IsZero())
}

func TestRefuseWaitsAWhileForABodyNobodyRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &conn{ResponseWriter: httptest.NewRecorder(), body: strings.NewReader("xy")}
		r := NewReader(c, c, 0, time.Minute)
		reply := http.Header{}
		r.Refuse(reply)
		assert.Empty(t, reply, "the connection may be used again")
		assert.Equal(t, restTimeout, time.Until(c.deadline))
		_, err := r.Read(make([]byte, 1))
		require.NoError(t, err)
		assert.Equal(t, time.Minute, time.Until(c.deadline), "who reads it after all has all the time")
		r.Stop()
		assert.Equal(t, restTimeout, time.Until(c.deadline))
	})
}
