package main

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/examples/crimedash/store"
)

func TestExport(t *testing.T) {
	d := newDashboard(t)
	for i := range store.MaxLimit + 30 { // more than one page
		c := sighting(fmt.Sprintf("Spot %d", i+1))
		if i%2 == 0 {
			c.Kind = "arson"
		}
		_, err := d.store.Report(t.Context(), c)
		require.NoError(t, err)
	}
	evil := sighting(`=HYPERLINK("http://joker.example","click")`)
	evil.Description, evil.Reporter = "two\nlines, \"quoted\"", " \t-2+3"
	_, err := d.store.Report(t.Context(), evil)
	require.NoError(t, err)

	robin := d.as(t, "robin")
	reply := robin.Get("/api/crimes.csv")
	require.Equal(t, http.StatusOK, reply.Status)
	assert.Contains(t, reply.Header.Get("Content-Type"), "text/csv; charset=utf-8")
	assert.Regexp(t, `^attachment; filename="gotham-crimes-\d{4}-\d\d-\d\d\.csv"$`, reply.Header.Get("Content-Disposition"))
	text, marked := strings.CutPrefix(reply.Body, "\ufeff")
	assert.True(t, marked)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1+store.MaxLimit+30+1)
	assert.Equal(t, exportHead, rows[0])
	assert.Equal(t, `'=HYPERLINK("http://joker.example","click")`, rows[1][5])
	assert.Equal(t, "two\nlines, \"quoted\"", rows[1][6])
	assert.Equal(t, "'-2+3", rows[1][7], "blanks around it are gone")
	assert.Equal(t, "1", rows[len(rows)-1][0])

	filtered, err := csv.NewReader(strings.NewReader(robin.Get("/api/crimes.csv?kind=arson&q=spot+221").Body)).ReadAll()
	require.NoError(t, err)
	require.Len(t, filtered, 2)
	assert.Equal(t, []string{"arson", "Spot 221"}, []string{filtered[1][2], filtered[1][5]})
	assert.Equal(t, http.StatusUnprocessableEntity, robin.Get("/api/crimes.csv?kind=tickling").Status)

	// A browser that nobody has logged in with is shown where to.
	client := d.browser(t)
	away := client.Get("/api/crimes.csv?kind=arson", "Accept", "text/html", "Sec-Fetch-Mode", "navigate")
	assert.Equal(t, "/login?next=%2Fapi%2Fcrimes.csv%3Fkind%3Darson", away.Header.Get("Location"))
}

func TestFormulasAreMadeHarmless(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "Pier 19": "Pier 19", "a=b": "a=b", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x",
		" =1": "' =1", "\t=1": "'\t=1", "\tx": "'\tx", "＝1": "'＝1", "|x": "'|x", "谜题": "谜题",
	} {
		assert.Equal(t, want, harmless(text), "%q", text)
	}
}
