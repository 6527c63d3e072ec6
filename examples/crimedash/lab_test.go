package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

// newLaboratory is a dashboard with crimes on file and a lab of that pace.
func newLaboratory(t *testing.T, pace time.Duration, crimes int) dashboard {
	t.Helper()
	file, hub := emptyCity(t), sse.NewHub()
	t.Cleanup(func() { assert.NoError(t, hub.Close()) })
	app, err := newApp(config{Store: file, Hub: hub, LabPace: pace}, redstart.WithLogger(zerolog.Nop()))
	require.NoError(t, err)
	for i := range crimes {
		_, err := file.Report(t.Context(), sighting("Pier "+strconv.Itoa(i)))
		require.NoError(t, err)
	}
	return dashboard{app, file, hub}
}

// An examination goes on without whoever asked for it, and is followed from its beginning
// or from where a page was cut off.
func TestAnExaminationIsFollowed(t *testing.T) {
	d := newLaboratory(t, time.Millisecond, 1)
	robin := d.as(t, "robin")
	reply := robin.Post("/api/crimes/1/examinations", nil)
	require.Equal(t, http.StatusAccepted, reply.Status, reply.Body)
	var begun examination
	require.NoError(t, reply.JSON(&begun))
	assert.Equal(t, "/api/examinations/"+begun.Job+"/live", begun.Live)
	assert.Equal(t, begun.Live, reply.Header.Get("Location"))

	follow := func(from string) (percents []int, ids []string) {
		_, err := d.listen(t, begun.Live, from, func(e streamed) bool {
			if e.Event != labEvent && e.Event != labDoneEvent {
				return true
			}
			var state labProgress
			require.NoError(t, json.Unmarshal([]byte(e.Data), &state))
			assert.EqualValues(t, 1, state.Crime)
			assert.Equal(t, state.Percent == 100, state.Finding != "")
			percents, ids = append(percents, state.Percent), append(ids, e.ID)
			return e.Event != labDoneEvent
		})
		require.NoError(t, err)
		return percents, ids
	}
	var want []int
	for percent := 0; percent <= 100; percent += labStep {
		want = append(want, percent)
	}
	percents, ids := follow("")
	assert.Equal(t, want, percents)
	rest, _ := follow(ids[9])
	assert.Equal(t, want[10:], rest, "it resumes behind what was seen")

	again := robin.Post("/api/crimes/1/examinations", nil)
	var second examination
	require.NoError(t, again.JSON(&second))
	assert.NotEqual(t, begun.Job, second.Job, "the first has ended")
	begun = second
	follow("")
}

func TestExaminationsThatAreRefused(t *testing.T) {
	d := newLaboratory(t, time.Millisecond, 1)
	robin := d.as(t, "robin")
	assert.Equal(t, http.StatusUnauthorized, d.browser(t).Post("/api/crimes/1/examinations", nil).Status)
	for target, want := range map[string]struct {
		status int
		detail string
	}{
		"/api/crimes/99/examinations":  {404, "no such crime"},
		"/api/crimes/x/examinations":   {400, `path parameter "id"`},
		"/api/crimes/-1/examinations":  {404, "no such crime"},
		"/api/crimes/1e3/examinations": {400, `path parameter "id"`},
	} {
		reply := robin.Post(target, nil)
		assert.Equal(t, want.status, reply.Status, target)
		assert.Contains(t, reply.Body, jsonText(want.detail), target)
	}
	for _, job := range []string{"x", "../1", "JOKERJOKERJOKERJOKERJOKERA", "jokerjokerjokerjokerjokera1"} {
		assert.Equal(t, http.StatusNotFound, robin.Get("/api/examinations/"+job+"/live").Status, job)
	}
}

// jsonText is a text as it stands within JSON.
func jsonText(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted[1 : len(quoted)-1])
}

// told is a broker that calls back before it takes a message.
type told struct {
	*sse.MemoryBroker
	before func(sse.Message)
}

func (b told) Publish(ctx context.Context, topic string, m sse.Message) (sse.Ack, error) {
	b.before(m)
	return b.MemoryBroker.Publish(ctx, topic, m)
}

// Whoever hears that an examination has ended, and asks for another, gets another.
func TestABenchIsFreeWhenTheEndIsTold(t *testing.T) {
	d := newLaboratory(t, 0, 1)
	synctest.Test(t, func(t *testing.T) {
		var lab *lab
		var events []string
		broker := told{sse.NewMemoryBroker(0), func(m sse.Message) {
			lab.mu.Lock()
			defer lab.mu.Unlock()
			if events = append(events, m.Event); m.Event == labDoneEvent {
				assert.Empty(t, lab.jobs)
			}
		}}
		hub := sse.NewHub(sse.Over(broker))
		lab = newLab(&desk{store: d.store, hub: hub}, time.Second)
		_, err := lab.examine(t.Context(), &crimeID{1})
		require.NoError(t, err)
		lab.running.Wait()
		assert.Equal(t, labDoneEvent, events[len(events)-1])
		require.NoError(t, hub.Close())
		require.NoError(t, broker.Close())
	})
}

// The benches are few, one crime is on one of them, and the end of the program is said.
func TestTheLabHasFewBenches(t *testing.T) {
	d := newLaboratory(t, 0, labBenches+1)
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub()
		lab := newLab(&desk{store: d.store, hub: hub}, time.Hour)
		ctx := context.Background()
		jobs := map[string]bool{}
		for i := range labBenches {
			for range 2 {
				begun, err := lab.examine(ctx, &crimeID{int64(i + 1)})
				require.NoError(t, err)
				jobs[begun.Job] = true
			}
		}
		assert.Len(t, jobs, labBenches)
		_, err := lab.examine(ctx, &crimeID{labBenches + 1})
		require.ErrorContains(t, err, fmt.Sprintf("%d cases on its benches", labBenches))
		assert.Equal(t, http.StatusServiceUnavailable, redstart.StatusOf(err))

		lab.stop()
		for job := range jobs {
			var last string
			for message, err := range hub.Subscribe(labPrefix + job).FromStart().Messages(t.Context()) {
				require.NoError(t, err)
				if last = message.Event; last == labOverEvent {
					break
				}
			}
			assert.Equal(t, labOverEvent, last)
		}
		_, err = lab.examine(ctx, &crimeID{1})
		assert.ErrorContains(t, err, "the laboratory is closing")
		require.NoError(t, hub.Close())
	})
}
