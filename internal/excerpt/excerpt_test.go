package excerpt

import (
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func ExampleOf() {
	fmt.Println(Of("Arkham Asylum", 6), Of("Arkham", 6), Of("犯罪", 4))
	// Output: Arkham… Arkham 犯…
}

func TestOfWhatIsNoText(t *testing.T) {
	assert.Equal(t, "\x80\x80\x80\x80\x80\x80…"[:2], Of("\x80\x80\x80\x80\x80\x80\x80\x80\x80", 6)[:2])
	assert.Equal(t, "…", Of("abc", 0))
}

func FuzzOf(f *testing.F) {
	f.Add("犯罪现场", 5)
	f.Add("\x80\x80\x80", 2)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = max(limit, 0)
		got := Of(text, limit)
		assert.LessOrEqual(t, len(got), max(len(text), 0)+len("…"))
		if utf8.ValidString(text) {
			assert.True(t, utf8.ValidString(got))
		}
	})
}
