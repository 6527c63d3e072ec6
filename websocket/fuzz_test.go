package websocket

import (
	"errors"
	"net"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

// feed is a connection that has been sent some bytes and then lost. What is written to
// it is looked at by nobody.
type feed struct {
	p    []byte
	step int // how much one read gives
}

func (f *feed) Read(p []byte) (int, error) {
	if len(f.p) == 0 {
		return 0, net.ErrClosed
	}
	n := copy(p[:min(len(p), f.step)], f.p)
	f.p = f.p[n:]
	return n, nil
}

func (f *feed) Write(p []byte) (int, error)      { return len(p), nil }
func (f *feed) Close() error                     { return nil }
func (f *feed) LocalAddr() net.Addr              { return nil }
func (f *feed) RemoteAddr() net.Addr             { return nil }
func (f *feed) SetDeadline(time.Time) error      { return nil }
func (f *feed) SetReadDeadline(time.Time) error  { return nil }
func (f *feed) SetWriteDeadline(time.Time) error { return nil }

// Whatever comes in: no panic, no message beyond the limit, no text that is not UTF-8,
// and the same messages and end however the bytes are cut.
func FuzzRead(f *testing.F) {
	const limit = 1000
	for _, frames := range [][]frame{
		{{first: fin | 1, payload: "Hello"}, {first: fin | 8, payload: closePayload(1000, "bye")}},
		{{first: 1, payload: "\xe4\xb8"}, {first: fin | 9, payload: "?"}, {first: fin, payload: "\xad"}},
		{{first: fin | rsv1 | 1, payload: "\xf2\x48\xcd\xc9\xc9\x07\x00"}},
		{{first: fin | 2, payload: string(make([]byte, 600))}, {first: fin | 10}},
		{{first: fin | 2, length: []byte{127, 0, 0, 0, 0, 0, 0, 3, 232}}},
		{{first: fin | 8}, {first: 0x7f}},
	} {
		var b []byte
		for _, frame := range frames {
			b = append(b, frame.bytes()...)
		}
		f.Add(b, byte(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, step byte) {
		run := func(step int) (messages []string, end string) {
			c := newConn(&feed{data, step}, (&Server{Heartbeat: -1, MaxMessageBytes: limit}).settings(), nil)
			c.cancel = func(error) {}
			c.deflateBits = maxWindowBits
			for {
				m, err := c.Read(t.Context())
				if err != nil {
					closed, ok := errors.AsType[*CloseError](err)
					if !ok {
						t.Fatalf("%v is no end of a connection", err)
					}
					c.finish()
					return messages, closed.Error()
				}
				if len(m.Data) > limit || m.Kind == Text && !utf8.Valid(m.Data) || m.check() != nil {
					t.Fatalf("%v of %d bytes: %q", m.Kind, len(m.Data), m.Data)
				}
				messages = append(messages, m.Text())
			}
		}
		messages, end := run(len(data) + 1)
		again, endAgain := run(int(step) + 1)
		assert.Equal(t, messages, again)
		assert.Equal(t, end, endAgain)
	})
}

func FuzzExtensions(f *testing.F) {
	for _, s := range []string{"", "permessage-deflate; client_max_window_bits", `a; b="\c", d`, `a; b="`, ",;="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, err := parseExtensions(map[string][]string{"Sec-Websocket-Extensions": {s}})
		if err != nil {
			return
		}
		for _, e := range list {
			if !isToken(e.name) {
				t.Fatalf("%q", e.name)
			}
			for _, p := range e.params {
				if !isToken(p.name) || p.hasValue && !isToken(p.value) {
					t.Fatalf("%+v", p)
				}
			}
		}
		acceptDeflate(list)
	})
}

func FuzzValidSoFar(f *testing.F) {
	for _, s := range []string{"", "abc", "中文", "\xe4\xb8", "\xed\xa0", "\xf4\x90", "\xff", "a\xf0\x9f\x98"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		n, ok := validSoFar(p)
		// The oracle: some ending makes it valid.
		want := false
		for _, ending := range []string{"", "\x80", "\x80\x80", "\x80\x80\x80", "\x90\x80", "\xa0\x80", "\x90\x80\x80", "\xbf", "\xbf\xbf"} {
			want = want || utf8.Valid(append(append([]byte(nil), p...), ending...))
		}
		if ok != want || ok && !utf8.Valid(p[:n]) || ok && len(p)-n > 3 {
			t.Fatalf("%q: %d %v, want %v", p, n, ok, want)
		}
	})
}
