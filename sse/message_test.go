package sse

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMessageBuilders(t *testing.T) {
	base := Text("payload")
	changed := base.WithEvent("alert").WithID("7").WithRetry(time.Second)
	assert.Equal(t, Message{Data: "payload"}, base, "the With methods change a copy")
	assert.Equal(t, Message{Data: "payload", Event: "alert", ID: "7", Retry: time.Second}, changed)
	assert.Equal(t, base, changed.WithEvent("").WithID("").WithRetry(0), "zero takes each of them back")
}

func TestJSONMessage(t *testing.T) {
	type crime struct {
		Kind string `json:"kind"`
		Note string `json:"note"`
	}
	for _, tc := range []struct {
		name  string
		value any
		want  string
	}{
		{"object", crime{"riddle", "<b>\n谜语人"}, `{"kind":"riddle","note":"<b>\n谜语人"}`},
		{"nil slice is a list", []crime(nil), `[]`},
		{"nil", nil, `null`},
		{"string", "x", `"x"`},
		{"raw", json.RawMessage(`{"a":1}`), `{"a":1}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := JSON(tc.value)
			require.NoError(t, m.Validate())
			assert.Equal(t, tc.want, m.Data)
		})
	}
}

type refusesJSON struct{ cause error }

func (r refusesJSON) MarshalJSON() ([]byte, error) { return nil, r.cause }

func TestJSONMessageCarriesItsError(t *testing.T) {
	cause := errors.New("vault is shut")
	m := JSON(refusesJSON{cause}).WithEvent("e").WithID("1").WithRetry(time.Second)

	err := m.Validate()
	var fault *FieldError
	require.ErrorAs(t, err, &fault)
	assert.Equal(t, "data", fault.Field)
	assert.Equal(t, http.StatusInternalServerError, fault.StatusCode())
	require.ErrorIs(t, err, cause, "the cause stays reachable through every With")
	assert.Contains(t, err.Error(), "vault is shut")

	dst, err := m.AppendTo([]byte("before"))
	require.ErrorIs(t, err, cause)
	assert.Equal(t, "before", string(dst))

	assert.Equal(t, "sse: message data cannot be encoded as JSON: json: unsupported type: chan int",
		JSON(make(chan int)).Validate().Error())
}

func TestValidate(t *testing.T) {
	for _, tc := range []struct {
		name string
		m    Message
		want string // "" for valid
	}{
		{"zero value", Message{}, ""},
		{"everything", Message{Data: "a\r\nb\rc\n", Event: "alert", ID: "1", Retry: time.Second}, ""},
		{"Chinese everywhere", Message{Data: "事件", Event: "警报", ID: "一"}, ""},
		{"U+FFFD is a character like others", Message{Data: "\uFFFD", Event: "\uFFFD", ID: "\uFFFD"}, ""},
		{"NUL in data", Message{Data: "a\x00b"}, ""},
		{"NUL in event", Message{Event: "a\x00b"}, ""},
		{"tab in event and id", Message{Event: "a\tb", ID: "a\tb"}, ""},
		{"reset", Message{}.WithIDReset(), ""},
		{"largest retry", Message{Retry: math.MaxInt64}, ""},

		{"LF in event", Message{Event: "a\ndata: x"}, "event contains a line break at byte 1"},
		{"CR in event", Message{Event: "ab\rdata: x"}, "event contains a line break at byte 2"},
		{"CR LF in event", Message{Event: "警\r\n"}, "event contains a line break at byte 3"},
		{"LF in id", Message{ID: "\nid: 2"}, "id contains a line break at byte 0"},
		{"CR in id", Message{ID: "1\r"}, "id contains a line break at byte 1"},
		{"NUL in id", Message{ID: "12\x00"}, "id contains a NUL at byte 2"},
		{"negative retry", Message{Retry: -time.Nanosecond}, "retry is negative (-1ns)"},
		{"bad UTF-8 in data", Message{Data: "\uFFFDab\xff"}, "data is not valid UTF-8 at byte 5"},
		{"bad UTF-8 far into data", Message{Data: strings.Repeat("x", 1000) + "\xe4\xba"}, "data is not valid UTF-8 at byte 1000"},
		{"bad UTF-8 in event", Message{Event: "\xc0\xaf"}, "event is not valid UTF-8 at byte 0"},
		{"bad UTF-8 in id", Message{ID: "a\xed\xa0\x80"}, "id is not valid UTF-8 at byte 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.m.Validate()
			dst, appendErr := tc.m.AppendTo([]byte("before"))
			assert.Equal(t, err, appendErr, "AppendTo and Validate agree")
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, "sse: message "+tc.want)
			var fault *FieldError
			require.ErrorAs(t, err, &fault)
			assert.Equal(t, strings.Fields(tc.want)[0], fault.Field)
			assert.Equal(t, "before", string(dst), "nothing is written")
		})
	}
}

func TestDecodeJSON(t *testing.T) {
	var v struct {
		District int `json:"district"`
		Extra    any `json:"extra"`
	}
	require.NoError(t, Text(`{"district":3,"extra":12345678901234567890,"more":1}`).DecodeJSON(&v))
	assert.Equal(t, 3, v.District)
	assert.Equal(t, json.Number("12345678901234567890"), v.Extra, "no digit is lost")

	for _, tc := range []struct{ name, data, want string }{
		{"empty", "", "data is empty, where JSON was expected"},
		{"type", "{\n\"district\": \"x\"}", "data cannot be decoded as JSON: line 2, column 13: district: expected a whole number, got a string"},
		{"trailing", `{} {}`, "data cannot be decoded as JSON: line 1, column 4: unexpected text after the JSON value"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			assert.EqualError(t, Text(tc.data).DecodeJSON(&v), "sse: message "+tc.want)
		})
	}
}
