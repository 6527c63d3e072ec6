package negotiate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/redstart-go/redstart/internal/negotiate"
)

// What a current browser sends when it navigates.
const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"

func TestType(t *testing.T) {
	const html, plain, json = "text/html", "text/plain", "application/json"
	for _, test := range []struct {
		name   string
		accept string
		offers []string
		want   string
	}{
		{"no offers", "*/*", nil, ""},
		{"no field is the first offer", "", []string{json, html}, json},
		{"anything is the first offer", "*/*", []string{json, html}, json},
		{"exact", "text/html", []string{json, html}, html},
		{"none acceptable", "image/png", []string{json, html}, ""},
		{"a browser takes HTML", browser, []string{json, html}, html},
		{"a browser takes JSON if there is nothing else", browser, []string{json}, json},
		{"weights decide", "text/html;q=0.4, application/json;q=0.5", []string{html, json}, json},
		{"thousandths count", "text/html;q=0.401, application/json;q=0.402", []string{html, json}, json},
		{"equal weights keep the offers' order", "text/html, application/json", []string{json, html}, json},
		{"zero excludes", "text/html;q=0, */*", []string{html, json}, json},
		{"zero excludes the only offer", "application/json;q=0.0", []string{json}, ""},
		{"zero for all, one for one", "*/*;q=0, text/html", []string{json, html}, html},
		{"the specific range sets the weight", "text/*;q=0.9, text/html;q=0.1, */*;q=0.5", []string{html, json, plain}, plain},
		{"specific before general whatever the order", "*/*, text/html;q=0", []string{html}, ""},
		{"a type's wildcard", "text/*", []string{json, plain}, plain},
		{"case does not matter", "TEXT/Html", []string{html}, html},
		{"white space", " text/html\t; q=0.1 ,\tapplication/json ;q=0.2 ", []string{html, json}, json},
		{"parameters make a range more specific", "text/html;level=1;q=0.2, text/html;q=0.7", []string{"text/html;level=1", html}, html},
		{"a range with parameters needs them", "text/html;level=1", []string{html}, ""},
		{"an offer's own parameters do not hinder", "text/html", []string{"text/html; charset=utf-8"}, "text/html; charset=utf-8"},
		{"quoted parameter values", `text/html;x="a,b;c"`, []string{`text/html;x="a,b;c"`}, `text/html;x="a,b;c"`},
		{"charset utf-8 is no obstacle", "application/json; charset=UTF-8", []string{json}, json},
		{"another charset is", "application/json; charset=utf-16", []string{json}, ""},
		{"Java's HttpURLConnection", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", []string{json}, json},
		{"malformed elements are skipped", "text/html;q=abc, /, text, a/b/c;;, */html, application/json;q=0.1", []string{html, json}, json},
		{"a weight above one is malformed", "text/html;q=1.1, application/json;q=0.1", []string{html, json}, json},
		{"nothing but rubbish states no preference", "rubbish, ;;;", []string{html}, html},
		{"empty elements", ",, ,", []string{html}, html},
		{"a weight too small to count is still above zero", "text/html;q=0.0001", []string{html}, html},
		{"of two mentions the heavier counts", "text/html;q=0.8, text/html;q=0.2, application/json;q=0.5", []string{json, html}, html},
		{"an escaped quote does not end the value", `text/html;x="a\",b", application/json;q=0.5`, []string{json, `text/html;x="a\",b"`}, `text/html;x="a\",b"`},
		{"an unfinished quote", `text/html;a="b, application/json`, []string{json, html}, json},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, negotiate.Type(test.accept, test.offers...))
		})
	}
}

func TestPrefersText(t *testing.T) {
	for _, test := range []struct {
		name, accept string
		want         bool
	}{
		{"no field", "", false},
		{"curl", "*/*", false},
		{"browser", browser, true},
		{"plain text", "text/plain", true},
		{"any text", "text/*", true},
		{"JSON", "application/json", false},
		{"problem", "application/problem+json", false},
		{"both alike", "text/html, application/json", false},
		{"text less than JSON", "text/plain;q=0.5, application/json", false},
		{"text more than JSON", "text/plain, application/json;q=0.5", true},
		{"an event stream", "text/event-stream", false},
		{"an image", "image/png, image/*;q=0.8", false},
		{"rubbish", "a b c", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, negotiate.PrefersText(test.accept))
		})
	}
}

func TestCommonHeadersDoNotAllocate(t *testing.T) {
	for name, call := range map[string]func(){
		"type, browser":     func() { negotiate.Type(browser, "application/json", "text/html; charset=utf-8") },
		"type, JSON":        func() { negotiate.Type("application/json", "application/json", "text/html") },
		"type, anything":    func() { negotiate.Type("*/*", "application/json") },
		"prefers text":      func() { negotiate.PrefersText(browser) },
		"encoding, browser": func() { negotiate.Encoding("gzip, deflate, br, zstd", "br", "zstd", "gzip") },
		"encoding, weights": func() { negotiate.Encoding("br;q=0.5, gzip;q=0.8, *;q=0", "br", "gzip") },
	} {
		t.Run(name, func(t *testing.T) {
			assert.Zero(t, testing.AllocsPerRun(100, call))
		})
	}
}

func FuzzType(f *testing.F) {
	for _, seed := range []string{"", "*/*", browser, `text/html;a="\`, "text/html;q=", ";q=1", "text/html;level=1;q=.5", ",,,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		offers := []string{"text/html", "application/json; charset=utf-8"}
		got := negotiate.Type(accept, offers...)
		assert.Contains(t, append(offers, ""), got)
		// The order of offers may break ties only: what is acceptable alone
		// stays acceptable among others.
		for _, offer := range offers {
			if negotiate.Type(accept, offer) != "" {
				assert.NotEmpty(t, got)
			}
		}
		// White space at the ends says nothing.
		assert.Equal(t, got, negotiate.Type(strings.Trim(accept, " \t"), offers...))
		negotiate.PrefersText(accept)
	})
}

func ExampleType() {
	accept := "text/html;q=0.9, application/json"
	fmt.Println(negotiate.Type(accept, "text/html", "application/json"))
	fmt.Printf("%q\n", negotiate.Type("image/png", "text/html", "application/json"))
	// Output:
	// application/json
	// ""
}

func ExamplePrefersText() {
	fmt.Println(negotiate.PrefersText("text/html,application/xhtml+xml,*/*;q=0.8"))
	fmt.Println(negotiate.PrefersText("*/*"))
	// Output:
	// true
	// false
}
