package openapi

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const least = `{"openapi":"3.1.1","info":{"title":"a","version":"1"},"paths":{}}`

// A document keeps the order of its members, the digits of its numbers, and its texts.
func TestValuesSurvive(t *testing.T) {
	text := `{"openapi":"3.1.1","info":{"title":"a","version":"1"},"paths":{},"x":{"b":1,"a":[1.50,-2e3,12345678901234567890,true,null,"",{}]},` +
		`"texts":["yes","null","1.0","~","- a","a: b","#","two\nlines\n","\u0000","\\","'\"","<b>","é","😀"," blank ","0x1f","2026-01-02"]}`
	d, err := Parse([]byte(text))
	require.NoError(t, err)
	assert.JSONEq(t, text, string(d.JSON()))
	assert.Contains(t, string(d.JSON()), "12345678901234567890")
	assert.Less(t, strings.Index(string(d.JSON()), `"b"`), strings.Index(string(d.JSON()), `"a": [`))

	var want, got any
	require.NoError(t, json.Unmarshal([]byte(text), &want))
	require.NoError(t, yaml.Unmarshal(d.YAML(), &got))
	assert.Equal(t, want.(map[string]any)["texts"], got.(map[string]any)["texts"], "%s", d.YAML())

	again, err := Parse(d.YAML())
	require.NoError(t, err)
	assert.JSONEq(t, strings.ReplaceAll(text, "12345678901234567890", "12345678901234567000"), strings.ReplaceAll(string(again.JSON()), "12345678901234567890", "12345678901234567000"))
}

func TestParseYAML(t *testing.T) {
	head := "openapi: 3.1.1\ninfo: {title: a, version: '1'}\npaths: {}\n"
	for name, tc := range map[string]struct{ text, want, problem string }{
		"anchors":     {head + "x: &a {b: 1}\ny: *a\n", `{"b":1}`, ""},
		"numbers":     {head + "y: 0x10\n", `16`, ""},
		"a bomb":      {head + bomb(), "", "unfold to more than"},
		"no number":   {head + "y: .inf\n", "", ".inf is no value of JSON"},
		"a cycle":     {head + "y: &y [*y]\n", "", "unfold to more than"},
		"a text date": {head + "y: 2026-01-02\n", `"2026-01-02"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse([]byte(tc.text))
			if tc.problem != "" {
				require.ErrorContains(t, err, tc.problem)
				return
			}
			require.NoError(t, err)
			assert.JSONEq(t, tc.want, string(appendJSON(nil, d.root.get("y"), "")))
		})
	}
}

// bomb is a text of which the aliases unfold to a thousand million values.
func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n")
	for i := '1'; i <= '9'; i++ {
		b.WriteString("a" + string(i) + ": &a" + string(i) + " [" + strings.Repeat("*a"+string(i-1)+",", 10) + "]\n")
	}
	return b.String()
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{least, "openapi: 3.1.1\ninfo: {title: a, version: '1'}\npaths: {/x: {get: {}}}\n", "[", "{}", "a: &a [*a]", "? {a: b}\n: c\n", "!!binary x"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Parse(text)
		if err != nil {
			return
		}
		assert.True(t, json.Valid(d.JSON()))
		d.YAML()
		d.V32().JSON()
		policy(d)
	})
}

// Origins go into the page's policy, and nothing that could end it.
func TestPolicy(t *testing.T) {
	for url, want := range map[string]string{
		"https://api.gotham.example/v1": "connect-src 'self' https://api.gotham.example wss://api.gotham.example;",
		"http://127.0.0.1:80":           "connect-src 'self' http://127.0.0.1:80 ws://127.0.0.1:80;",
		"//api.gotham.example":          "connect-src 'self' api.gotham.example ws://api.gotham.example wss://api.gotham.example;",
		"/v1":                           "connect-src 'self';",
		"https://a;script-src *":        "connect-src 'self';",
		"https://{region}.example":      "connect-src 'self';",
		"javascript://x":                "connect-src 'self';",
	} {
		d := Build(API{Servers: []Server{{URL: url}}}, nil)
		assert.Contains(t, policy(d), want, url)
	}
}

func TestTypeNamesOfArguments(t *testing.T) {
	for arg, want := range map[string]string{
		"int": "Int", "a.com/b/c.Crime": "Crime", "[]a.com/b.Crime": "ListOfCrime", "*a.com/b.Crime": "Crime", "map[string]int": "Map",
		"a.com/b.Page[a.com/c.Crime]": "PageOfCrime", "main.local·1": "Local",
	} {
		assert.Equal(t, want, argumentName(arg), arg)
	}
	assert.Equal(t, []string{"a", "b[c,d]", "e"}, splitArguments("a,b[c,d],e"))
}

func TestSummaries(t *testing.T) {
	for name, want := range map[string]string{
		"ReportCrime": "Report crime", "crimeByID": "Crime by ID", "JSON": "JSON", "list_all": "List all", "X": "X", "": "",
		"HTTPServer": "HTTP server",
	} {
		assert.Equal(t, want, summary(name), name)
	}
	for function, want := range map[string]string{
		"main.(*store).Report": "Report", "main.main.func1": "", "a.com/b.NoInput[...].func1": "", "main.report": "report", "main.App.func2.3": "",
	} {
		assert.Equal(t, want, functionName(function), function)
	}
}
