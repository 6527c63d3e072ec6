package sse_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
)

func ExampleRecord() {
	stream := sse.NewStream(func(yield func(sse.Message) bool) {
		_ = yield(sse.Text("arson").WithID("1")) && yield(sse.Text("riddle").WithEvent("crime_alert").WithID("2"))
	})
	for m, err := range sse.Record(httptest.NewRequest("GET", "/crimes/live", nil), stream) {
		fmt.Println(m.ID, m.Event, m.Data, err)
	}
	// Output:
	// 1  arson <nil>
	// 2 crime_alert riddle <nil>
}

func record(r *http.Request, stream *sse.Stream) (data []string, err error) {
	for m, e := range sse.Record(r, stream) {
		if e != nil {
			return data, e
		}
		data = append(data, m.Event+":"+m.Data)
	}
	return data, nil
}

func TestRecordTellsHowAStreamEnded(t *testing.T) { // features: O4
	boom := errors.New("boom")
	for name, tt := range map[string]struct {
		source func(yield func(sse.Message, error) bool)
		want   []string
		err    error
	}{
		"completed": {func(yield func(sse.Message, error) bool) { yield(sse.Text("a"), nil) }, []string{":a"}, nil},
		"empty":     {func(func(sse.Message, error) bool) {}, nil, nil},
		"failed":    {func(yield func(sse.Message, error) bool) { _ = yield(sse.Text("a"), nil) && yield(sse.Message{}, boom) }, []string{":a", "error:the stream failed"}, boom},
	} {
		t.Run(name, func(t *testing.T) {
			data, err := record(httptest.NewRequest("GET", "/", nil), sse.NewStream(tt.source))
			assert.Equal(t, tt.want, data)
			assert.ErrorIs(t, err, tt.err)
		})
	}
	_, err := record(httptest.NewRequest("GET", "/", nil), sse.NewStream((chan sse.Message)(nil)))
	assert.Error(t, err, "a stream that cannot begin says so")
}

func TestRecordUnderFakeTime(t *testing.T) { // features: O4
	synctest.Test(t, func(t *testing.T) {
		var ended sse.Report
		stream := sse.NewStream(sse.Func(func(ctx context.Context, send sse.Send) error {
			for hour := range 100 {
				if err := send(sse.Text(fmt.Sprint(hour))); err != nil {
					return err
				}
				select {
				case <-time.After(time.Hour):
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
			return nil
		}), sse.OnEnd(func(report sse.Report) { ended = report }))
		begin, n := time.Now(), 0
		for m, err := range sse.Record(httptest.NewRequest("GET", "/", nil), stream) {
			require.NoError(t, err)
			assert.Equal(t, fmt.Sprint(n), m.Data)
			assert.Equal(t, time.Duration(n)*time.Hour, time.Since(begin), "each message comes when it is sent")
			if n++; n == 3 {
				break
			}
		}
		assert.Equal(t, sse.ClientGone, ended.Reason, "the stream has ended when the loop has")
	})
}

func TestRecordOfASubscriberResumes(t *testing.T) { // features: O4
	synctest.Test(t, func(t *testing.T) {
		hub := sse.NewHub()
		defer hub.Close()
		for i := range 3 {
			_, err := hub.Publish(t.Context(), "crimes", sse.Text(fmt.Sprint(i)))
			require.NoError(t, err)
		}
		last := ""
		read := func(n int) (data []string) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Last-Event-ID", last)
			for m, err := range sse.Record(r, sse.NewStream(hub.Subscribe("crimes"))) {
				require.NoError(t, err)
				data, last = append(data, m.Event+m.Data), m.ID
				if len(data) == n {
					break
				}
			}
			return data
		}
		assert.Equal(t, []string{"sse.hello"}, read(1))
		for i := range 3 {
			_, err := hub.Publish(t.Context(), "crimes", sse.Text(fmt.Sprint(i)))
			require.NoError(t, err)
		}
		assert.Equal(t, []string{"0"}, read(1))
		assert.Equal(t, []string{"1", "2"}, read(2))
	})
}

func TestRecordEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		silent := make(chan sse.Message)
		defer close(silent)
		messages := 0
		for range sse.Record(httptest.NewRequest("GET", "/", nil).WithContext(ctx), sse.NewStream(silent)) {
			messages++
		}
		assert.Zero(t, messages)
		assert.Error(t, ctx.Err())
	})
}
