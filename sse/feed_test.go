package sse

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lines is a framing with a line for each message.
var lines = &Framing{Name: "lines", Append: func(dst []byte, topic string, m Message) []byte {
	return fmt.Appendf(dst, "%s|%s|%s|%s\n", topic, m.Event, m.ID, m.Data)
}}

func TestAFeedIsWokenAndGetsItsOwnFraming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		woken := make(chan struct{}, 10)
		feed, err := h.Subscribe("a", "b").Feed(t.Context(), "", lines, nil, func() { woken <- struct{}{} })
		require.NoError(t, err)
		batch, n, err := feed.Next()
		require.NoError(t, err)
		assert.Equal(t, 1, n)
		assert.Equal(t, "|sse.hello|"+h.Cursor().String()+"|\n", string(batch))
		_, n, _ = feed.Next()
		assert.Zero(t, n)

		one := publish(t, h, "a", "1\n2")
		<-woken
		two := publish(t, h, "b", "3")
		synctest.Wait()
		batch, n, err = feed.Next()
		require.NoError(t, err)
		assert.Equal(t, 2, n)
		assert.Equal(t, "a||"+one+"|1\n2\nb||"+two+"|3\n", string(batch))

		require.NoError(t, h.Close())
		<-woken
		_, _, err = feed.Next()
		assert.ErrorIs(t, err, ErrHubClosed)
		feed.Close()
		assert.Zero(t, h.Subscribers())
	})
}

func TestFeedsOfOneFramingShareTheirBytes(t *testing.T) {
	h := NewHub()
	encoded := 0
	framing := &Framing{Name: "counted", Append: func(dst []byte, _ string, m Message) []byte {
		encoded++
		return append(dst, m.Data...)
	}}
	var feeds []*Feed
	for range 100 {
		feed, err := h.Subscribe("a").Feed(t.Context(), h.Cursor().String(), framing, nil, func() {})
		require.NoError(t, err)
		feeds = append(feeds, feed)
	}
	publish(t, h, "a", "x")
	for _, feed := range feeds {
		batch, n, err := feed.Next()
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, "x", string(batch))
	}
	assert.Equal(t, 1, encoded)
	for _, feed := range feeds {
		feed.Close()
	}
	assert.Empty(t, h.audiences)
}

func TestAFeedTellsOfAGapAndOfASnapshot(t *testing.T) {
	h := NewHub(Retain(1, 0, 0))
	id := publish(t, h, "a", "1")
	publish(t, h, "a", "2")
	last := publish(t, h, "a", "3")
	feed, err := h.Subscribe("a").Feed(t.Context(), id, lines, nil, func() {})
	require.NoError(t, err)
	batch, n, err := feed.Next()
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	assert.Contains(t, string(batch), `|sse.gap|`)
	assert.Contains(t, string(batch), `a||`+last+`|3`)
	feed.Close()

	var sent string
	feed, err = h.Subscribe("a").Snapshot(stateOf("x")).Feed(t.Context(), id, lines, func(b []byte) error { sent += string(b); return nil }, func() {})
	require.NoError(t, err)
	assert.Equal(t, `|sse.gap||{"reason":"evicted","from":"`+id+"\"}\n|state||x\n|sse.snapshot|"+last+"|\n", sent)
	_, n, _ = feed.Next()
	assert.Zero(t, n)
	feed.Close()
}

func TestAFeedIsAuthorized(t *testing.T) {
	h := NewHub(Authorize(func(context.Context, string) error { return refusal(401) }))
	_, err := h.Subscribe("a").Feed(t.Context(), "", lines, nil, func() {})
	assert.ErrorIs(t, err, refusal(401))
	_, err = h.Subscribe("").Feed(t.Context(), "", lines, nil, func() {})
	assert.Error(t, err)
}

func TestAConnectionOfAnotherProtocolIsParked(t *testing.T) {
	h := NewHub()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	server, err := l.Accept()
	require.NoError(t, err)

	enough := errors.New("enough")
	ended := make(chan string, 1)
	parked, err := h.Subscribe("a").As("Robin").Park(t.Context(), server, Parking{
		Config:      &ParkConfig{Framing: lines, Farewell: func(cause error) []byte { return fmt.Appendln(nil, cause) }},
		LastEventID: h.Cursor().String(),
		Heard: func(p []byte) ([]byte, error) {
			if string(p) == "bye\n" {
				return []byte("bye then\n"), enough
			}
			return append([]byte("you said "), p...), nil
		},
		Ended: func(cause error, messages, bytes int64) { ended <- fmt.Sprint(cause, " ", messages, " ", bytes > 0) },
	})
	require.NoError(t, err)
	require.NotNil(t, parked)
	r := bufio.NewReader(client)
	next := func() string {
		require.NoError(t, client.SetReadDeadline(time.Now().Add(patience)))
		line, err := r.ReadString('\n')
		require.NoError(t, err)
		return line
	}
	assert.Contains(t, next(), "a|sse.join|")
	id := publish(t, h, "a", "x")
	assert.Equal(t, "a||"+id+"|x\n", next())
	_, err = client.Write([]byte("hello\n"))
	require.NoError(t, err)
	assert.Equal(t, "you said hello\n", next())
	_, err = client.Write([]byte("bye\n"))
	require.NoError(t, err)
	assert.Equal(t, "bye then\n", next())
	assert.Equal(t, "enough\n", next())
	select {
	case end := <-ended:
		assert.Equal(t, "enough 2 true", end)
	case <-time.After(patience):
		t.Fatal("it is not told of the end")
	}
	assert.Zero(t, h.Subscribers())
	require.NoError(t, h.Close())
}
