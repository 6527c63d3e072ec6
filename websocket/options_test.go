package websocket

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is said of one conversation goes before what its server has.
func TestOptionsGoBeforeTheServer(t *testing.T) {
	for _, on := range []bool{true, false} {
		h, _ := serve(&Server{Compression: !on}, echo, Compression(on))
		c := dial(t, h, &DialOptions{Compression: true})
		assert.Equal(t, on, c.Compressed())
		require.NoError(t, c.Close(NormalClosure, ""))
	}

	h, _ := serve(&Server{}, echo, Origins("https://gotham.city"))
	from := func(origin string) *DialOptions { return &DialOptions{Header: http.Header{"Origin": {origin}}} }
	require.NoError(t, dial(t, h, from("https://gotham.city")).Close(NormalClosure, ""))
	opts := from("https://joker.example")
	opts.Handler = h
	_, reply, err := Dial(t.Context(), "ws://gotham.city", opts)
	require.Error(t, err)
	require.NotNil(t, reply)
	assert.Equal(t, http.StatusForbidden, reply.StatusCode)
}
