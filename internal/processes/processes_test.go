package processes

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPlace(t *testing.T) {
	for name, p := range map[string]Place{
		"first":            {Slot: 1, Of: 4, Sockets: 4, Pipe: 7, Addr: ":8080"},
		"last, one socket": {Slot: 4, Of: 4, Sockets: 1, Pipe: 1 << 63, Addr: "unix:/a path/with spaces"},
		"the most":         {Slot: Max, Of: Max, Sockets: Max},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parse(p.String())
			require.NoError(t, err)
			assert.Equal(t, p, got)
		})
	}
}

func TestMalformedPlaces(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "too little": "1/2 2 7", "no slot": "x/2 2 7 :80", "no number of them": "1 2 7 :80",
		"no sockets": "1/2 x 7 :80", "no pipe": "1/2 2 x :80", "slot 0": "0/2 2 7 :80", "slot too high": "3/2 2 7 :80",
		"too many": "1/256 1 7 :80", "other number of sockets": "1/4 2 7 :80",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(text)
			assert.ErrorContains(t, err, "REDSTART_PROCESS=")
			assert.Zero(t, find(text), "such a process is nobody's child")
		})
	}
}

func TestAProgramThatAChildStartsIsNoChild(t *testing.T) {
	assert.Zero(t, find(Place{Slot: 1, Of: 2, Sockets: 2, Pipe: 1<<63 + 1, Addr: ":80"}.String()), "it inherits the variable, and not the pipe")
	slot, of, child := Slot()
	assert.False(t, child)
	assert.Zero(t, slot+of)
	m, err := Join(":80", true)
	require.NoError(t, err)
	assert.Nil(t, m)
	assert.Nil(t, m.Adopted())
}

func FuzzPlace(f *testing.F) {
	f.Add("1/2 2 7 :80")
	f.Add("255/255 1 18446744073709551615 unix:/a b")
	f.Add("-1/+2 02 7 ")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parse(text)
		if err != nil {
			return
		}
		assert.True(t, 1 <= p.Slot && p.Slot <= p.Of && p.Of <= Max && 1 <= p.Sockets && p.Sockets <= p.Of, text)
		again, err := parse(p.String())
		require.NoError(t, err)
		assert.Equal(t, p, again)
		assert.True(t, strings.HasSuffix(text, p.Addr))
	})
}
