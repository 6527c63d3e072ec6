package websocket

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEcho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, reports := serve(new(Server), echo)
		c := dial(t, h, nil)
		require.NoError(t, c.SendText("to the bat cave"))
		assert.Equal(t, "to the bat cave", read(t, c))
		require.NoError(t, c.Close(NormalClosure, "good night"))
		report := <-reports
		assert.Equal(t, Closed, report.Reason)
		assert.Equal(t, NormalClosure, report.Code)
		assert.Equal(t, "good night", report.CloseReason)
		assert.True(t, report.Remote)
		assert.EqualValues(t, 1, report.MessagesIn)
	})
}
