package sse

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzRoundTrip holds the encoder against the reader: what is written is what is
// read, and what Validate refuses is not written.
func FuzzRoundTrip(f *testing.F) {
	f.Add("", "", "", int64(0), false)
	f.Add("a\r\nb\rc\nd", "alert", "1", int64(time.Second), false)
	f.Add(" leading", " e", " i", int64(1), false)
	f.Add("x\n", "", "", int64(-1), true)
	f.Add("\uFEFF事件\x00", "警报", "一", int64(1)<<62, false)
	f.Add("x\n\nevent: injected", "a\ndata: b", "1\r\n\r\ndata: c", int64(0), false)
	f.Add("\xff", "\xc3", "\x00", int64(0), true)
	f.Add("\r\n\r\r\n\n", ":", "\t", int64(999_999), true)
	f.Fuzz(func(t *testing.T, data, event, id string, retry int64, reset bool) {
		m := Message{Data: data, Event: event, ID: id, Retry: time.Duration(retry)}
		if reset {
			m = m.WithIDReset()
		}
		const before = ": before\n"
		wire, err := m.AppendTo([]byte(before))
		require.Equal(t, m.Validate(), err)
		if err != nil {
			require.Equal(t, before, string(wire), "nothing is written")
			return
		}
		require.True(t, bytes.HasSuffix(wire, []byte("\n\n")))
		require.Equal(t, 1, bytes.Count(wire, []byte("\n\n")), "exactly one block")
		require.NotContains(t, string(wire[len(before):]), "\r")

		want := m
		want.Data = strings.ReplaceAll(strings.ReplaceAll(data, "\r\n", "\n"), "\r", "\n")
		if m.Retry > 0 {
			want.Retry = time.Duration(retryMillis(m.Retry)) * time.Millisecond
		}
		got := readAll(bytes.NewReader(wire), len(wire)*2)
		require.Equal(t, io.EOF, got.err)
		require.Equal(t, []Message{want}, got.messages)
		require.Equal(t, want.ID, got.lastID)

		// A second pass changes nothing more.
		again, err := want.AppendTo([]byte(before))
		require.NoError(t, err)
		require.Equal(t, string(wire), string(again))
	})
}

// FuzzReaderSplit checks that it makes no difference how a stream is cut up.
func FuzzReaderSplit(f *testing.F) {
	for _, v := range streamVectors {
		f.Add([]byte(v.stream), uint16(0))
	}
	f.Add([]byte("retry: 5\r\ndata: a\r\n\r\ndata: bcdefghijklmnop\r\r"), uint16(12))
	f.Add([]byte("\uFEFF: long comment\nevent: e\ndata: x\n\n"), uint16(9))
	f.Fuzz(func(t *testing.T, stream []byte, limit uint16) {
		if len(stream) > 512 {
			return // Every offset is tried.
		}
		want := readAll(bytes.NewReader(stream), int(limit))
		require.Equal(t, want, readAll(iotest.OneByteReader(bytes.NewReader(stream)), int(limit)), "byte by byte")
		require.Equal(t, want, readAll(iotest.DataErrReader(bytes.NewReader(stream)), int(limit)))
		for i := range stream {
			halves := io.MultiReader(bytes.NewReader(stream[:i]), bytes.NewReader(stream[i:]))
			if got := readAll(halves, int(limit)); !assert.ObjectsAreEqual(want, got) {
				require.Equal(t, want, got, "split at %d", i)
			}
		}
	})
}

// FuzzReaderNeverPanics reads anything at all, and holds the messages against a
// plain, slow reading of the standard.
func FuzzReaderNeverPanics(f *testing.F) {
	for _, v := range streamVectors {
		f.Add([]byte(v.stream))
	}
	f.Add([]byte("retry: 99999999999999999999\nretry: 5\nretry: x\ndata: a\n\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		readAll(bytes.NewReader(stream), 1) // A limit must not trip it up either.
		got := readAll(bytes.NewReader(stream), 2*len(stream))
		require.Equal(t, io.EOF, got.err)
		messages, lastID := readByTheBook(string(stream))
		require.Equal(t, lastID, got.lastID)
		require.Len(t, got.messages, len(messages))
		for i, m := range got.messages {
			require.Equal(t, messages[i], Message{Data: m.Data, Event: m.Event, ID: m.ID})
			require.NoError(t, m.Validate(), "whatever was read can be passed on")
		}
	})
}

// readByTheBook takes the steps of WHATWG HTML 9.2.6 in their order, without any
// thought of speed, limits or arrival, and without retry.
func readByTheBook(stream string) (messages []Message, lastID string) {
	stream = strings.TrimPrefix(slowDecode(stream), "\uFEFF")
	stream = strings.ReplaceAll(stream, "\r\n", "\n")
	stream = strings.ReplaceAll(stream, "\r", "\n")
	lines := strings.Split(stream, "\n")
	var data, event, id string
	for _, line := range lines[:len(lines)-1] { // What follows the last line end is no line.
		if line == "" {
			lastID = id
			if data != "" {
				messages = append(messages, Message{Data: strings.TrimSuffix(data, "\n"), Event: event, ID: lastID})
			}
			data, event = "", ""
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "data":
			data += value + "\n"
		case "event":
			event = value
		case "id":
			if !strings.Contains(value, "\x00") {
				id = value
			}
		}
	}
	return messages, lastID
}

// slowDecode is the UTF-8 decoder of the WHATWG Encoding standard, byte by byte.
func slowDecode(s string) string {
	var out strings.Builder
	var char rune
	needed, seen := 0, 0
	lower, upper := byte(0x80), byte(0xBF)
	for i := 0; i < len(s); i++ {
		c := s[i]
		if needed == 0 {
			switch {
			case c < 0x80:
				out.WriteByte(c)
			case c >= 0xC2 && c <= 0xDF:
				needed, char = 1, rune(c&0x1F)
			case c >= 0xE0 && c <= 0xEF:
				if c == 0xE0 {
					lower = 0xA0
				}
				if c == 0xED {
					upper = 0x9F
				}
				needed, char = 2, rune(c&0x0F)
			case c >= 0xF0 && c <= 0xF4:
				if c == 0xF0 {
					lower = 0x90
				}
				if c == 0xF4 {
					upper = 0x8F
				}
				needed, char = 3, rune(c&0x07)
			default:
				out.WriteRune('\uFFFD')
			}
			continue
		}
		if c < lower || c > upper {
			needed, seen, lower, upper = 0, 0, 0x80, 0xBF
			out.WriteRune('\uFFFD')
			i-- // The byte is looked at again on its own.
			continue
		}
		lower, upper = 0x80, 0xBF
		char = char<<6 | rune(c&0x3F)
		if seen++; seen == needed {
			out.WriteRune(char)
			needed, seen = 0, 0
		}
	}
	if needed > 0 {
		out.WriteRune('\uFFFD')
	}
	return out.String()
}
