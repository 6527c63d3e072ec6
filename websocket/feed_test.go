package websocket

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

// feedSite serves a feed of the topic "cave", on a real socket or in memory.
func feedSite(t *testing.T, server *Server, hub *sse.Hub, opts ...Option) (url string, reports chan Report) {
	reports = make(chan Report, 100)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		report := server.Handle(w, r, Feed(hub, "cave").With(append(opts, OnEnd(func(r Report) { reports <- r }))...))
		assert.Equal(t, report.Err == nil, report.Detached)
	}))
	t.Cleanup(func() {
		require.NoError(t, hub.Close())
		site.Close()
	})
	return site.URL, reports
}

func connectTo(t *testing.T, url string, opts *DialOptions) *Conn {
	t.Helper()
	c, _, err := Dial(t.Context(), url, opts)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(NormalClosure, "") })
	return c
}

func TestAFeedSendsWhatIsPublished(t *testing.T) {
	for name, compressed := range map[string]bool{"plain": false, "compressed": true} {
		t.Run(name, func(t *testing.T) {
			hub, server := sse.NewHub(), &Server{Compression: true}
			url, reports := feedSite(t, server, hub)
			c := connectTo(t, url, &DialOptions{Compression: compressed})
			assert.Equal(t, compressed, c.Compressed())
			hello := envelope(t, c)
			assert.Equal(t, "sse.hello", hello.Event)
			large := sse.JSON(make([]string, 500)).WithEvent("list")
			ack, err := hub.Publish(t.Context(), "cave", large)
			require.NoError(t, err)
			_, err = hub.Publish(t.Context(), "roof", sse.Text("not for us"))
			require.NoError(t, err)
			_, err = hub.Publish(t.Context(), "cave", sse.Text("last"))
			require.NoError(t, err)
			e := envelope(t, c)
			assert.Equal(t, Envelope{Topic: "cave", Event: "list", ID: ack.Cursor.String(), Data: []byte(large.Data)}, e)
			assert.Equal(t, "last", envelope(t, c).Text())
			assert.Equal(t, 1, server.Open())
			assert.Equal(t, 1, hub.Stats().Parked, "on Linux no goroutine is spent on it")
			require.NoError(t, c.Ping(t.Context()), "pings are answered")

			require.NoError(t, c.Close(4001, "enough"))
			report := <-reports
			assert.Equal(t, Closed, report.Reason)
			assert.Equal(t, Code(4001), report.Code)
			assert.Equal(t, "enough", report.CloseReason)
			assert.True(t, report.Remote)
			assert.NoError(t, report.Err)
			assert.EqualValues(t, 3, report.MessagesOut)
			await(t, func() bool { return server.Open() == 0 })
			assert.Zero(t, hub.Subscribers())

			back := connectTo(t, url+"?last_event_id="+e.ID, nil)
			assert.Equal(t, "last", envelope(t, back).Text())
		})
	}
}

func TestAFeedIsRefusedBeforeTheUpgrade(t *testing.T) {
	hub := sse.NewHub(sse.Authorize(func(context.Context, string) error { return errors.New("badge, please") }))
	url, reports := feedSite(t, &Server{}, hub)
	_, _, err := Dial(t.Context(), url, nil)
	refusal, ok := errors.AsType[*DialError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, 403, refusal.Status)
	assert.ErrorContains(t, err, "badge, please")
	assert.Equal(t, Unstarted, (<-reports).Reason)
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, 403, resp.StatusCode)
}

func TestAFeedThatEnds(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(t *testing.T, c *Conn, server *Server, hub *sse.Hub)
		want CloseError // what the client sees
		why  Reason
	}{
		{"drain", func(t *testing.T, _ *Conn, s *Server, _ *sse.Hub) { require.NoError(t, s.Drain(t.Context())) }, CloseError{Code: GoingAway}, Drained},
		{"hub closed", func(t *testing.T, _ *Conn, _ *Server, h *sse.Hub) { require.NoError(t, h.Close()) }, CloseError{Code: GoingAway, Reason: "the hub is closed"}, Drained},
		{"client talks too much", func(t *testing.T, c *Conn, _ *Server, _ *sse.Hub) {
			for range 5 {
				require.NoError(t, c.SendBinary(make([]byte, 15<<10)))
			}
		}, CloseError{Code: PolicyViolation, Reason: "this is a feed: it does not listen"}, Violation},
	} {
		t.Run(test.name, func(t *testing.T) {
			hub, server := sse.NewHub(), &Server{}
			url, reports := feedSite(t, server, hub)
			c := connectTo(t, url, nil)
			assert.Equal(t, "sse.hello", envelope(t, c).Event)
			test.end(t, c, server, hub)
			_, err := c.Read(t.Context())
			end, ok := errors.AsType[*CloseError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, test.want.Code, end.Code)
			assert.Equal(t, test.want.Reason, end.Reason)
			assert.Equal(t, test.why, (<-reports).Reason)
		})
	}
}

func TestAFeedReadsFramesPieceByPiece(t *testing.T) {
	ping := frame{first: fin | 9, payload: "are you there"}.bytes()
	data := frame{first: fin | 1, payload: "nobody listens"}.bytes()
	closing := frame{first: fin | 8, payload: closePayload(NormalClosure, "bye")}.bytes()
	for _, step := range []int{1, 2, 3, 7, 1000} {
		l := &listener{}
		var answers []byte
		var end error
		all := append(append(append([]byte{}, data...), ping...), append(data, closing...)...)
		for len(all) > 0 && end == nil {
			n := min(step, len(all))
			var answer []byte
			answer, end = l.hear(all[:n])
			answers = append(answers, answer...)
			all = all[n:]
		}
		assert.Equal(t, append(frame{first: fin | 10, payload: "are you there", unmasked: true}.bytes(), frame{first: fin | 8, payload: closePayload(NormalClosure, ""), unmasked: true}.bytes()...), answers)
		closed, ok := errors.AsType[*CloseError](end)
		require.True(t, ok)
		assert.True(t, closed.Remote)
		assert.Equal(t, "bye", closed.Reason)
	}
}

func TestAFeedRefusesBrokenFrames(t *testing.T) {
	for name, p := range map[string][]byte{
		"unmasked":          frame{first: fin | 1, payload: "x", unmasked: true}.bytes(),
		"long control":      {0x89, 0xfe, 0, 200, 0, 0, 0, 0},
		"fragmented ping":   frame{first: 9, payload: "x"}.bytes(),
		"reserved opcode":   frame{first: fin | 5, payload: "x"}.bytes(),
		"close of one byte": frame{first: fin | 8, payload: "x"}.bytes(),
		"close code 1005":   frame{first: fin | 8, payload: "\x03\xed"}.bytes(),
		"reserved bits":     {0xc9, 0x80, 0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := (&listener{}).hear(p)
			end, ok := errors.AsType[*CloseError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, ProtocolError, end.Code)
		})
	}
}

func FuzzFeedHears(f *testing.F) {
	f.Add(frame{first: fin | 9, payload: "x"}.bytes(), 1)
	f.Add(frame{first: fin | 8, payload: closePayload(NormalClosure, "bye")}.bytes(), 3)
	f.Add([]byte{0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 2)
	f.Fuzz(func(t *testing.T, p []byte, step int) {
		l := &listener{}
		step = max(1, step)
		sent := len(p)
		answered := 0
		for len(p) > 0 {
			n := min(step, len(p))
			answer, err := l.hear(p[:n])
			if answered += len(answer); err != nil {
				break
			}
			p = p[n:]
		}
		require.LessOrEqual(t, answered, sent, "an answer is no longer than what was asked")
		require.LessOrEqual(t, len(l.begun()), 200)
	})
}

// begun is what is kept of a frame.
func (l *listener) begun() []byte {
	if l.frames == nil {
		return nil
	}
	return l.frames.begun
}
