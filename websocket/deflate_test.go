package websocket

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The examples of RFC 7692 section 7.2.3, as a server receives them.
func TestInflateVectors(t *testing.T) {
	text := func(payload string) frame { return frame{first: fin | rsv1 | 1, payload: payload} }
	const hello = "\xf2\x48\xcd\xc9\xc9\x07\x00"
	for _, tc := range []struct {
		name string
		send []frame
		want string
		code Code
	}{
		{"7.2.3.1 one block", []frame{text(hello)}, "Hello", 1000},
		{"7.2.3.1 fragments", []frame{{first: rsv1 | 1, payload: hello[:3]}, {first: fin, payload: hello[3:]}}, "Hello", 1000},
		{"7.2.3.3 a block without compression", []frame{text("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00")}, "Hello", 1000},
		{"7.2.3.4 a final block", []frame{text("\xf3\x48\xcd\xc9\xc9\x07\x00\x00")}, "Hello", 1000},
		{"7.2.3.5 two blocks", []frame{text("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00")}, "Hello", 1000},
		{"7.2.3.6 an empty message", []frame{text("\x00")}, "", 1000},
		{"6.1 a message that is not compressed", []frame{{first: fin | 1, payload: "Hello"}}, "Hello", 1000},
		{"6.1 RSV1 on a continuation fails the connection", []frame{{first: rsv1 | 1, payload: hello[:3]}, {first: fin | rsv1, payload: hello[3:]}}, "", ProtocolError},
		{"6.1 RSV1 on a control frame fails the connection", []frame{{first: fin | rsv1 | 9}}, "", ProtocolError},
		{"RSV2 fails the connection", []frame{{first: fin | rsv1 | rsv2 | 1, payload: hello}}, "", ProtocolError},
		{"no context is taken over", []frame{text(hello), text("\xf2\x00\x11\x00\x00")}, "Hello", InvalidPayload},
		{"not deflated at all", []frame{text("\xff\xff\xff")}, "", InvalidPayload},
		{"bytes after a final block", []frame{text("\xf3\x48\xcd\xc9\xc9\x07\x00\x00\x00")}, "", InvalidPayload},
		{"text that is not UTF-8 inside", []frame{text("\x00\x01\x00\xfe\xff\xff\x00")}, "", InvalidPayload},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, _ := serve(&Server{Compression: true}, echo)
			c := rawDial(t, h, "Sec-WebSocket-Extensions: permessage-deflate")
			assert.Equal(t, "permessage-deflate; server_no_context_takeover; client_no_context_takeover", c.response.Header.Get("Sec-WebSocket-Extensions"))
			c.send(t, tc.send...)
			if tc.code == 1000 {
				c.send(t, frame{first: fin | 8, payload: closePayload(1000, "")})
			}
			var got string
			frames, code := c.rest(t)
			for _, f := range frames {
				got += f.payload
			}
			assert.Equal(t, tc.want, got)
			assert.Equal(t, tc.code, code)
			_ = c.Close()
		})
	}
}

// A few kilobytes that would become gigabytes cost no more than the limit.
func TestBomb(t *testing.T) {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestSpeed)
	require.NoError(t, err)
	zeros := make([]byte, 1<<20)
	for range 16 {
		_, err = w.Write(zeros)
		require.NoError(t, err)
	}
	require.NoError(t, w.Flush())
	bomb := bytes.TrimSuffix(packed.Bytes(), []byte(syncTail))
	require.Less(t, len(bomb), 100<<10)

	h, reports := serve(&Server{Compression: true, MaxMessageBytes: 200 << 10}, echo)
	c := rawDial(t, h, "Sec-WebSocket-Extensions: permessage-deflate")
	c.send(t, frame{first: fin | rsv1 | 2, payload: string(bomb)})
	f, err := c.next()
	require.NoError(t, err)
	assert.Equal(t, closePayload(MessageTooBig, "a message of more than 204800 bytes"), f.payload)
	require.NoError(t, c.Close())
	assert.ErrorContains(t, (<-reports).Err, "MaxMessageBytes")

	grown, err := inflate(nil, bytes.Clone(bomb), 200<<10)
	assert.ErrorIs(t, err, errTooBig)
	assert.Less(t, cap(grown), 2<<20)
}

// The window that the client asks for is kept to: nothing refers further back.
func TestWindowBits(t *testing.T) {
	for _, tc := range []struct {
		bits   string
		window int
	}{{"8", 256}, {"9", 512}, {"15", 32768}} {
		h, _ := serve(&Server{Compression: true}, echo)
		c := rawDial(t, h, "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits="+tc.bits)
		assert.Contains(t, c.response.Header.Get("Sec-WebSocket-Extensions"), "server_max_window_bits="+tc.bits)
		// A second half that repeats what lies 20000 bytes before.
		random := make([]byte, 10000)
		for i := range random {
			random[i] = byte(rand.N(200))
		}
		payload := string(random) + strings.Repeat("x", 10000) + string(random)
		c.send(t, frame{first: fin | 2, payload: payload}, frame{first: fin | 8})
		f, err := c.next()
		require.NoError(t, err)
		assert.EqualValues(t, fin|rsv1|2, f.first)
		if tc.window < 20000 {
			assert.Greater(t, len(f.payload), 18000)
		} else {
			assert.Less(t, len(f.payload), 16000)
		}
		data, err := inflate(nil, []byte(f.payload), -1)
		require.NoError(t, err)
		assert.Equal(t, payload, string(data))
	}
}

// What is short or does not get smaller is not compressed.
func TestCompressionThreshold(t *testing.T) {
	h, _ := serve(&Server{Compression: true}, echo)
	c := rawDial(t, h, "Sec-WebSocket-Extensions: permessage-deflate")
	noise := make([]byte, 2000)
	for i := range noise {
		noise[i] = byte(rand.N(256))
	}
	for _, tc := range []struct {
		payload    string
		compressed bool
	}{
		{strings.Repeat("a", 511), false},
		{strings.Repeat("a", 512), true},
		{string(noise), false},
	} {
		c.send(t, frame{first: fin | 2, payload: tc.payload})
		f, err := c.next()
		require.NoError(t, err)
		assert.Equal(t, tc.compressed, f.first&rsv1 != 0)
	}
	c.send(t, frame{first: fin | 8})
	c.rest(t)
}

func TestDeflateOffers(t *testing.T) {
	const plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	for _, tc := range []struct {
		name, offer, want string
	}{
		{"bare", "permessage-deflate", plain},
		{"Chrome's", "permessage-deflate; client_max_window_bits", plain},
		{"with everything", `permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits="12"; client_max_window_bits=10`, plain + "; server_max_window_bits=12"},
		{"the second of two", "permessage-deflate; server_max_window_bits=7, permessage-deflate", plain},
		{"the first of two", "permessage-deflate; server_max_window_bits=9, permessage-deflate", plain + "; server_max_window_bits=9"},
		{"another extension first", "x-other, permessage-deflate", plain},
		{"none", "x-other", ""},
		{"an unknown parameter", "permessage-deflate; level=9", ""},
		{"a parameter twice", "permessage-deflate; server_no_context_takeover; server_no_context_takeover", ""},
		{"a value where there is none", "permessage-deflate; server_no_context_takeover=1", ""},
		{"no value where there is one", "permessage-deflate; server_max_window_bits", ""},
		{"too small a window", "permessage-deflate; server_max_window_bits=7", ""},
		{"too large a window", "permessage-deflate; client_max_window_bits=16", ""},
		{"a leading zero", "permessage-deflate; server_max_window_bits=08", ""},
		{"no number", "permessage-deflate; server_max_window_bits=x", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			offers, err := parseExtensions(http.Header{"Sec-Websocket-Extensions": {tc.offer}})
			require.NoError(t, err)
			response, _, ok := acceptDeflate(offers)
			assert.Equal(t, tc.want, response)
			assert.Equal(t, tc.want != "", ok)
		})
	}
}

func TestParseExtensions(t *testing.T) {
	for _, tc := range []struct {
		header, err string
	}{
		{`a; b="c"; d=e, f`, ""},
		{"", ""},
		{", ,", ""},
		{`a; b="c`, "does not end"},
		{`a; b="c d"`, "not a token"},
		{"a;", "missing"},
		{"a b", "comma"},
		{"a; b=", "missing"},
		{"=", "missing"},
	} {
		_, err := parseExtensions(http.Header{"Sec-Websocket-Extensions": {tc.header}})
		if tc.err == "" {
			assert.NoError(t, err, tc.header)
		} else {
			assert.ErrorContains(t, err, tc.err, tc.header)
		}
	}
}

// What a client makes of a server's answer to its offer.
func TestConfirmDeflate(t *testing.T) {
	for _, tc := range []struct {
		answer, err string
		on          bool
	}{
		{"", "", false},
		{"permessage-deflate; server_no_context_takeover", "", true},
		{"permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10", "", true},
		{"permessage-deflate", "without server_no_context_takeover", false},
		{"permessage-deflate; server_no_context_takeover; client_max_window_bits=10", "not offered", false},
		{"permessage-deflate; server_no_context_takeover; client_max_window_bits", "not valid", false},
		{"permessage-deflate; server_no_context_takeover; x", "not valid", false},
		{"permessage-deflate; server_no_context_takeover, permessage-deflate; server_no_context_takeover", "twice", false},
		{"x-webkit-deflate-frame", "not offered", false},
	} {
		answers, err := parseExtensions(http.Header{"Sec-Websocket-Extensions": {tc.answer}})
		require.NoError(t, err)
		on, err := confirmDeflate(answers)
		if tc.err != "" {
			assert.ErrorContains(t, err, tc.err, tc.answer)
			continue
		}
		assert.NoError(t, err, tc.answer)
		assert.Equal(t, tc.on, on, tc.answer)
	}
}
