package negotiate_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart/internal/negotiate"
)

func TestEncoding(t *testing.T) {
	for _, test := range []struct {
		name   string
		accept string
		offers []string
		want   string
	}{
		{"no field is identity", "", []string{"gzip"}, ""},
		{"no offers", "gzip", nil, ""},
		{"a browser gets the first offer", "gzip, deflate, br, zstd", []string{"br", "zstd", "gzip"}, "br"},
		{"only what is accepted", "gzip, deflate", []string{"br", "gzip"}, "gzip"},
		{"nothing in common", "deflate", []string{"br", "gzip"}, ""},
		{"weights decide", "br;q=0.5, gzip;q=0.8", []string{"br", "gzip"}, "gzip"},
		{"zero excludes", "br;q=0, gzip", []string{"br", "gzip"}, "gzip"},
		{"star is everything not named", "*", []string{"zstd"}, "zstd"},
		{"star does not speak for the named", "br;q=0, *", []string{"br"}, ""},
		{"star with zero", "gzip, *;q=0", []string{"br", "gzip"}, "gzip"},
		{"identity preferred", "identity, gzip;q=0.5", []string{"gzip"}, ""},
		{"identity not preferred", "identity;q=0.5, gzip", []string{"gzip"}, "gzip"},
		{"identity as good as gzip", "identity, gzip", []string{"gzip"}, "gzip"},
		{"identity refused", "identity;q=0, gzip;q=0.1", []string{"gzip"}, "gzip"},
		{"everything refused", "*;q=0", []string{"gzip"}, ""},
		{"case and space", " GZip ; Q=0.3 ", []string{"gzip"}, "gzip"},
		{"the old name", "x-gzip", []string{"gzip"}, "gzip"},
		{"a part of a name is another name", "gzipped", []string{"gzip"}, ""},
		{"a malformed weight is skipped", "br;q=x, gzip", []string{"br", "gzip"}, "gzip"},
		{"something else than a weight is skipped", "br;level=9, gzip", []string{"br", "gzip"}, "gzip"},
		{"empty elements", ", ,gzip,", []string{"gzip"}, "gzip"},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, negotiate.Encoding(test.accept, test.offers...))
		})
	}
}

func FuzzEncoding(f *testing.F) {
	for _, seed := range []string{"", "*", "gzip, deflate, br", "br;q=0.5, gzip;q=0.8", "identity;q=0", `"`, "gzip;q="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		got := negotiate.Encoding(accept, "br", "gzip")
		assert.Contains(t, []string{"", "br", "gzip"}, got)
		if got != "" {
			assert.Equal(t, got, negotiate.Encoding(accept, got), "chosen among others, refused alone")
		}
	})
}

func ExampleEncoding() {
	fmt.Println(negotiate.Encoding("gzip, deflate, br", "br", "gzip"))
	fmt.Println(negotiate.Encoding("gzip;q=1.0, br;q=0.5", "br", "gzip"))
	fmt.Printf("%q\n", negotiate.Encoding("deflate", "br", "gzip"))
	// Output:
	// br
	// gzip
	// ""
}
