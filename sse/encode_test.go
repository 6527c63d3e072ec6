package sse

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAppendTo(t *testing.T) {
	for _, tc := range []struct {
		name string
		m    Message
		want string
	}{
		{"zero value", Message{}, "data: \n\n"},
		{"data", Text("x"), "data: x\n\n"},
		{"a leading space survives", Text(" x").WithEvent(" e").WithID(" i"), "event:  e\nid:  i\ndata:  x\n\n"},
		{"a leading colon", Text(":x"), "data: :x\n\n"},
		{"order of the fields", Message{Data: "d", Event: "e", ID: "i", Retry: 3 * time.Second}, "event: e\nid: i\nretry: 3000\ndata: d\n\n"},
		{"UTF-8", Text("事件 0").WithEvent("警报"), "event: 警报\ndata: 事件 0\n\n"},
		{"NUL in data", Text("\x00"), "data: \x00\n\n"},
		{"byte order mark in data", Text("\uFEFFx"), "data: \uFEFFx\n\n"},

		{"LF", Text("a\nb"), "data: a\ndata: b\n\n"},
		{"CR", Text("a\rb"), "data: a\ndata: b\n\n"},
		{"CR LF", Text("a\r\nb"), "data: a\ndata: b\n\n"},
		{"LF CR is two line ends", Text("a\n\rb"), "data: a\ndata: \ndata: b\n\n"},
		{"CR CR LF is two line ends", Text("a\r\r\nb"), "data: a\ndata: \ndata: b\n\n"},
		{"all kinds", Text("a\rb\nc\r\nd\n\ne\r\rf"), "data: a\ndata: b\ndata: c\ndata: d\ndata: \ndata: e\ndata: \ndata: f\n\n"},
		{"trailing LF is kept", Text("a\n"), "data: a\ndata: \n\n"},
		{"trailing CR is kept", Text("a\r"), "data: a\ndata: \n\n"},
		{"trailing CR LF is kept", Text("a\r\n"), "data: a\ndata: \n\n"},
		{"only LF", Text("\n"), "data: \ndata: \n\n"},
		{"fields inside data stay data", Text("a\nevent: b\n\nid: c"), "data: a\ndata: event: b\ndata: \ndata: id: c\n\n"},

		{"id alone travels with data", Message{ID: "1"}, "id: 1\ndata: \n\n"},
		{"retry alone travels with data", Message{Retry: time.Second}, "retry: 1000\ndata: \n\n"},
		{"retry is rounded up", Message{Retry: time.Nanosecond}, "retry: 1\ndata: \n\n"},
		{"retry is rounded up at the next step", Message{Retry: time.Millisecond + 1}, "retry: 2\ndata: \n\n"},
		{"retry at the limit", Message{Retry: math.MaxInt32 * time.Millisecond}, "retry: 2147483647\ndata: \n\n"},
		{"retry beyond the limit", Message{Retry: math.MaxInt32*time.Millisecond + 1}, "retry: 2147483647\ndata: \n\n"},
		{"largest retry", Message{Retry: math.MaxInt64}, "retry: 2147483647\ndata: \n\n"},

		{"id reset", Text("x").WithID("1").WithIDReset(), "id: \ndata: x\n\n"},
		{"WithID after a reset", Text("x").WithIDReset().WithID("1"), "id: 1\ndata: x\n\n"},
		{"WithID takes a reset back", Text("x").WithIDReset().WithID(""), "data: x\n\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.m.AppendTo([]byte("before|"))
			require.NoError(t, err)
			assert.Equal(t, "before|"+tc.want, string(got))
		})
	}

	t.Run("an id assigned after a reset", func(t *testing.T) {
		m := Text("x").WithIDReset()
		m.ID = "1"
		got, err := m.AppendTo(nil)
		require.NoError(t, err)
		assert.Equal(t, "id: 1\ndata: x\n\n", string(got))
	})
}

func TestAppendFrameOverridesTheID(t *testing.T) {
	own := Text("x").WithID("own")
	assert.Equal(t, "id: e.1\ndata: x\n\n", string(appendFrame(nil, &own, []byte("e.1"))))
	assert.Equal(t, "id: own\ndata: x\n\n", string(appendFrame(nil, &own, nil)))
	reset := Text("x").WithIDReset()
	assert.Equal(t, "id: e.1\ndata: x\n\n", string(appendFrame(nil, &reset, []byte("e.1"))))
	none := Text("x")
	assert.Equal(t, "data: x\n\n", string(appendFrame(nil, &none, nil)))
}

func TestAppendComment(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"heartbeat", "", ":\n"},
		{"text", "hello", ": hello\n"},
		{"lines", "a\nb\r\nc\rd", ": a\n: b\n: c\n: d\n"},
		{"blank lines cannot end a block", "a\n\nb\n", ": a\n: \n: b\n: \n"},
		{"a field stays a comment", "data: x", ": data: x\n"},
		{"bad UTF-8", "a\xffb", ": a\uFFFDb\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := AppendComment([]byte("before|"), tc.text)
			assert.Equal(t, "before|"+tc.want, string(got))
		})
	}
}

func benchmarkMessages() map[string]Message {
	line := strings.Repeat("0123456789abcde", 4) + "123\n" // 64 bytes
	return map[string]Message{
		"32B":           Text(`{"id":1042,"kind":"riddle","d":3`),
		"100B":          Text(strings.Repeat("0123456789", 10)).WithEvent("crime_alert").WithID("k3v9.104211"),
		"100B-Chinese":  Text(strings.Repeat("谜语人出现", 7)[:102]).WithEvent("crime_alert"),
		"1KB-multiline": Text(strings.Repeat(line, 16)),
		"1KB-CRLF":      Text(strings.Repeat("0123456789abcdef0123456789abcd\r\n", 32)),
	}
}

func TestEncodingAllocatesNothing(t *testing.T) {
	dst := make([]byte, 0, 4096)
	for name, m := range benchmarkMessages() {
		m = m.WithRetry(time.Second)
		allocs := testing.AllocsPerRun(100, func() {
			var err error
			if dst, err = m.AppendTo(dst[:0]); err != nil {
				t.Fatal(err)
			}
			dst = appendFrame(dst, &m, []byte("e.1"))
			dst = AppendComment(dst, "a\nb")
		})
		assert.Zero(t, allocs, name)
	}
	// A single growth does for data of one line, however little room there was:
	// one allocation, and one more under the race detector.
	m := benchmarkMessages()["100B"].WithRetry(math.MaxInt64)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { appendFrame(nil, &m, nil) }), 2.0)
}

func BenchmarkAppendTo(b *testing.B) {
	for _, name := range []string{"32B", "100B", "100B-Chinese", "1KB-multiline", "1KB-CRLF"} {
		m := benchmarkMessages()[name]
		b.Run(name, func(b *testing.B) {
			dst := make([]byte, 0, 4096)
			b.ReportAllocs()
			b.SetBytes(int64(len(m.Data)))
			for b.Loop() {
				dst, _ = m.AppendTo(dst[:0])
			}
		})
	}
}
