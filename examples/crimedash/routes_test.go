package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/examples/crimedash/store"
)

func TestTheAPIIsDocumented(t *testing.T) {
	d := newDashboard(t)
	assert.Equal(t, http.StatusOK, d.get(t, "/docs").Code)
	var document struct {
		Paths map[string]map[string]struct {
			Security   []map[string][]string `json:"security"`
			Parameters []struct {
				Name   string `json:"name"`
				Schema struct {
					Enum []string `json:"enum"`
				} `json:"schema"`
			} `json:"parameters"`
			Responses map[string]json.RawMessage `json:"responses"`
		} `json:"paths"`
	}
	reply := d.get(t, "/openapi.json")
	require.Equal(t, http.StatusOK, reply.Code)
	require.NoError(t, json.Unmarshal(reply.Body.Bytes(), &document))
	for path, methods := range map[string][]string{
		"/api/crimes": {"get", "post"}, "/api/crimes/{id}": {"get", "patch", "delete"}, "/api/crimes.csv": {"get"},
		"/api/stats": {"get"}, "/api/token": {"post"}, "/api/session": {"get"}, "/report": {"post"}, "/photos/{name}": {"get"}, "/live": {"get"},
	} {
		for _, method := range methods {
			assert.Contains(t, document.Paths[path], method, path)
		}
	}
	assert.NotContains(t, document.Paths, "/login", "pages are no API")

	removal := document.Paths["/api/crimes/{id}"]["delete"]
	assert.NotEmpty(t, removal.Security)
	for _, status := range []string{"204", "401", "403", "404"} {
		assert.Contains(t, removal.Responses, status)
	}
	for _, parameter := range document.Paths["/api/crimes"]["get"].Parameters {
		switch parameter.Name { // tags cannot refer to what the store knows
		case "kind":
			assert.Equal(t, store.Kinds(), parameter.Schema.Enum)
		case "severity":
			assert.Equal(t, store.Severities(), parameter.Schema.Enum)
		}
	}
}

// The rules are written twice, in the store and in tags for the documents: both know the
// same codes and bounds.
func TestTheTagsKnowTheRulesOfTheStore(t *testing.T) {
	d := newDashboard(t)
	try := func(change func(*store.NewCrime)) int {
		crime := sighting("Pier 19")
		change(&crime)
		return d.ask(t, http.MethodPost, "/api/crimes", jsonType, reportJSON(t, crime)).Code
	}
	for _, kind := range store.Kinds() {
		assert.Equal(t, http.StatusCreated, try(func(c *store.NewCrime) { c.Kind = kind }), kind)
	}
	for _, severity := range store.Severities() {
		assert.Equal(t, http.StatusCreated, try(func(c *store.NewCrime) { c.Severity = severity }), severity)
	}
	assert.Equal(t, http.StatusCreated, try(func(c *store.NewCrime) { c.District = store.Districts }))
	longest := func(n int) string {
		text := make([]rune, n)
		for i := range text {
			text[i] = '界'
		}
		return string(text)
	}
	assert.Equal(t, http.StatusCreated, try(func(c *store.NewCrime) {
		c.Place, c.Description, c.Reporter = longest(store.MaxPlace), longest(store.MaxDescription), longest(store.MaxReporter)
	}))
	for _, status := range store.Statuses() {
		reply := d.as(t, "gordon").Patch("/api/crimes/1", map[string]string{"status": status})
		assert.Equal(t, http.StatusOK, reply.Status, status)
	}
	assert.Equal(t, http.StatusOK, d.get(t, "/api/crimes?limit=200&q="+longest(store.MaxQuery)).Code)
}
