package jetstream

import (
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTopicsInSubjects(t *testing.T) {
	for topic, subject := range map[string]string{
		"crimes":          "crimes",
		"crimes.gotham.1": "crimes.gotham.1",
		"orders/1:a":      "orders/1:a",
		".":               "%2E",
		"..":              "%2E%2E",
		"...":             "%2E.%2E",
		".a":              "%2Ea",
		"a.":              "a%2E",
		"a..b":            "a.%2Eb",
		"*":               "%2A",
		"a.>":             "a.%3E",
		"two words":       "two%20words",
		"100%":            "100%25",
		"罪":               "%E7%BD%AA",
	} {
		assert.Equal(t, subject, string(appendTopic(nil, topic)))
		assert.Equal(t, topic, unescape(subject))
	}
}

func TestForeignEscapesStayAsTheyAre(t *testing.T) {
	for _, text := range []string{"%", "a%", "%2", "%zz", "%g0", "%2g"} {
		assert.Equal(t, text, unescape(text))
	}
	assert.Equal(t, ".", unescape("%2e"), "lower case is fine")
}

func FuzzTopicInSubject(f *testing.F) {
	for _, topic := range []string{"crimes", "a.b", ".", "..a..", "*", ">", " ", "%2E", "é", "\xff", strings.Repeat(".", 255)} {
		f.Add(topic)
	}
	f.Fuzz(func(t *testing.T, topic string) {
		if topic == "" {
			return
		}
		subject := string(appendTopic(nil, topic))
		require.Equal(t, topic, unescape(subject))
		require.True(t, server.IsValidLiteralSubject(subject), "%q", subject)
		require.Less(t, strings.IndexFunc(subject, func(r rune) bool { return r <= ' ' || r >= 0x7f }), 0)
	})
}

func FuzzHeaderValue(f *testing.F) {
	for _, value := range []string{"", "crime_alert", " a ", "a\tb", "%", "%~", "🦇", "a: b"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		escaped := escapeHeader(value)
		require.Equal(t, value, unescape(escaped))
		require.False(t, strings.HasPrefix(escaped, ownID), "it could be taken for an id of the package's own")
		require.Less(t, strings.IndexFunc(escaped, func(r rune) bool { return r <= ' ' || r >= 0x7f }), 0)
	})
}

func TestOptionsAreChecked(t *testing.T) {
	for want, opt := range map[string]Option{
		"jetstream: the name of the stream is empty":                                          Stream(""),
		`jetstream: stream name "a.b": byte 1 may not be in the name of a stream`:             Stream("a.b"),
		`jetstream: prefix "": want tokens that are not empty, with dots between them`:        Prefix(""),
		`jetstream: prefix "a..b": want tokens that are not empty, with dots between them`:    Prefix("a..b"),
		`jetstream: prefix "a.*": token "*" holds a character that no subject may have`:       Prefix("a.*"),
		`jetstream: prefix "$JS.x": subjects that begin so belong to NATS itself`:             Prefix("$JS.x"),
		"jetstream: Replicas(6): want 1 to 5":                                                 Replicas(6),
		"jetstream: Patience(0s): want more than nothing":                                     Patience(0),
		"jetstream: a bound is negative; 0 stands for none":                                   MaxBytes(-1),
		"jetstream: DuplicateWindow(1ns): want 100ms at least":                                DuplicateWindow(1),
		"jetstream: Sync, MaxPayload and ServerLog are for Embedded: they set up a server":    Sync(0),
		"jetstream: Sync(-1ns): want 0, which is before each acknowledgement, or an interval": Sync(-1),
		"jetstream: MaxPayload(1): want 1 KiB to 64 MiB":                                      MaxPayload(1),
	} {
		_, err := Connect(t.Context(), "nats://127.0.0.1:1", opt)
		assert.EqualError(t, err, want)
	}
}
