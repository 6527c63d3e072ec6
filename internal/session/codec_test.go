package session

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func secret(b byte) []byte { return bytes.Repeat([]byte{b}, MinSecret) }

func codec(t testing.TB, seal bool, name string, secrets ...byte) *Codec {
	t.Helper()
	var list [][]byte
	for _, b := range secrets {
		list = append(list, secret(b))
	}
	c, err := New(name, list, seal)
	require.NoError(t, err)
	return c
}

func TestRoundTrip(t *testing.T) {
	for _, seal := range []bool{false, true} {
		c := codec(t, seal, "session", 1)
		for _, data := range []string{"", "a", `{"v":{}}`, strings.Repeat("x", 2000)} {
			value := c.Encode([]byte(data))
			got, ok := c.Decode(value)
			require.True(t, ok)
			assert.Equal(t, data, string(got))
			assert.Equal(t, !seal && data != "", strings.Contains(value, base64.RawURLEncoding.EncodeToString([]byte(data))) && data != "")
		}
	}
}

func TestWhoMayRead(t *testing.T) {
	for _, seal := range []bool{false, true} {
		for _, tc := range []struct {
			name   string
			writer *Codec
			reader *Codec
			ok     bool
		}{
			{"the same key", codec(t, seal, "session", 1), codec(t, seal, "session", 1), true},
			{"another key", codec(t, seal, "session", 1), codec(t, seal, "session", 2), false},
			{"a new key before the old one", codec(t, seal, "session", 1), codec(t, seal, "session", 2, 1), true},
			{"the old one is gone", codec(t, seal, "session", 1), codec(t, seal, "session", 3, 2), false},
			{"not yet known", codec(t, seal, "session", 2, 1), codec(t, seal, "session", 1), false},
			{"another cookie", codec(t, seal, "session", 1), codec(t, seal, "other", 1), false},
			{"signed for sealed", codec(t, !seal, "session", 1), codec(t, seal, "session", 1), false},
		} {
			_, ok := tc.reader.Decode(tc.writer.Encode([]byte("data")))
			assert.Equal(t, tc.ok, ok, "%s, sealed: %v", tc.name, seal)
		}
	}
}

func TestEveryByteCounts(t *testing.T) {
	for _, seal := range []bool{false, true} {
		c := codec(t, seal, "session", 1)
		value := c.Encode([]byte(`{"b":1,"e":2,"v":{"a":1}}`))
		for i := range value {
			for _, b := range []byte{value[i] ^ 1, value[i] ^ 0x20, 'A', '.', '\n', '=', 0} {
				if b == value[i] {
					continue
				}
				_, ok := c.Decode(value[:i] + string(b) + value[i+1:])
				assert.False(t, ok, "byte %d as %q", i, b)
			}
			_, ok := c.Decode(value[:i] + value[i+1:])
			assert.False(t, ok, "without byte %d", i)
			_, ok = c.Decode(value[:i] + "\n" + value[i:])
			assert.False(t, ok, "with one more at %d", i)
			_, ok = c.Decode(value[:i])
			assert.False(t, ok, "cut at %d", i)
		}
	}
}

func TestBadValues(t *testing.T) {
	for _, seal := range []bool{false, true} {
		c := codec(t, seal, "session", 1)
		for _, value := range []string{"", ".", "..", "a.", ".a", "a.b.c", "!", strings.Repeat("A", MaxValue+1), "e30." + strings.Repeat("A", 43)} {
			_, ok := c.Decode(value)
			assert.False(t, ok, "%.20q", value)
		}
	}
}

func TestWeakKeys(t *testing.T) {
	_, err := New("session", nil, false)
	assert.EqualError(t, err, "there is no key: want one of 32 or more random bytes")
	_, err = New("session", [][]byte{secret(1), make([]byte, 31)}, false)
	assert.EqualError(t, err, "key 2 of 2 has 31 bytes: want 32 or more, at random")
	_, err = New("session", [][]byte{make([]byte, 32)}, false)
	assert.EqualError(t, err, "key 1 of 1 is nothing but zeros: fill it by crypto/rand")
}

func TestRecordTimes(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for _, tc := range []struct {
		name               string
		began              int64
		maxAge, idle, ends time.Duration
	}{
		{"from now", 0, time.Hour, 0, time.Hour},
		{"idle comes first", 0, time.Hour, time.Minute, time.Minute},
		{"idle comes later", 0, time.Minute, time.Hour, time.Minute},
		{"the end is near", now.Unix() - 3590, time.Hour, time.Minute, 10 * time.Second},
	} {
		r := Record{Began: tc.began}
		r.Stamp(now, tc.maxAge, tc.idle)
		assert.Equal(t, now.Add(tc.ends).Unix(), r.Ends, tc.name)
		data, err := r.Marshal()
		require.NoError(t, err)
		_, ok := Parse(data, time.Unix(r.Ends-1, 0))
		assert.True(t, ok, tc.name)
		_, ok = Parse(data, time.Unix(r.Ends, 0))
		assert.False(t, ok, tc.name)
	}
	r := Record{}
	assert.False(t, r.Stale(now, time.Minute), "it was never written")
	r.Stamp(now, time.Hour, time.Minute)
	assert.False(t, r.Stale(now.Add(5*time.Second), time.Minute))
	assert.True(t, r.Stale(now.Add(6*time.Second), time.Minute))
	assert.False(t, r.Stale(now.Add(time.Minute), 0))
	for _, bad := range []string{"", "{", "[]", "null", `{"e":"x"}`, `{"e":1e99}`} {
		_, ok := Parse([]byte(bad), now)
		assert.False(t, ok, bad)
	}
}

func TestDecode(t *testing.T) {
	n := 1
	assert.True(t, Decode([]byte("7"), &n))
	assert.Equal(t, 7, n)
	assert.False(t, Decode([]byte(`"a"`), &n))
	assert.Equal(t, 7, n)
	type pair struct{ A, B int }
	p := pair{1, 2}
	assert.False(t, Decode([]byte(`{"A":5,"B":"x"}`), &p))
	assert.Equal(t, pair{1, 2}, p, "nothing in part")
	assert.Panics(t, func() { Decode([]byte("7"), n) })
	assert.Panics(t, func() { Decode([]byte("7"), (*int)(nil)) })
}

func FuzzDecode(f *testing.F) {
	signed, sealed := codec(f, false, "session", 1), codec(f, true, "session", 1)
	good := signed.Encode([]byte(`{"b":1,"w":1,"e":4102444800,"v":{"a":1}}`))
	for _, value := range []string{good, sealed.Encode([]byte("{}")), "", ".", good[:20], good + "=", "e30.e30"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if _, ok := signed.Decode(value); ok && value != good {
			t.Fatalf("%q was never made", value)
		}
		if data, ok := sealed.Decode(value); ok && string(data) != "{}" {
			t.Fatalf("%q was never made", value)
		}
	})
}
