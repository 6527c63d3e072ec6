package websocket

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	coder "github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sizes are those at which lengths, buffers and compression change.
var sizes = []int{0, 1, 125, 126, 505, 511, 512, 513, 4095, 4096, 4097, 16383, 16384, 16385, 65535, 65536, 300000, 1 << 20}

var coderModes = map[string]coder.CompressionMode{
	"plain": coder.CompressionDisabled, "compressed": coder.CompressionNoContextTakeover,
}

// Another implementation talks to our server.
func TestInteropServer(t *testing.T) {
	for name, mode := range coderModes {
		t.Run(name, func(t *testing.T) {
			h, reports := serve(&Server{Compression: true, Subprotocols: []string{"echo"}}, echo)
			server := httptest.NewServer(h)
			defer server.Close()
			c, _, err := coder.Dial(t.Context(), server.URL, &coder.DialOptions{CompressionMode: mode, CompressionThreshold: 1, Subprotocols: []string{"echo"}})
			require.NoError(t, err)
			c.SetReadLimit(-1)
			assert.Equal(t, "echo", c.Subprotocol())
			for _, size := range sizes {
				data := bytes.Repeat([]byte("Gotham "), size/7+1)[:size]
				for _, kind := range []coder.MessageType{coder.MessageText, coder.MessageBinary} {
					require.NoError(t, c.Write(t.Context(), kind, data))
					gotKind, got, err := c.Read(t.Context())
					require.NoError(t, err)
					assert.Equal(t, kind, gotKind)
					assert.True(t, bytes.Equal(data, got), "%d bytes", size)
				}
			}
			w, err := c.Writer(t.Context(), coder.MessageText) // in fragments
			require.NoError(t, err)
			for i := range 1000 {
				_, err = fmt.Fprint(w, i, " ")
				require.NoError(t, err)
			}
			require.NoError(t, w.Close())
			_, got, err := c.Read(t.Context())
			require.NoError(t, err)
			assert.True(t, strings.HasSuffix(string(got), " 998 999 "))
			alone := c.CloseRead(t.Context())
			require.NoError(t, c.Ping(alone))
			require.NoError(t, c.Close(coder.StatusCode(4001), "enough"))
			report := <-reports
			assert.Equal(t, Code(4001), report.Code)
			assert.Equal(t, "enough", report.CloseReason)
			assert.EqualValues(t, 2*len(sizes)+1, report.MessagesIn)
		})
	}
}

// Our client talks to another implementation.
func TestInteropClient(t *testing.T) {
	for name, mode := range coderModes {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c, err := coder.Accept(w, r, &coder.AcceptOptions{CompressionMode: mode, CompressionThreshold: 1, Subprotocols: []string{"echo"}})
				if err != nil {
					return
				}
				c.SetReadLimit(-1)
				for {
					kind, data, err := c.Read(context.Background())
					if err != nil {
						return
					}
					if string(data) == "close" {
						_ = c.Close(4002, "as you like")
						return
					}
					if err := c.Write(context.Background(), kind, data); err != nil {
						return
					}
				}
			}))
			defer server.Close()
			c, _, err := Dial(t.Context(), server.URL, &DialOptions{Compression: true, Subprotocols: []string{"echo"}})
			require.NoError(t, err)
			assert.Equal(t, name == "compressed", c.Compressed())
			assert.Equal(t, "echo", c.Subprotocol())
			for _, size := range sizes {
				data := bytes.Repeat([]byte("Gotham "), size/7+1)[:size]
				require.NoError(t, c.SendBinary(data))
				m, err := c.Read(t.Context())
				require.NoError(t, err)
				assert.True(t, bytes.Equal(data, m.Data), "%d bytes", size)
			}
			w, err := c.Writer(Text)
			require.NoError(t, err)
			for i := range 3000 {
				_, err = fmt.Fprint(w, i, " ")
				require.NoError(t, err)
			}
			require.NoError(t, w.Close())
			assert.True(t, strings.HasSuffix(read(t, c), " 2998 2999 "))
			require.NoError(t, c.SendText("close"))
			_, err = c.Read(t.Context())
			assert.Equal(t, &CloseError{Code: 4002, Reason: "as you like", Remote: true}, err)
			assert.Equal(t, err, c.Close(NormalClosure, ""))
		})
	}
}
