package websocket

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTyped(t *testing.T) {
	type question struct{ A, B int }
	type answer struct{ Sum int }
	synctest.Test(t, func(t *testing.T) {
		h, reports := serve(new(Server), JSON(func(conn Typed[question, answer]) error {
			first, err := conn.Read(t.Context())
			require.NoError(t, err)
			require.NoError(t, conn.Post(answer{first.A + first.B}))
			strikes := 0
			for q, err := range conn.Messages() {
				if err != nil {
					if strikes++; strikes == 2 {
						return err
					}
					continue
				}
				require.NoError(t, conn.Send(answer{q.A + q.B}))
			}
			return nil
		}))
		c := dial(t, h, nil)
		for i := range 3 {
			require.NoError(t, c.SendJSON(question{i, 1}))
			var got answer
			require.NoError(t, c.ReadJSON(t.Context(), &got))
			assert.Equal(t, answer{i + 1}, got)
			if i == 1 {
				require.NoError(t, c.SendText("not JSON"))
			}
		}
		require.NoError(t, c.SendText(`{"A": "one"}`))
		_, err := c.Read(t.Context())
		end, _ := errors.AsType[*CloseError](err)
		require.NotNil(t, end)
		assert.Equal(t, InvalidPayload, end.Code)
		assert.LessOrEqual(t, len(end.Reason), maxReason)
		assert.Equal(t, Completed, (<-reports).Reason)
	})
}

func TestMessage(t *testing.T) {
	var v any
	require.NoError(t, TextMessage(`12345678901234567890`).JSON(&v))
	assert.Equal(t, "12345678901234567890", v.(interface{ String() string }).String())
	m, err := JSONMessage([]string(nil))
	require.NoError(t, err)
	assert.Equal(t, Message{Text, []byte("[]")}, m)
	_, err = JSONMessage(func() {})
	assert.Error(t, err)
	assert.Equal(t, "text binary Kind(3)", Text.String()+" "+Binary.String()+" "+Kind(3).String())
}

func TestClip(t *testing.T) {
	long := make([]byte, 200)
	for i := range long {
		long[i] = 'x'
	}
	for _, tc := range []struct{ in, want string }{
		{"", ""}, {"short", "short"}, {string(long[:123]), string(long[:123])}, {string(long), string(long[:123])},
		{string(long[:122]) + "é", string(long[:122])}, {"a\xffb", "a\uFFFDb"},
	} {
		assert.Equal(t, tc.want, clip(tc.in))
	}
}
