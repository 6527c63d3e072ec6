package websocket

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The queue does what a plain list would.
func TestQueue(t *testing.T) {
	type entry struct{ text, key string }
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		var q queue
		var model []entry
		for i := range 3000 {
			switch growing := i/500%2 == 0; {
			case random.IntN(5) < 3 == growing || len(model) == 0:
				e := entry{text: fmt.Sprint("frame ", i)}
				if random.IntN(2) == 0 {
					e.key = fmt.Sprint(random.IntN(40))
					size, ok := q.conflate(e.key)
					at := slices.IndexFunc(model, func(m entry) bool { return m.key == e.key })
					require.Equal(t, at >= 0, ok)
					if ok {
						require.Equal(t, len(model[at].text), size)
						model = slices.Delete(model, at, at+1)
					}
				}
				q.push([]byte(e.text), len(e.text), e.key)
				model = append(model, e)
			default:
				require.Equal(t, model[0].text, string(q.front()))
				require.Equal(t, len(model[0].text), q.pop())
				model = model[1:]
			}
			size := 0
			for _, e := range model {
				size += len(e.text)
			}
			require.Equal(t, size, q.size)
			require.Equal(t, len(model) == 0, q.empty())
		}
		for _, e := range model {
			assert.Equal(t, e.text, string(q.front()))
			q.pop()
		}
		assert.Equal(t, queue{}, q, "nothing is kept of a backlog that is over")
	}
}
