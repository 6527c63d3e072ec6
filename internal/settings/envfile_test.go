package settings

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseFile(t *testing.T) {
	entries, faults := parseFile("\ufeff# a comment\r\n\r\nA=1\r\n  B = two words \n\t# another\nC='single \" \\ # $X'\nD=\"double \\\" \\\\ # ' $X\" # why\n" +
		"E=x#y # z\nF=#abc\nG= # nothing\nH=\nI=''\nJ=a=b\nk_9=哥谭\t#x\nL=\"\"")
	require.Empty(t, faults)
	assert.Equal(t, []entry{
		{3, "A", "1"}, {4, "B", "two words"}, {6, "C", `single " \ # $X`}, {7, "D", `double " \ # ' $X`},
		{8, "E", "x#y"}, {9, "F", "#abc"}, {10, "G", ""}, {11, "H", ""}, {12, "I", ""}, {13, "J", "a=b"}, {14, "k_9", "哥谭"}, {15, "L", ""},
	}, entries)
}

func TestMalformedLines(t *testing.T) {
	for line, want := range map[string]string{
		"rubbish":                 `want KEY=VALUE: there is no "="`,
		"REDSTART_PORT 9000":      `want KEY=VALUE: there is no "="`,
		"REDSTART_PORT: 9000":     `want KEY=VALUE: there is no "="`,
		"=9000":                   "want KEY=VALUE: the key is missing",
		"export REDSTART_PORT=1":  "want KEY=VALUE: leave out the word export",
		"A B=1":                   "want KEY=VALUE: ' ' is not allowed in a key",
		"A-B=1":                   "want KEY=VALUE: '-' is not allowed in a key",
		"9A=1":                    "want KEY=VALUE: '9' is not allowed in a key",
		"É=1":                     "want KEY=VALUE: 'É' is not allowed in a key",
		"A=\"x":                   "the value of A: the closing quote is missing",
		"A='x":                    "the value of A: the closing quote is missing",
		"A='":                     "the value of A: the closing quote is missing",
		"A='x'y":                  "the value of A: there is more behind the closing quote",
		`A="x" "y"`:               "the value of A: there is more behind the closing quote",
		`A="C:\temp"`:             `the value of A: in double quotes a backslash stands before " or \ only; take single quotes`,
		`A="x\`:                   `the value of A: in double quotes a backslash stands before " or \ only; take single quotes`,
		"A=\xff":                  "the line is not UTF-8",
		"FIRST=2":                 "FIRST is on line 1 already",
		"first file\x00 of = two": `want KEY=VALUE: ' ' is not allowed in a key`,
	} {
		t.Run(line, func(t *testing.T) {
			entries, faults := parseFile("FIRST=1\n" + line + "\nLAST=1\n")
			require.Len(t, faults, 1)
			assert.EqualError(t, faults[0], "redstart.env:2: "+want)
			assert.Equal(t, []entry{{1, "FIRST", "1"}, {3, "LAST", "1"}}, entries, "the rest is read, for what is wrong with it")
		})
	}
}

// FuzzParseFile: every line is an entry, an error or nothing; and an entry that is written
// again, in quotes, is read as it was.
func FuzzParseFile(f *testing.F) {
	for _, seed := range []string{
		"", "\ufeff", "A=1", "A=1\nA=2", "# x\r\nA='b' # c\r\n", `A="\"\\"`, "A='\nB=\"\nC=x #", "=\n==\n\x00=\x00\n\xff", "export A=1", " A = b c ", "A=#\nB= #\n",
		"REDSTART_PORT=9000\nREDSTART_HOST=\"0.0.0.0\"\n",
	} {
		f.Add(seed)
	}
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	f.Fuzz(func(t *testing.T, text string) {
		entries, faults := parseFile(text)
		filled := 0
		for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				filled++
			}
		}
		assert.Equal(t, filled, len(entries)+len(faults))
		var again strings.Builder
		for _, e := range entries {
			require.Empty(t, checkKey(e.key))
			require.NotContains(t, e.value, "\n")
			again.WriteString(e.key + "=\"" + quote.Replace(e.value) + "\"\n")
		}
		reread, faults := parseFile(again.String())
		require.Empty(t, faults)
		require.Len(t, reread, len(entries))
		for i, e := range reread {
			assert.Equal(t, entries[i].key, e.key)
			assert.Equal(t, entries[i].value, e.value)
		}
	})
}
