package sse

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseCursorIsStrict(t *testing.T) {
	long := strings.Repeat("e", maxCursorLength-2)
	for _, tc := range []struct {
		name, text string
		want       Cursor
		ok         bool
	}{
		{"plain", "abc.12", Cursor{"abc", 12}, true},
		{"zero sequence", "abc.0", Cursor{"abc", 0}, true},
		{"dots and marks in the epoch", "a.b_c~d-e.7", Cursor{"a.b_c~d-e", 7}, true},
		{"largest", "e.18446744073709551615", Cursor{"e", 1<<64 - 1}, true},
		{"longest", long + ".1", Cursor{long, 1}, true},
		{"empty", "", Cursor{}, false},
		{"no dot", "abc", Cursor{}, false},
		{"no epoch", ".1", Cursor{}, false},
		{"no sequence", "abc.", Cursor{}, false},
		{"too large", "e.18446744073709551616", Cursor{}, false},
		{"too long", long + ".12", Cursor{}, false},
		{"leading zero", "e.01", Cursor{}, false},
		{"plus", "e.+1", Cursor{}, false},
		{"minus", "e.-1", Cursor{}, false},
		{"underscore", "e.1_0", Cursor{}, false},
		{"hexadecimal", "e.0x1", Cursor{}, false},
		{"space before", " e.1", Cursor{}, false},
		{"space after", "e.1 ", Cursor{}, false},
		{"line break", "e\n.1", Cursor{}, false},
		{"NUL", "e\x00.1", Cursor{}, false},
		{"not UTF-8", "e\xff.1", Cursor{}, false},
		{"other letters", "é.1", Cursor{}, false},
		{"other digits", "e.١", Cursor{}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ParseCursor(tc.text)
			assert.Equal(t, tc.want, got)
			if !tc.ok {
				require.Error(t, err)
				assert.Less(t, len(err.Error()), 1000)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.text, got.String())
		})
	}
}

func TestCursorInJSONIsItsText(t *testing.T) {
	type page struct{ From Cursor }
	for _, tc := range []struct {
		name string
		page page
		text string
	}{
		{"position", page{Cursor{"e", 7}}, `{"From":"e.7"}`},
		{"none", page{}, `{"From":""}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text, err := json.Marshal(tc.page)
			require.NoError(t, err)
			assert.Equal(t, tc.text, string(text))
			got := page{Cursor{"old", 1}}
			require.NoError(t, json.Unmarshal(text, &got))
			assert.Equal(t, tc.page, got)
		})
	}
	kept := page{Cursor{"old", 1}}
	require.Error(t, json.Unmarshal([]byte(`{"From":"nonsense"}`), &kept))
	assert.Equal(t, page{Cursor{"old", 1}}, kept)
	assert.True(t, Cursor{}.IsZero())
	assert.Empty(t, Cursor{}.String())
}

func TestEpochsAreValidAndDiffer(t *testing.T) {
	a, b := newEpoch(), newEpoch()
	assert.NotEqual(t, a, b)
	parsed, err := ParseCursor(Cursor{a, 1<<64 - 1}.String())
	require.NoError(t, err)
	assert.Equal(t, a, parsed.epoch)
}

// FuzzParseCursor holds that what is accepted is exactly what String writes, and
// is a valid event id.
func FuzzParseCursor(f *testing.F) {
	for _, seed := range []string{"", ".", "e.1", "e.01", "a.b.18446744073709551615", "e.18446744073709551616", "é.1", "e\n.1", "e.+1", "~.0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCursor(text)
		if err != nil {
			require.True(t, c.IsZero())
			return
		}
		require.Equal(t, text, c.String())
		require.LessOrEqual(t, len(text), maxCursorLength)
		require.NoError(t, Text("x").WithID(text).Validate())
		for _, b := range []byte(text) {
			require.True(t, b > ' ' && b < 0x7f)
		}
	})
}
