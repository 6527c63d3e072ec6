package fanout

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAClientThatResetsBeforeItsAnswerEndsOnce(t *testing.T) {
	transports(t, func(t *testing.T, tr Transport) {
		server, client := pair(t)
		ended := make(chan End, 2)
		var g Group
		_, err := tr.Park(server, Parking{
			Config: &Config{}, Group: &g, Feed: &feed{source: &source{}},
			Heard: func(p []byte) ([]byte, error) {
				if len(p) > 0 {
					assert.NoError(t, client.SetLinger(0))
					assert.NoError(t, client.Close())
				}
				return []byte("answer"), nil
			},
			Ended: func(e End) { ended <- e },
		})
		require.NoError(t, err)
		_, err = client.Write([]byte("question"))
		require.NoError(t, err)
		select {
		case e := <-ended:
			assert.ErrorIs(t, e.Cause, ErrGone)
		case <-time.After(patience):
			t.Fatal("it does not end")
		}
		tr.Wait()
		assert.Empty(t, ended, "its end is told once")
	})
}
