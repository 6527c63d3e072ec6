package websocket

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

func TestEnvelopes(t *testing.T) {
	for _, test := range []struct {
		name, topic string
		m           sse.Message
		want        string
	}{
		{"text", "cave", sse.Text("hello"), `{"topic":"cave","data":"hello"}`},
		{"all fields", "cave", sse.Text("x").WithEvent("chat").WithID("e.7"), `{"topic":"cave","event":"chat","id":"e.7","data":"x"}`},
		{"object", "cave", sse.Text(`{"a":[1,2]}`), `{"topic":"cave","data":{"a":[1,2]}}`},
		{"array after spaces", "cave", sse.Text(" [1]\n"), `{"topic":"cave","data": [1]` + "\n}"},
		{"a number is text", "cave", sse.Text("42"), `{"topic":"cave","data":"42"}`},
		{"broken JSON is text", "cave", sse.Text(`{"a":`), `{"topic":"cave","data":"{\"a\":"}`},
		{"empty", "", sse.Message{Event: "sse.hello", ID: "e.1"}, `{"event":"sse.hello","id":"e.1","data":""}`},
		{"to be escaped", "ca\"ve", sse.Text("a\nb\\ 事件\u2028").WithEvent("事"), `{"topic":"ca\"ve","event":"事","data":"a\nb\\ 事件` + "\\u2028" + `"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := string(appendEnvelope(nil, test.topic, test.m))
			assert.Equal(t, test.want, got)
			var e Envelope
			require.NoError(t, json.Unmarshal([]byte(got), &e))
			assert.Equal(t, test.topic, e.Topic)
			assert.Equal(t, test.m.Event, e.Event)
			assert.Equal(t, test.m.ID, e.ID)
			if !structured(test.m.Data) {
				assert.Equal(t, test.m.Data, e.Text())
			}
		})
	}
}

func FuzzEnvelope(f *testing.F) {
	for _, data := range []string{"", "x", `{"a":1}`, "[", "[]]", "{}\x00", "\"", "事件\u2028", " {} "} {
		f.Add("topic", "event", data)
	}
	f.Fuzz(func(t *testing.T, topic, event, data string) {
		m := sse.Text(data).WithEvent(event)
		if m.Validate() != nil || topic != strings.ToValidUTF8(topic, "") {
			t.Skip()
		}
		var e Envelope
		envelope := appendEnvelope(nil, topic, m)
		require.NoError(t, json.Unmarshal(envelope, &e), "%s", envelope)
		require.Equal(t, topic, e.Topic)
		require.Equal(t, event, e.Event)
		if structured(data) {
			require.JSONEq(t, data, string(e.Data))
		} else {
			require.Equal(t, data, e.Text())
		}
	})
}
