package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/examples/crimedash/store"
)

// The five streams run in a bubble of fake time, so that their true pace is
// what is tested.

func TestCountStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDashboard(t)
		start := time.Now()
		events := d.all(t, "/events", "")
		require.Len(t, events, 10)
		for i, e := range events {
			assert.Equal(t, fmt.Sprintf("事件 %d", i), e.Data)
			assert.Equal(t, strconv.Itoa(i), e.ID)
			assert.Empty(t, e.Event)
			assert.Equal(t, time.Duration(i)*time.Second, e.after)
		}
		assert.Equal(t, 10*time.Second, time.Since(start), "a pause follows the last one, too")
	})
}

func TestJSONStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDashboard(t)
		began := timestamp()
		events := d.all(t, "/events/json", "")
		require.Len(t, events, 5)
		for i, e := range events {
			assert.Equal(t, "update", e.Event)
			assert.Equal(t, strconv.Itoa(i), e.ID)
			assert.Equal(t, time.Duration(i)*2*time.Second, e.after)
			assert.Equal(t, map[string]any{"id": float64(i), "message": fmt.Sprintf("更新 %d", i),
				"timestamp": began + float64(2*i)}, object(t, e.Data))
			assert.Contains(t, e.Data, "更新", "not escaped")
		}
	})
}

func TestAsyncStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDashboard(t)
		start := time.Now()
		events := d.all(t, "/events/async", "")
		require.Len(t, events, 8)
		for i, e := range events {
			wait := time.Duration(i+1) * 500 * time.Millisecond
			assert.Equal(t, "async", e.Event)
			assert.Equal(t, strconv.Itoa(i), e.ID)
			assert.Equal(t, wait, e.after)
			assert.Equal(t, fmt.Sprintf("异步消息 %d - %s", i, start.Add(wait).Format("15:04:05")), e.Data)
		}
	})
}

func TestDatabaseStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDashboard(t)
		events := d.all(t, "/events/database", "")
		require.Len(t, events, 10)
		for i, e := range events {
			severity := "低"
			if i%2 == 0 {
				severity = "高"
			}
			assert.Equal(t, "crime_alert", e.Event)
			assert.Equal(t, strconv.Itoa(i), e.ID)
			assert.Equal(t, time.Duration(i+1)*300*time.Millisecond, e.after)
			data := object(t, e.Data)
			assert.IsType(t, 0.0, data["timestamp"])
			delete(data, "timestamp")
			assert.Equal(t, map[string]any{"crime_id": float64(i), "location": fmt.Sprintf("哥谭市第%d区", i), "severity": severity}, data)
		}
	})
}

func TestAPIStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDashboard(t)
		events := d.all(t, "/events/api", "")
		require.Len(t, events, 5)
		for i, e := range events {
			if i == 2 {
				assert.Equal(t, "error", e.Event)
				assert.Equal(t, "error_2", e.ID)
				assert.Equal(t, "获取数据错误: 503 Service Unavailable", e.Data)
				continue
			}
			assert.Equal(t, "api_update", e.Event)
			assert.Equal(t, strconv.Itoa(i), e.ID)
			assert.Equal(t, float64(i), object(t, e.Data)["id"])
		}
		assert.Equal(t, time.Second+120*time.Millisecond, events[4].after-events[3].after)
	})
}

func TestStreamsResume(t *testing.T) {
	tests := map[string]struct {
		path, last string
		want       []string
	}{
		"count":                        {"/events", "6", []string{"7", "8", "9"}},
		"json":                         {"/events/json", "2", []string{"3", "4"}},
		"async":                        {"/events/async", "5", []string{"6", "7"}},
		"database":                     {"/events/database", "8", []string{"9"}},
		"api":                          {"/events/api", "0", []string{"1", "error_2", "3", "4"}},
		"api, after a failure":         {"/events/api", "error_2", []string{"3", "4"}},
		"a number that was never ours": {"/events/json", "77", []string{"0", "1", "2", "3", "4"}},
		"a negative number":            {"/events/json", "-1", []string{"0", "1", "2", "3", "4"}},
		"nonsense":                     {"/events/json", "x'; DROP TABLE", []string{"0", "1", "2", "3", "4"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDashboard(t)
				var ids []string
				for _, e := range d.all(t, test.path, test.last) {
					ids = append(ids, e.ID)
				}
				assert.Equal(t, test.want, ids)
			})
		})
	}
}

func TestStreamsStopAClientThatHasEverything(t *testing.T) {
	for path, last := range map[string]string{"/events": "9", "/events/json": "4", "/events/async": "7", "/events/database": "9", "/events/api": "4"} {
		d := newDashboard(t)
		reply := d.get(t, path+"?lastEventID="+last)
		assert.Equal(t, http.StatusNoContent, reply.Code, path)
	}
}

func TestStreamsEndWithTheirClient(t *testing.T) {
	for _, path := range []string{"/events", "/events/json", "/events/async", "/events/database", "/events/api"} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // a goroutine left behind would fail the bubble
				d := newDashboard(t)
				start := time.Now()
				_, err := d.listen(t, path, "", func(streamed) bool { return false })
				assert.NoError(t, err)
				assert.Less(t, time.Since(start), time.Second, "nobody waits for the next event")
			})
		})
	}
}

func TestDatabaseStreamThatFailsSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDashboard(t)
		var last streamed
		_, err := d.listen(t, "/events/database", "", func(e streamed) bool {
			if e.ID == "3" {
				require.NoError(t, d.store.Close())
			}
			last = e
			return true
		})
		assert.Error(t, err, "the body must not end as if all had been said")
		assert.Equal(t, "error", last.Event)
		assert.NotContains(t, last.Data, "sql", "the cause is for the log")
	})
}

func TestFetch(t *testing.T) {
	tests := map[string]struct {
		handler http.HandlerFunc
		want    string
		wantErr string
	}{
		"success":     {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{\n \"id\": 1\n}") }, `{"id":1}`, ""},
		"status":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, "", "418 I'm a teapot"},
		"no JSON":     {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, "", "unreadable reply"},
		"empty":       {func(http.ResponseWriter, *http.Request) {}, "", "unreadable reply"},
		"never comes": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "", "deadline exceeded"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := fetch(t.Context(), remoteClient(test.handler), 1)
				assert.Equal(t, test.want, got)
				if test.wantErr == "" {
					assert.NoError(t, err)
				} else {
					assert.ErrorContains(t, err, test.wantErr)
				}
			})
		})
	}
}

func TestStandInRefusesWhatIsNoRecord(t *testing.T) {
	resp, err := remoteClient(standIn{}).Get(remoteBase + "seven")
	require.NoError(t, err)
	assert.Equal(t, http.StatusNotFound, resp.StatusCode)
	assert.NoError(t, resp.Body.Close())
}

func TestSimulatorReportsAtItsPaceAndStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var times []time.Duration
		start := time.Now()
		reported := func(_ context.Context, c store.NewCrime) (store.Crime, error) {
			assert.NotEmpty(t, c.Description)
			times = append(times, time.Since(start))
			return store.Crime{}, errors.New("the disk is full") // and yet it goes on
		}
		s := newSimulator(pace(4*time.Second), reported)
		s.start()
		time.Sleep(10 * time.Minute)
		s.stop()
		n := len(times)
		assert.InDelta(t, 150, n, 30)
		for i := 1; i < n; i++ {
			gap := times[i] - times[i-1]
			require.GreaterOrEqual(t, gap, 2*time.Second)
			require.LessOrEqual(t, gap, 6*time.Second)
		}
		time.Sleep(time.Minute)
		assert.Len(t, times, n, "stopped is stopped")
		s.stop() // again
	})
}

func TestSimulatorThatNeverStartedStops(t *testing.T) {
	newSimulator(defaultPace, nil).stop()
}

func object(t *testing.T, data string) map[string]any {
	t.Helper()
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(data), &v), data)
	return v
}
