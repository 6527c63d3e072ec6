package sse

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// outcome is all there is to know about a stream that was read to its end.
type outcome struct {
	messages []Message
	lastID   string
	retry    time.Duration
	hasRetry bool
	err      error
}

func readAll(src io.Reader, limit int) outcome {
	r := NewReader(src)
	r.MaxEventBytes = limit
	var o outcome
	for {
		m, err := r.Next()
		if err != nil {
			o.lastID = r.LastEventID()
			o.retry, o.hasRetry = r.Retry()
			o.err = err
			return o
		}
		o.messages = append(o.messages, m)
	}
}

// mark is what the reader makes of an id field with nothing in it.
func mark(data string) Message { return Text(data).WithIDReset() }

// streamVectors are streams and what a browser makes of them.
var streamVectors = []struct {
	name   string
	stream string
	want   []Message
	lastID string
}{
	// The examples of WHATWG HTML 9.2.6.
	{
		"standard: multi-line data", "data: YHOO\ndata: +2\ndata: 10\n\n",
		[]Message{{Data: "YHOO\n+2\n10"}}, "",
	},
	{
		"standard: four blocks, the last unfinished",
		": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
		[]Message{{Data: "first event", ID: "1"}, mark("second event")}, "",
	},
	{
		"standard: four blocks, the last finished",
		": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
		[]Message{{Data: "first event", ID: "1"}, mark("second event"), {Data: " third event"}}, "",
	},
	{
		"standard: empty data fires, an unfinished block does not", "data\n\ndata\ndata\n\ndata:",
		[]Message{{}, {Data: "\n"}}, "",
	},
	{
		"standard: one space after the colon does not matter", "data:test\n\ndata: test\n\n",
		[]Message{{Data: "test"}, {Data: "test"}}, "",
	},
	// The examples of 9.2.1.
	{
		"standard: three messages",
		"data: This is the first message.\n\ndata: This is the second message, it\ndata: has two lines.\n\ndata: This is the third message.\n\n",
		[]Message{{Data: "This is the first message."}, {Data: "This is the second message, it\nhas two lines."}, {Data: "This is the third message."}}, "",
	},
	{
		"standard: named events", "event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n",
		[]Message{{Data: "73857293", Event: "add"}, {Data: "2153", Event: "remove"}, {Data: "113411", Event: "add"}}, "",
	},

	// Line ends.
	{"CR", "data: a\rdata: b\r\rdata: c\r\r", []Message{{Data: "a\nb"}, {Data: "c"}}, ""},
	{"CR LF", "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", []Message{{Data: "a\nb"}, {Data: "c"}}, ""},
	{"mixed", "data: a\ndata: b\r\ndata: c\r\ndata: d\r\r", []Message{{Data: "a\nb\nc\nd"}}, ""},
	{"CR LF LF", "data: a\r\n\ndata: b\n\r\n", []Message{{Data: "a"}, {Data: "b"}}, ""},
	{"other separators are text", "data: a\u2028b\vc\fd\u0085e\n\n", []Message{{Data: "a\u2028b\vc\fd\u0085e"}}, ""},
	{"blank lines alone", "\n\r\n\r\r\n\n", nil, ""},

	// Byte order marks.
	{"one mark is dropped", "\uFEFFdata: a\n\n", []Message{{Data: "a"}}, ""},
	{"a second one is part of the name", "\uFEFF\uFEFFdata: a\n\ndata: b\n\n", []Message{{Data: "b"}}, ""},
	{"one on a later line is too", "\n\uFEFFdata: a\n\n", nil, ""},
	{"one in a value stays", "data: \uFEFFa\n\n", []Message{{Data: "\uFEFFa"}}, ""},
	{"a mark before a comment", "\uFEFF: c\ndata: a\n\n", []Message{{Data: "a"}}, ""},
	{"a mark before a blank line", "\uFEFF\ndata: a\n\n", []Message{{Data: "a"}}, ""},
	{"half a mark is a bad name", "\xEF\xBBdata: a\n\ndata: b\n\n", []Message{{Data: "b"}}, ""},

	// Fields.
	{"only one space is taken", "data:   a \n\n", []Message{{Data: "  a "}}, ""},
	{"a tab is not a space", "data:\ta\n\n", []Message{{Data: "\ta"}}, ""},
	{"colons in a value", "data: a:b: c\n\n", []Message{{Data: "a:b: c"}}, ""},
	{"names are exact", "Data: a\ndata : b\n data: c\ndata\x00: d\nxdata: e\ndat: f\n: data: g\ndatax\n\n", nil, ""},
	{"unknown fields do not disturb", "data: a\nfoo: b\nfoo\ndata: c\n\n", []Message{{Data: "a\nc"}}, ""},
	{"NUL is text", "data: \x00\n\n", []Message{{Data: "\x00"}}, ""},
	{"comments within a block", ":\ndata: a\n: x\n:\ndata: b\n\n", []Message{{Data: "a\nb"}}, ""},
	{"the last event name wins", "event: a\nevent: b\ndata: x\n\n", []Message{{Data: "x", Event: "b"}}, ""},
	{"an empty event name is none", "event: a\nevent\ndata: x\n\n", []Message{{Data: "x"}}, ""},
	{"the name does not outlive its block", "event: a\ndata: x\n\ndata: y\n\n", []Message{{Data: "x", Event: "a"}, {Data: "y"}}, ""},
	{"nor a block without data", "event: a\n\ndata: y\n\n", []Message{{Data: "y"}}, ""},
	{"empty data fires", "data:\n\n", []Message{{}}, ""},
	{"a trailing empty line is kept", "data: a\ndata\n\n", []Message{{Data: "a\n"}}, ""},

	// Ids.
	{"an id stays", "id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\n", []Message{{Data: "a", ID: "1"}, {Data: "b", ID: "1"}, {Data: "c", ID: "2"}}, "2"},
	{"an id without data counts", "id: 1\n\n", nil, "1"},
	{"and for the next message", "id: 1\n\ndata: a\n\n", []Message{{Data: "a", ID: "1"}}, "1"},
	{"an id in an unfinished block does not", "id: 1\ndata: a\n\nid: 2\ndata: b\n", []Message{{Data: "a", ID: "1"}}, "1"},
	{"an id with NUL is ignored", "id: 1\nid: 2\x00\ndata: a\n\n", []Message{{Data: "a", ID: "1"}}, "1"},
	{"an empty id resets", "id: 1\ndata: a\n\nid:\ndata: b\n\ndata: c\n\n", []Message{{Data: "a", ID: "1"}, mark("b"), {Data: "c"}}, ""},
	{"a reset without data counts for the next message", "id: 1\ndata: a\n\nid\n\ndata: b\n\n", []Message{{Data: "a", ID: "1"}, mark("b")}, ""},
	{"the last id wins", "id: 1\nid: 2\ndata: a\nid: 3\n\n", []Message{{Data: "a", ID: "3"}}, "3"},
	{"a space in an id", "id:  1 \ndata: a\n\n", []Message{{Data: "a", ID: " 1 "}}, " 1 "},

	// UTF-8, with the replacement counts of the WHATWG Encoding standard.
	{"Chinese", "event: 警报\nid: 一\ndata: 事件\n\n", []Message{{Data: "事件", Event: "警报", ID: "一"}}, "一"},
	{"a stray byte", "data: a\xffb\n\n", []Message{{Data: "a\uFFFDb"}}, ""},
	{"two stray bytes are two", "data: \xff\xfe\n\n", []Message{{Data: "\uFFFD\uFFFD"}}, ""},
	{"a character cut by a line end is one", "data: \xe4\xba\ndata: \xf0\x9f\x98\n\n", []Message{{Data: "\uFFFD\n\uFFFD"}}, ""},
	{"a character cut by another", "data: \xe4\xe4\xba\x8b\n\n", []Message{{Data: "\uFFFD事"}}, ""},
	{"overlong forms are one each", "data: \xc0\xaf\xe0\x80\xaf\n\n", []Message{{Data: strings.Repeat("\uFFFD", 5)}}, ""},
	{"a surrogate is three", "data: \xed\xa0\x80\n\n", []Message{{Data: strings.Repeat("\uFFFD", 3)}}, ""},
	{"beyond U+10FFFF is four", "data: \xf4\x90\x80\x80\n\n", []Message{{Data: strings.Repeat("\uFFFD", 4)}}, ""},
	{"below four bytes is four", "data: \xf0\x8f\xbf\xbf\n\n", []Message{{Data: strings.Repeat("\uFFFD", 4)}}, ""},
	{"in names and ids too", "event: \xff\nid: \xe4\xba\ndata: x\n\n", []Message{{Data: "x", Event: "\uFFFD", ID: "\uFFFD"}}, "\uFFFD"},
	{"two bytes cut", "data: \xc3(\n\n", []Message{{Data: "\uFFFD("}}, ""},
	{"four bytes cut after three", "data: \xf1\x80\x80z\xf4\x8f\xbfz\n\n", []Message{{Data: "\uFFFDz\uFFFDz"}}, ""},
	{"the replacement character itself", "data: \uFFFD\xff\uFFFD\n\n", []Message{{Data: "\uFFFD\uFFFD\uFFFD"}}, ""},
}

func TestReader(t *testing.T) {
	for _, tc := range streamVectors {
		t.Run(tc.name, func(t *testing.T) {
			got := readAll(strings.NewReader(tc.stream), 0)
			assert.Equal(t, tc.want, got.messages)
			assert.Equal(t, tc.lastID, got.lastID)
			assert.Equal(t, io.EOF, got.err)
			assert.Equal(t, got, readAll(iotest.OneByteReader(strings.NewReader(tc.stream)), 0), "byte by byte")
			assert.Equal(t, got, readAll(iotest.DataErrReader(strings.NewReader(tc.stream)), 0), "error together with the last bytes")
		})
	}
}

func TestReaderRetry(t *testing.T) {
	const most = math.MaxInt32 * time.Millisecond
	for _, tc := range []struct {
		name, stream string
		own          time.Duration // of the one message
		want         time.Duration // of the reader
		ok           bool
	}{
		{"none", "data: a\n\n", 0, 0, false},
		{"milliseconds", "retry: 1500\ndata: a\n\n", 1500 * time.Millisecond, 1500 * time.Millisecond, true},
		{"zero", "retry: 0\ndata: a\n\n", 0, 0, true},
		{"leading zeros are decimal", "retry: 010\ndata: a\n\n", 10 * time.Millisecond, 10 * time.Millisecond, true},
		{"the last one wins", "retry: 1\nretry: 2\ndata: a\n\n", 2 * time.Millisecond, 2 * time.Millisecond, true},
		{"without data, for the reader only", "retry: 7\n\ndata: a\n\n", 0, 7 * time.Millisecond, true},
		{"at once, before its block ends", "data: a\n\nretry: 7\n", 0, 7 * time.Millisecond, true},
		{"not for the message after", "retry: 9\n\ndata: a\n\n", 0, 9 * time.Millisecond, true},
		{"too large", "retry: 99999999999999999999\ndata: a\n\n", most, most, true},
		{"empty", "retry\nretry:\ndata: a\n\n", 0, 0, false},
		{"sign", "retry: +5\nretry: -5\ndata: a\n\n", 0, 0, false},
		{"fraction", "retry: 1.5\nretry: 1e3\ndata: a\n\n", 0, 0, false},
		{"spaces", "retry:  5\nretry: 5 \ndata: a\n\n", 0, 0, false},
		{"other digits", "retry: ٣\nretry: ３\ndata: a\n\n", 0, 0, false},
		{"a bad one leaves the good one", "retry: 5\nretry: x\ndata: a\n\n", 5 * time.Millisecond, 5 * time.Millisecond, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := readAll(strings.NewReader(tc.stream), 0)
			assert.Equal(t, []Message{{Data: "a", Retry: tc.own}}, got.messages)
			assert.Equal(t, tc.want, got.retry)
			assert.Equal(t, tc.ok, got.hasRetry)
		})
	}
}

// stingySource hands out one chunk a read and fails the test when it is asked
// for one that is not there.
type stingySource struct {
	t      *testing.T
	chunks []string
}

func (s *stingySource) Read(p []byte) (int, error) {
	if len(s.chunks) == 0 {
		s.t.Fatal("asked for more than the blank line")
	}
	n := copy(p, s.chunks[0])
	s.chunks = s.chunks[1:]
	return n, nil
}

func TestReaderReturnsAtTheBlankLine(t *testing.T) {
	for _, tc := range []struct {
		name   string
		chunks []string
	}{
		{"LF", []string{"data: a\n\n"}},
		{"CR", []string{"data: a\r\r"}},
		{"CR LF", []string{"data: a\r\n\r\n"}},
		{"first half of CR LF", []string{"data: a\r\n\r"}},
		{"halves apart", []string{"data: a\r", "\n", "\r"}},
		{"first half, then the second with more", []string{"data: a\r\n\r", "\ndata: b\r\n\r"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			source := &stingySource{t, tc.chunks}
			r := NewReader(source)
			m, err := r.Next()
			require.NoError(t, err)
			assert.Equal(t, "a", m.Data)
			if len(source.chunks) > 0 {
				m, err = r.Next()
				require.NoError(t, err)
				assert.Equal(t, "b", m.Data)
			}
		})
	}
}

func TestReaderIDCountsFromTheBlankLine(t *testing.T) {
	r := NewReader(strings.NewReader("id: 1\ndata: a\n\nid: 2\ndata: b\n\n"))
	assert.Empty(t, r.LastEventID())
	_, err := r.Next()
	require.NoError(t, err)
	assert.Equal(t, "1", r.LastEventID())
	_, err = r.Next()
	require.NoError(t, err)
	assert.Equal(t, "2", r.LastEventID())
}

func TestReaderErrors(t *testing.T) {
	broken := errors.New("cable cut")
	t.Run("as it is and for good", func(t *testing.T) {
		r := NewReader(io.MultiReader(strings.NewReader("data: a\n\ndata: b\n"), iotest.ErrReader(broken)))
		m, err := r.Next()
		require.NoError(t, err)
		assert.Equal(t, "a", m.Data)
		for range 2 {
			_, err = r.Next()
			assert.Equal(t, broken, err)
		}
	})
	t.Run("after the messages that came with it", func(t *testing.T) {
		got := readAll(iotest.DataErrReader(io.MultiReader(strings.NewReader("data: a\n\ndata: b\n\n"), iotest.ErrReader(io.ErrUnexpectedEOF))), 0)
		assert.Len(t, got.messages, 2)
		assert.Equal(t, io.ErrUnexpectedEOF, got.err)
	})
	t.Run("a source that gives nothing", func(t *testing.T) {
		got := readAll(readerFunc(func([]byte) (int, error) { return 0, nil }), 0)
		assert.Equal(t, io.ErrNoProgress, got.err)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestReaderLimit(t *testing.T) {
	for _, tc := range []struct {
		name, stream string
		limit        int
		tooLong      bool
	}{
		{"a line that just fits", "data: 6789\n\n", 10, false},
		{"a line too long", "data: 6789x\n\n", 10, true},
		{"a line without end", "data: 6789x", 10, true},
		{"data that adds up", strings.Repeat("data: x\n", 40) + "\n", 86, false}, // 39*2 held, and a line of 7
		{"data that adds up too high", strings.Repeat("data: x\n", 41) + "\n", 86, true},
		{"an event name counts", "event: 0123\ndata: 6789abcd\n\n", 18, false},
		{"an event name counts, too much", "event: 0123\ndata: 6789abcd\n\n", 17, true},
		{"an id counts", "id: 0123\ndata: 6789abcd\n\n", 18, false},
		{"an id counts, too much", "id: 0123\ndata: 6789abcd\n\n", 17, true},
		{"events do not add up", strings.Repeat("data: 6789\n\n", 100), 10, false},
		{"comments do not count", strings.Repeat(": "+strings.Repeat("c", 5000)+"\n", 3) + "data: x\n\n", 10, false},
		{"nor after a byte order mark", "\uFEFF: " + strings.Repeat("c", 5000) + "\ndata: x\n\n", 10, false},
		{"heartbeats do not count", strings.Repeat(":\n", 5000) + "data: x\n\n", 10, false},
		{"an unknown field does", "x: " + strings.Repeat("c", 5000) + "\ndata: x\n\n", 10, true},
		{"the usual limit", "data: " + strings.Repeat("x", DefaultMaxEventBytes-6) + "\n\n", 0, false},
		{"beyond the usual limit", "data: " + strings.Repeat("x", DefaultMaxEventBytes-5) + "\n\n", 0, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, source := range []io.Reader{strings.NewReader(tc.stream), iotest.OneByteReader(strings.NewReader(tc.stream))} {
				got := readAll(source, tc.limit)
				if !tc.tooLong {
					require.Equal(t, io.EOF, got.err)
					assert.NotEmpty(t, got.messages)
					continue
				}
				require.ErrorIs(t, got.err, ErrTooLong)
				var long *TooLongError
				require.ErrorAs(t, got.err, &long)
				want := tc.limit
				if want == 0 {
					want = DefaultMaxEventBytes
				}
				assert.Equal(t, want, long.Limit)
				assert.Empty(t, got.messages)
			}
		})
	}
	assert.EqualError(t, &TooLongError{Limit: 10}, "sse: event is longer than the limit of 10 bytes")
}

func TestReaderLimitIsFinal(t *testing.T) {
	r := NewReader(strings.NewReader("data: far too long\n\ndata: x\n\n"))
	r.MaxEventBytes = 8
	for range 3 {
		_, err := r.Next()
		require.ErrorIs(t, err, ErrTooLong)
	}
}

func TestReaderForgetsLargeBuffers(t *testing.T) {
	large := "data: " + strings.Repeat("x", DefaultMaxEventBytes/2) + "\n\n"
	r := NewReader(strings.NewReader(large + "data: x\n\n"))
	_, err := r.Next()
	require.NoError(t, err)
	assert.LessOrEqual(t, cap(r.data)+cap(r.line), keepBufferSize)
	m, err := r.Next()
	require.NoError(t, err)
	assert.Equal(t, "x", m.Data)
}

func TestRead(t *testing.T) {
	t.Run("ends silently", func(t *testing.T) {
		var got []string
		for m, err := range Read(strings.NewReader("data: a\n\ndata: b\n\ndata: c\n")) {
			require.NoError(t, err)
			got = append(got, m.Data)
		}
		assert.Equal(t, []string{"a", "b"}, got)
	})
	t.Run("gives an error once, at the end", func(t *testing.T) {
		var got []string
		var errs []error
		for m, err := range Read(io.MultiReader(strings.NewReader("data: a\n\ndata: b"), iotest.ErrReader(io.ErrUnexpectedEOF))) {
			got = append(got, m.Data)
			errs = append(errs, err)
		}
		assert.Equal(t, []string{"a", ""}, got)
		assert.Equal(t, []error{nil, io.ErrUnexpectedEOF}, errs)
	})
	t.Run("stops at break", func(t *testing.T) {
		source := &stingySource{t, []string{"data: a\n\n"}}
		for m, err := range Read(source) {
			require.NoError(t, err)
			assert.Equal(t, "a", m.Data)
			break
		}
	})
}

func BenchmarkReader(b *testing.B) {
	var stream []byte
	m := Text(strings.Repeat("0123456789", 10)).WithEvent("crime_alert").WithID("k3v9.104211")
	const perRun = 1000
	for range perRun {
		stream, _ = m.AppendTo(stream)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(stream)))
	for b.Loop() {
		r := NewReader(bytes.NewReader(stream))
		for range perRun {
			if _, err := r.Next(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/perRun, "ns/event")
}
