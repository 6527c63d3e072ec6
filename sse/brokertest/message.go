package brokertest

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

// oddNames are names that some part of some broker could take for something else. They
// are valid as names of topics and events, as keys and as state keys.
func oddNames() []string {
	return []string{
		"plain", "Plain", "PLAIN",
		"a.b", "a.b.c", ".", "..", "...", ".a", "a.", "a..b", ".a.", "..a..", "a...b",
		"*", ">", "a.*", "a.>", "*.a", "a*", "a>b", "$", "$SYS", "$JS.API.INFO", "_INBOX.x",
		" ", "  ", " a", "a ", "a b", " a b ", "a  b",
		"/", "a/b", "//", "../a", `\`, `a\b`, "a:b", "a: b", "a;b", "a,b", "a=b", "a&b", "?", "#", "a#b",
		"%", "%%", "%2E", "%2e", "%zz", "a%", "a%2", "%~", "~", "%~1",
		`"`, "'", "`", "{}", "[]", "()", "<>", "|", "!", "@", "^", "+", "-", "_", "0", "-1", "null", "true",
		"é", "e\u0301", "Gotham 罪案", "🦇", "\u00a0", "\u00a0a\u00a0", "\u2028", "\ufeff", "\ufffd", "\u202e",
	}
}

var messages = []promise{
	{"keeps the topic exactly", func(t *testing.T, s Subject) {
		topics := append(oddNames(),
			strings.Repeat("x", 255), strings.Repeat(".", 255), strings.Repeat("a.", 127)+"b",
			strings.Repeat("é", 127), strings.Repeat(" ", 255), strings.Repeat("%", 255))
		for _, topic := range topics {
			publish(t, s.Broker, topic, sse.Text(topic))
		}
		s.requireSame(t, len(topics), func(i int) (string, sse.Message) { return topics[i], sse.Text(topics[i]) })
	}},
	{"keeps every field exactly", func(t *testing.T, s Subject) {
		all := fieldCases()
		for _, m := range all {
			publish(t, s.Broker, "crimes", m)
		}
		s.requireSame(t, len(all), func(i int) (string, sse.Message) { return "crimes", all[i] })
	}},
	{"keeps large messages exactly", func(t *testing.T, s Subject) {
		size := s.LargestData
		if size == 0 {
			size = DefaultLargestData
		}
		all := []sse.Message{
			sse.Text(strings.Repeat("x", size)),
			sse.Text(strings.Repeat("line\r\n", size/6)).WithEvent("lines"),
			sse.Text("a small one between"),
			sse.Text(strings.Repeat("é", size/2)),
		}
		for _, m := range all {
			publish(t, s.Broker, "crimes", m)
		}
		s.requireSame(t, len(all), func(i int) (string, sse.Message) { return "crimes", all[i] })
	}},
}

// fieldCases are messages with something unusual in each of their fields.
func fieldCases() []sse.Message {
	all := []sse.Message{
		{},
		sse.JSON(map[string]any{"a": 1, "b": []int{}}),
		sse.Text("all fields").WithEvent("crime_alert").WithID("k1").WithRetry(3 * time.Second).WithStateKey("suspect 7"),
		sse.Text("").WithEvent("no data"),
		// More of the fields than the key could be taken for headers.
		sse.Text("NATS/1.0\r\nNats-Msg-Id: x\r\n\r\ny"),
		sse.Text("event: x\ndata: y\n\n"),
		sse.Text("name").WithEvent("a\tb\x00c\x1b"),
	}
	for _, data := range []string{
		" ", " leading", "trailing ", "\n", "\r", "\r\n", "\n\n", "a\nb", "a\rb", "a\r\nb\r\n", "\x00", "\ufeffbom", "🦇", "\t",
	} {
		all = append(all, sse.Text(data))
	}
	for i, name := range oddNames() {
		all = append(all, sse.Text(name).WithEvent(name).WithID(fmt.Sprint(i, name)).WithStateKey(name))
	}
	for _, retry := range []time.Duration{1, time.Millisecond, 1500 * time.Microsecond, time.Hour, math.MaxInt64} {
		all = append(all, sse.Text("retry").WithRetry(retry))
	}
	return all
}

// requireSame compares what was published with what each way of reading returns.
func (s Subject) requireSame(t *testing.T, n int, want func(i int) (topic string, m sse.Message)) {
	t.Helper()
	for i, b := range s.brokers(t) {
		ways := map[string][]sse.Entry{"Tail": listen(t, b, 0).take(t, n)}
		for len(ways["Read"]) < n {
			var after uint64
			if all := ways["Read"]; len(all) > 0 {
				after = all[len(all)-1].Cursor.Sequence()
			}
			more := read(t, b, after, n-len(ways["Read"]))
			require.NotEmpty(t, more, "broker %d: Read returns %d entries of %d", i, len(ways["Read"]), n)
			ways["Read"] = append(ways["Read"], more...)
		}
		for way, entries := range ways {
			for k, e := range entries {
				topic, m := want(k)
				require.Equal(t, topic, e.Topic, "broker %d: %s: the topic of entry %d", i, way, k)
				requireSameMessage(t, m, e.Message, "broker %d: %s: entry %d", i, way, k)
			}
		}
	}
}

// requireSameMessage fails without printing a megabyte.
func requireSameMessage(t *testing.T, want, got sse.Message, format string, args ...any) {
	t.Helper()
	if want.Data != got.Data {
		at := 0
		for at < min(len(want.Data), len(got.Data)) && want.Data[at] == got.Data[at] {
			at++
		}
		require.Failf(t, "the data differ", "%s: %d bytes became %d, and differ from byte %d on",
			fmt.Sprintf(format, args...), len(want.Data), len(got.Data), at)
	}
	want.Data, got.Data = "", ""
	require.Equal(t, want, got, append([]any{format}, args...)...)
}
