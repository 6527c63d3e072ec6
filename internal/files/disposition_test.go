package files_test

import (
	"fmt"
	"mime"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/files"
)

func TestContentDisposition(t *testing.T) {
	for _, test := range []struct{ name, kind, filename, want string }{
		{"plain", "attachment", "report.pdf", `attachment; filename="report.pdf"`},
		{"inline", "inline", "report.pdf", `inline; filename="report.pdf"`},
		{"spaces and semicolons", "attachment", "a b;c.txt", `attachment; filename="a b;c.txt"`},
		{"Chinese", "attachment", "犯罪报告.pdf", `attachment; filename="____.pdf"; filename*=UTF-8''%E7%8A%AF%E7%BD%AA%E6%8A%A5%E5%91%8A.pdf`},
		{"quoted", "attachment", `say "hi".txt`, `attachment; filename="say _hi_.txt"; filename*=UTF-8''say%20%22hi%22.txt`},
		{"percent", "attachment", "100%41.txt", `attachment; filename="100_41.txt"; filename*=UTF-8''100%2541.txt`},
		{"a path", "attachment", `../../etc\passwd`, `attachment; filename=".._.._etc_passwd"`},
		{"header injection", "attachment", "a\r\nSet-Cookie: b=c.txt", `attachment; filename="aSet-Cookie: b=c.txt"`},
		{"a disguised extension", "attachment", "invoice\u202efdp.exe", `attachment; filename="invoicefdp.exe"`},
		{"invalid UTF-8", "attachment", "a\xff.txt", `attachment; filename="a_.txt"; filename*=UTF-8''a%EF%BF%BD.txt`},
		{"nothing", "attachment", "", `attachment`},
		{"nothing left", "attachment", " .. ", `attachment`},
		{"unknown kind", "x\r\ny", "a.txt", `attachment; filename="a.txt"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, files.ContentDisposition(test.kind, test.filename))
		})
	}
}

func FuzzContentDisposition(f *testing.F) {
	for _, seed := range []string{"a.txt", "犯罪.pdf", `"`, `\`, "\r\n", "%", "\xff", "..", "a\u202e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, filename string) {
		value := files.ContentDisposition("attachment", filename)
		require.True(t, utf8.ValidString(value))
		for _, c := range value {
			require.True(t, c >= ' ' && c <= '~', "%q in %q", c, value)
		}
		kind, params, err := mime.ParseMediaType(value)
		require.NoError(t, err, value)
		assert.Equal(t, "attachment", kind)
		assert.NotContains(t, params["filename"], "/")
	})
}

func ExampleContentDisposition() {
	fmt.Println(files.ContentDisposition("attachment", "Gotham 犯罪.csv"))
	// Output:
	// attachment; filename="Gotham __.csv"; filename*=UTF-8''Gotham%20%E7%8A%AF%E7%BD%AA.csv
}
