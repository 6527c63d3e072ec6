package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/store"
	"github.com/redstart-go/redstart/sse"
)

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded" // a plain HTML form (WHATWG HTML, section 4.10.21)
)

// problem is the part of an error reply that a page uses.
type problem struct {
	Status int                  `json:"status"`
	Detail string               `json:"detail"`
	Errors []redstart.Violation `json:"errors"`
}

// fields says what is wrong with each field, in the words of the store. Which field of
// JSON it is, is said by a pointer.
func fields(p problem) map[string]string {
	m := map[string]string{}
	for _, v := range p.Errors {
		rule, _, _ := strings.Cut(v.Rule, "=")
		m[v.Name+strings.TrimPrefix(v.Pointer, "#/")] = map[string]string{
			"required": store.CodeRequired, "oneof": store.CodeUnknown, "max": store.CodeTooLong, "valid": store.CodeInvalid,
		}[rule]
	}
	return m
}

func sighting(place string) store.NewCrime {
	return store.NewCrime{Kind: "riddle", Severity: "low", District: 8, Place: place, Description: "谜题 & <riddle>"}
}

func reportJSON(t *testing.T, c store.NewCrime) string {
	t.Helper()
	body, err := json.Marshal(c)
	require.NoError(t, err)
	return string(body)
}

func TestReportInJSON(t *testing.T) {
	d := newDashboard(t)
	reply := d.ask(t, http.MethodPost, "/api/crimes", jsonType, reportJSON(t, sighting("金门茶楼")))
	require.Equal(t, http.StatusCreated, reply.Code, reply.Body)
	assert.Equal(t, "/api/crimes/1", reply.Header().Get("Location"))
	crime := decode[store.Crime](t, reply)
	assert.Equal(t, "金门茶楼", crime.Place)
	assert.Equal(t, store.StatusOpen, crime.Status)
	assert.Contains(t, reply.Body.String(), "谜题 & <riddle>", "JSON is not HTML")

	got := d.get(t, reply.Header().Get("Location"))
	assert.Equal(t, http.StatusOK, got.Code)
	assert.Equal(t, crime, decode[store.Crime](t, got))
}

func TestReportByPlainForm(t *testing.T) {
	d := newDashboard(t)
	form := url.Values{"kind": {"arson"}, "severity": {"high"}, "district": {"3"}, "place": {"Tin Alley"},
		"description": {"Smoke.\r\nAnd flames."}, "reporter": {"陈警官"}}
	reply := d.ask(t, http.MethodPost, "/report", "application/x-www-form-urlencoded; charset=utf-8", form.Encode())
	require.Equal(t, http.StatusCreated, reply.Code, reply.Body)
	crime := decode[store.Crime](t, reply)
	assert.Equal(t, 3, crime.District)
	assert.Equal(t, "Smoke.\nAnd flames.", crime.Description)
	assert.Equal(t, "陈警官", crime.Reporter)
}

func TestReportsThatAreRefused(t *testing.T) {
	everything := map[string]string{"kind": store.CodeRequired, "severity": store.CodeRequired,
		"district": store.CodeRequired, "place": store.CodeRequired, "description": store.CodeRequired}
	long := sighting(strings.Repeat("x", store.MaxPlace+1))
	tests := map[string]struct {
		contentType, body string
		status            int
		detail            string
		fields            map[string]string
	}{
		"broken JSON":         {jsonType, `{"kind": "arson"`, 400, "", nil},
		"empty body":          {jsonType, ``, 400, "", nil},
		"no object":           {jsonType, `[]`, 400, "", nil},
		"text after it":       {jsonType, `{} {}`, 400, "", nil},
		"wrong type":          {jsonType, `{"district": "three"}`, 400, "district", nil},
		"wrong content type":  {"text/plain", `{}`, 415, `"text/plain": expected application/json`, nil},
		"a huge body":         {jsonType, `{"place": "` + strings.Repeat("x", maxReport) + `"}`, 413, "", nil},
		"nothing filled in":   {jsonType, `{}`, 422, `field "/kind" is required`, everything},
		"null":                {jsonType, `null`, 422, `field "/kind" is required`, everything},
		"a text too long":     {jsonType, reportJSON(t, long), 422, "80 characters", map[string]string{"place": store.CodeTooLong}},
		"unknown kind":        {jsonType, `{"kind":"tickling","severity":"low","district":1,"place":"x","description":"x"}`, 422, `field "/kind" must be one of`, map[string]string{"kind": store.CodeUnknown}},
		"an empty form":       {formType, ``, 422, "", everything},
		"a malformed form":    {formType, `kind=arson&place=%zz`, 400, `form field "place": "%zz" is not a percent-encoded byte`, nil},
		"a form with ;":       {formType, `kind=arson;place=x`, 422, `form field "kind" must be one of`, map[string]string{"kind": store.CodeUnknown, "severity": store.CodeRequired, "district": store.CodeRequired, "place": store.CodeRequired, "description": store.CodeRequired}},
		"a broken field name": {formType, `%f=x`, 400, `form field 1: the name "%f"`, nil},
		"too many fields":     {formType, strings.Repeat("a&", 12_000), 413, "more than 1000 fields", nil},
		"a form not in UTF-8": {formType, "kind=arson&severity=low&district=3&place=%ff&description=x", 400, `form field "place": the text is not UTF-8`, nil},
		"a form with letters": {formType, "kind=arson&severity=low&district=three&place=x", 422, "", map[string]string{"district": store.CodeUnknown, "description": store.CodeRequired}},
	}
	d := newDashboard(t)
	before := d.hub.Cursor()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			target := "/api/crimes"
			if test.contentType == formType {
				target = "/report"
			}
			reply := d.ask(t, http.MethodPost, target, test.contentType, test.body)
			require.Equal(t, test.status, reply.Code, reply.Body)
			assert.Equal(t, "application/problem+json", reply.Header().Get("Content-Type"))
			p := decode[problem](t, reply)
			assert.Equal(t, test.status, p.Status)
			assert.NotEmpty(t, p.Detail)
			assert.Contains(t, p.Detail, test.detail)
			if test.fields != nil {
				assert.Equal(t, test.fields, fields(p))
			}
		})
	}
	crimes, err := d.store.List(t.Context(), store.Filter{})
	require.NoError(t, err)
	assert.Empty(t, crimes, "nothing refused is on file")
	assert.Equal(t, before, d.hub.Cursor(), "nor was it announced")
}

func TestReportFromAnotherSiteIsRefused(t *testing.T) {
	var log bytes.Buffer
	d := newDashboard(t, redstart.WithLogger(zerolog.New(&log)))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/api/crimes", strings.NewReader("kind=arson"))
	require.NoError(t, err)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	reply := httptest.NewRecorder()
	d.ServeHTTP(reply, req)
	assert.Equal(t, http.StatusForbidden, reply.Code)

	// The refusal is a reply like any other: explained, strict, traceable, logged.
	assert.Equal(t, "application/problem+json", reply.Header().Get("Content-Type"))
	assert.NotEmpty(t, reply.Header().Get("Content-Security-Policy"))
	assert.Contains(t, decode[problem](t, reply).Detail, "another origin")
	id := reply.Header().Get("X-Request-Id")
	assert.NotEmpty(t, id)
	assert.Contains(t, log.String(), `"status":403`)
	assert.Contains(t, log.String(), `"request_id":"`+id+`"`)

	for _, site := range []string{"same-origin", "none"} {
		req.Header.Set("Sec-Fetch-Site", site)
		reply := httptest.NewRecorder()
		d.ServeHTTP(reply, req)
		assert.NotEqual(t, http.StatusForbidden, reply.Code, site)
	}
}

// JSON that is not UTF-8 is refused, not filed with replacement characters,
// and the reply says where: by the field, or by the place in the body.
func TestJSONReportsThatAreNotUTF8(t *testing.T) {
	d := newDashboard(t)
	for _, field := range []string{"place", "description", "reporter"} {
		texts := map[string]string{"place": "x", "description": "x", "reporter": "x", field: "Caf\xe9"}
		body := fmt.Sprintf(`{"kind":"arson","severity":"low","district":3,"place":"%s","description":"%s","reporter":"%s"}`,
			texts["place"], texts["description"], texts["reporter"])
		reply := d.ask(t, http.MethodPost, "/api/crimes", jsonType, body)
		assert.Contains(t, []int{http.StatusBadRequest, http.StatusUnprocessableEntity}, reply.Code, field)
		assert.Regexp(t, field+"|column [0-9]+", decode[problem](t, reply).Detail)
	}
	reply := d.ask(t, http.MethodPost, "/api/crimes", jsonType, "{\"caf\xe9\": 1}")
	assert.Equal(t, http.StatusBadRequest, reply.Code, "in a name")
	assert.Contains(t, decode[problem](t, reply).Detail, "UTF-8")
	crimes, err := d.store.List(t.Context(), store.Filter{})
	require.NoError(t, err)
	assert.Empty(t, crimes)
}

func TestListWithFilters(t *testing.T) {
	d := newDashboard(t)
	for i := range 4 {
		c := sighting(fmt.Sprintf("Spot %d", i+1))
		if i%2 == 0 {
			c.Kind, c.District = "arson", 3
		}
		_, err := d.store.Report(t.Context(), c)
		require.NoError(t, err)
	}
	tests := map[string][]int64{
		"":                            {4, 3, 2, 1},
		"?kind=arson":                 {3, 1},
		"?severity=low&district=8":    {4, 2},
		"?q=spot+3":                   {3},
		"?limit=2":                    {4, 3},
		"?limit=2&before=3":           {2, 1},
		"?kind=&district=&severity=":  {4, 3, 2, 1},
		"?q=" + url.QueryEscape("谜题"): {4, 3, 2, 1},
	}
	for query, want := range tests {
		reply := d.get(t, "/api/crimes"+query)
		require.Equal(t, http.StatusOK, reply.Code, query)
		list := decode[crimeList](t, reply)
		ids := []int64{}
		for _, c := range list.Crimes {
			ids = append(ids, c.ID)
		}
		assert.Equal(t, want, ids, query)
		assert.Equal(t, d.hub.Cursor().String(), list.Cursor)
	}
	assert.Contains(t, d.get(t, "/api/crimes?kind=fraud").Body.String(), `"crimes":[]`, "an empty list is a list")
}

func TestBadQueriesNameTheParameter(t *testing.T) {
	d := newDashboard(t)
	for query, want := range map[string]struct {
		status int
		name   string
	}{
		"?district=abc":                {400, "district"},
		"?district=11":                 {422, "district"},
		"?district=0":                  {422, "district"},
		"?limit=many":                  {400, "limit"},
		"?limit=0":                     {422, "limit"},
		"?q=%00":                       {422, "q"},
		"?limit=-1":                    {422, "limit"},
		"?limit=201":                   {422, "limit"},
		"?before=1e9":                  {400, "before"},
		"?before=-4":                   {422, "before"},
		"?before=99999999999999999999": {400, "before"},
		"?kind=tickling":               {422, "kind"},
		"?severity=HIGH":               {422, "severity"},
		"?q=%FF":                       {400, "q"},
		"?q=" + strings.Repeat("x", store.MaxQuery+1): {422, "q"},
	} {
		reply := d.get(t, "/api/crimes"+query)
		require.Equal(t, want.status, reply.Code, "%s: %s", query, reply.Body)
		p := decode[problem](t, reply)
		assert.Contains(t, p.Detail, `"`+want.name+`"`, query)
		if want.status == http.StatusUnprocessableEntity {
			require.Len(t, p.Errors, 1, query)
			assert.Equal(t, []string{"query", want.name}, []string{p.Errors[0].In, p.Errors[0].Name})
		}
	}
	two := decode[problem](t, d.get(t, "/api/crimes?kind=tickling&district=11"))
	assert.Len(t, two.Errors, 2, "all that is wrong is said at once")
	assert.Equal(t, http.StatusBadRequest, d.get(t, "/api/crimes/seven").Code)
	missing := d.get(t, "/api/crimes/7")
	assert.Equal(t, http.StatusNotFound, missing.Code)
	assert.Equal(t, "no such crime", decode[problem](t, missing).Detail)
	assert.Equal(t, http.StatusMethodNotAllowed, d.ask(t, http.MethodPut, "/api/crimes/7", "", "").Code)
}

func TestStatsCountWhatWasReported(t *testing.T) {
	d := newDashboard(t)
	_, err := d.store.Report(t.Context(), sighting("Pier 19"))
	require.NoError(t, err)
	reply := d.get(t, "/api/stats")
	require.Equal(t, http.StatusOK, reply.Code)
	stats := decode[store.Stats](t, reply)
	assert.Equal(t, 1, stats.Total)
	assert.Equal(t, int64(1), stats.LastID)
	assert.Equal(t, 1, stats.BySeverity["low"])
	assert.Len(t, stats.ByDistrict, store.Districts)
	assert.NotContains(t, reply.Body.String(), `"ahead"`, "without a log, pages go by the ids")
}

func TestABrokenDatabaseIsNotExplainedToTheClient(t *testing.T) {
	d := newDashboard(t)
	require.NoError(t, d.store.Close())
	for _, reply := range []*httptest.ResponseRecorder{
		d.get(t, "/api/crimes"), d.get(t, "/api/crimes/1"), d.get(t, "/api/stats"),
		d.ask(t, http.MethodPost, "/api/crimes", jsonType, reportJSON(t, sighting("Pier 19"))),
	} {
		assert.Equal(t, http.StatusInternalServerError, reply.Code)
		assert.NotContains(t, reply.Body.String(), "sql")
	}
}

func TestAReportReachesListeners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDashboard(t)
		var events []streamed
		_, err := d.listen(t, "/live", "", func(e streamed) bool {
			events = append(events, e)
			if e.Event == "sse.hello" {
				reply := d.ask(t, http.MethodPost, "/api/crimes", jsonType, reportJSON(t, sighting("金门茶楼")))
				assert.Equal(t, http.StatusCreated, reply.Code)
			}
			return len(events) < 2
		})
		require.NoError(t, err)
		assert.Equal(t, "crime_alert", events[1].Event)
		var crime store.Crime
		require.NoError(t, events[1].DecodeJSON(&crime))
		assert.Equal(t, int64(1), crime.ID)
		assert.Equal(t, "金门茶楼", crime.Place)
		assert.Contains(t, events[1].Data, "谜题 & <riddle>")
	})
}

func TestLiveIsAliveWithoutCrimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDashboard(t)
		var names []string
		_, err := d.listen(t, "/live", "", func(e streamed) bool {
			names = append(names, e.Event)
			return len(names) < 3
		})
		require.NoError(t, err)
		assert.Equal(t, []string{"sse.hello", "ping", "ping"}, names)
	})
}

// The promise of the page: load the list, listen from its cursor, and every
// crime is in one or the other, whatever happens in between.
func TestNothingIsMissedBetweenListAndLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDashboard(t)
		desk := &desk{store: d.store, hub: d.hub}
		file := func(place string) {
			_, err := desk.file(t.Context(), sighting(place))
			require.NoError(t, err)
		}
		file("before")
		list := decode[crimeList](t, d.get(t, "/api/crimes"))
		require.Len(t, list.Crimes, 1)
		file("between")

		var places []string
		position := ""
		follow := func(until string) func(streamed) bool {
			return func(e streamed) bool {
				if e.Event != "crime_alert" {
					return true
				}
				var crime store.Crime
				require.NoError(t, e.DecodeJSON(&crime))
				places = append(places, crime.Place)
				position = e.ID
				if crime.Place == "between" {
					file("while listening")
				}
				return crime.Place != until
			}
		}
		_, err := d.listen(t, "/live?lastEventID="+list.Cursor, "", follow("while listening"))
		require.NoError(t, err)
		for i := range 3 {
			file(fmt.Sprintf("offline %d", i))
		}
		// The browser repeats the address with its old cursor; the header is newer.
		_, err = d.listen(t, "/live?lastEventID="+list.Cursor, position, follow("offline 2"))
		require.NoError(t, err)
		assert.Equal(t, []string{"between", "while listening", "offline 0", "offline 1", "offline 2"}, places)
	})
}

func TestAPositionThatMeansNothingIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDashboard(t)
		for _, position := range []string{"nonsense", "another.7", "x" + d.hub.Cursor().String()} {
			var first streamed
			_, err := d.listen(t, "/live", position, func(e streamed) bool {
				first = e
				return false
			})
			require.NoError(t, err)
			assert.Equal(t, "sse.gap", first.Event, position)
			assert.NotEmpty(t, object(t, first.Data)["reason"])
		}
	})
}

func TestAnnouncedEvenIfTheReporterHangsUp(t *testing.T) {
	d := newDashboard(t)
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	feed := d.hub.Subscribe(topic)
	desk := &desk{store: d.store, hub: d.hub}
	crime, err := desk.file(ctx, sighting("Pier 19"))
	require.NoError(t, err)
	hangUp()
	_, err = desk.file(ctx, sighting("Pier 20"))
	require.ErrorIs(t, err, context.Canceled, "too late to be filed at all")

	listening, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for message, err := range feed.Messages(listening) {
		require.NoError(t, err)
		if message.Event == "crime_alert" {
			var heard store.Crime
			require.NoError(t, message.DecodeJSON(&heard))
			assert.Equal(t, crime, heard)
			break
		}
	}
	assert.ErrorIs(t, d.hub.Close(), nil)
	_, err = desk.file(t.Context(), sighting("Pier 21"))
	assert.ErrorIs(t, err, sse.ErrHubClosed, "a crime that nobody hears of is an error")
}
