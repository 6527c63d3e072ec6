package load

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/redstart-go/redstart/internal/benchmarks/servers"
)

// Talk is one message that each WebSocket connection sends again as soon as it has
// come back.
type Talk struct {
	Size int // of the message in bytes
	For  time.Duration
}

// talking is the state of a Talk. It belongs to the loop.
type talking struct {
	text    []byte
	frames  [][]byte // the text under some masks: to mask is not what is measured
	turn    int
	replies int64
	waiting int // connections whose message has not come back
	over    bool
}

// masks is how many masks take turns.
const masks = 64

// Talk has the connections talk that Subscribe has made, and counts what comes back.
// Each message has to come back as it was sent.
func (c *Client) Talk(t Talk, rate *Rate) error {
	state := &talking{text: bytes.Repeat([]byte{'x'}, t.Size)}
	for range masks {
		state.frames = append(state.frames, masked(opText, state.text))
	}
	l := c.loop
	var begin time.Time
	var closed int64
	l.do(func() {
		l.talk, closed, begin = state, l.closed, time.Now()
		for _, conn := range l.conns {
			if conn != nil && conn.frames != nil && conn.phase == streaming {
				if err := l.say(conn); err != nil {
					l.drop(conn, err.Error())
				}
			}
		}
	})
	poll(t.For, func() bool { return false })
	l.do(func() {
		rate.Replies, rate.Elapsed = state.replies, time.Since(begin)
		state.over = true
	})
	complete := poll(5*time.Second, func() (quiet bool) {
		l.do(func() { quiet = state.waiting == 0 })
		return quiet
	})
	var failure string
	l.do(func() { l.talk, closed, failure = nil, l.closed-closed, l.failure })
	switch {
	case closed > 0:
		return fmt.Errorf("%d connections have ended: %s", closed, failure)
	case !complete:
		return fmt.Errorf("%d messages have not come back", state.waiting)
	case rate.Replies == 0:
		return errors.New("no connection to talk on, or no reply")
	}
	return nil
}

// say sends the next message. It fits the socket's buffer, in which nothing else is.
func (l *loop) say(c *conn) error {
	t := l.talk
	t.turn = (t.turn + 1) % masks
	t.waiting++
	return c.write(t.frames[t.turn])
}

func (c *conn) write(p []byte) error {
	n, err := unix.Write(c.fd, p)
	if err == nil && n < len(p) {
		err = errors.New("the socket's buffer is full")
	}
	return err
}

// converse takes what came in on a WebSocket and returns the events among it.
func (l *loop) converse(c *conn, data []byte) (seen int64, err error) {
	err = c.frames.feed(data, func(op byte, payload []byte) error {
		switch op {
		case opPing:
			return c.write(masked(opPong, payload))
		case opPong:
			return nil
		case opClose:
			return fmt.Errorf("the server said goodbye: %q", payload)
		}
		if l.talk == nil {
			if bytes.IndexByte(payload, servers.Mark) >= 0 {
				seen++
			}
			return nil
		}
		if op != opText || !bytes.Equal(payload, l.talk.text) {
			return fmt.Errorf("a message came back as %q", payload)
		}
		l.talk.waiting--
		l.talk.replies++
		if l.talk.over {
			return nil
		}
		return l.say(c)
	})
	return seen, err
}

// handshakeKey is the same for all: the server has to show that it has read it, and
// nothing stands between that could have kept the answer to another's.
const handshakeKey = "Z290aGFtIGlzIHNsZWVweQ=="

// handshake is what is added to a request for a WebSocket.
const handshake = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + handshakeKey + "\r\n"

// handshakeAnswer is what the server has to make of the key (RFC 6455 section 4.2.2).
var handshakeAnswer = func() string {
	sum := sha1.Sum([]byte(handshakeKey + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}()

// upgraded says whether a reply's header begins a WebSocket.
func upgraded(head []byte) bool {
	reply, err := http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(head), strings.NewReader("\r\n\r\n"))), nil)
	if err != nil {
		return false
	}
	_ = reply.Body.Close()
	return reply.StatusCode == http.StatusSwitchingProtocols &&
		reply.Header.Get("Sec-WebSocket-Accept") == handshakeAnswer &&
		reply.Header.Get("Sec-WebSocket-Extensions") == ""
}
