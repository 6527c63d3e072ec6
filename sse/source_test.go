package sse

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type (
	ownSeq     func(yield func(Message) bool)
	ownSeq2    func(yield func(Message, error) bool)
	ownFunc    func(ctx context.Context, send Send) error
	ownChan    chan Message
	ownReceive <-chan Message
)

func TestEveryKindOfSourceIsStreamed(t *testing.T) {
	seq := func(yield func(Message) bool) { _ = yield(Text("one")) && yield(Text("two")) }
	seq2 := func(yield func(Message, error) bool) { _ = yield(Text("one"), nil) && yield(Text("two"), nil) }
	run := func(_ context.Context, send Send) error {
		return errors.Join(send(Text("one")), send(Text("two")))
	}
	ch := func() chan Message {
		ch := make(chan Message, 2)
		ch <- Text("one")
		ch <- Text("two")
		close(ch)
		return ch
	}
	for name, stream := range map[string]*Stream{
		"func(yield)":       NewStream(seq),
		"iter.Seq":          NewStream(iter.Seq[Message](seq)),
		"own seq":           NewStream(ownSeq(seq)),
		"func(yield) error": NewStream(seq2),
		"iter.Seq2":         NewStream(iter.Seq2[Message, error](seq2)),
		"own seq2":          NewStream(ownSeq2(seq2)),
		"func(ctx, send)":   NewStream(run),
		"Func":              NewStream(Func(run)),
		"own func":          NewStream(ownFunc(run)),
		"chan":              NewStream(ch()),
		"<-chan":            NewStream((<-chan Message)(ch())),
		"own chan":          NewStream(ownChan(ch())),
		"own <-chan":        NewStream(ownReceive(ch())),
		"Go":                NewStream(Go(run)),
	} {
		t.Run(name, func(t *testing.T) {
			w, report := show(t, new(Server), stream)
			assert.Equal(t, []Message{Text("one"), Text("two")}, w.messages(t))
			assert.Equal(t, Completed, report.Reason)
			assert.EqualValues(t, 2, report.Events)
		})
	}
}

func TestNilSourceIsAClearErrorWhenServed(t *testing.T) {
	for name, stream := range map[string]*Stream{
		"seq":               NewStream(iter.Seq[Message](nil)),
		"seq2":              NewStream(iter.Seq2[Message, error](nil)),
		"func":              NewStream(Func(nil)),
		"own func":          NewStream(ownFunc(nil)),
		"chan":              NewStream[chan Message](nil),
		"<-chan":            NewStream[<-chan Message](nil),
		"own chan":          NewStream(ownChan(nil)),
		"producer":          NewStream((*Producer)(nil)),
		"Go(nil)":           NewStream(Go(nil)),
		"subscription":      NewStream((*Subscription)(nil)),
		"zero subscription": NewStream(&Subscription{}),
	} {
		t.Run(name, func(t *testing.T) {
			w, report := show(t, new(Server), stream)
			assert.ErrorIs(t, report.Err, errNilSource)
			assert.Equal(t, Unstarted, report.Reason)
			assert.Empty(t, w.text())
		})
	}
}

// A producer that only ever sends into its channel must not be stuck when the
// client leaves, when the stream is never served, or when it is turned away.
func TestChannelIsEmptiedAfterTheStream(t *testing.T) {
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, tc := range []struct {
		name string
		end  func(*Stream)
	}{
		{"the client left", func(s *Stream) {
			new(Server).Serve(newScreen(), httptest.NewRequest(http.MethodGet, "/", nil).WithContext(gone), s)
		}},
		{"never served", (*Stream).Discard},
		{"turned away", func(s *Stream) {
			server := new(Server)
			_ = server.Drain(context.Background())
			server.Serve(newScreen(), httptest.NewRequest(http.MethodGet, "/", nil), s)
		}},
		{"failed by a bad message", func(s *Stream) {
			new(Server).Serve(newScreen(), httptest.NewRequest(http.MethodGet, "/", nil), s)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // which fails unless all goroutines end
				ch := make(chan Message)
				go func() {
					defer close(ch)
					for range 100 {
						ch <- Text("\xff")
					}
				}()
				tc.end(NewStream(ch))
			})
		})
	}
}

func TestClosedChannelIsDiscardedWithoutAGoroutine(t *testing.T) {
	ch := make(chan Message, 3)
	ch <- Text("left")
	close(ch)
	before := runtime.NumGoroutine()
	for range 100 {
		NewStream(ch).Discard()
	}
	assert.LessOrEqual(t, runtime.NumGoroutine(), before)
	assert.Empty(t, ch)
}

func TestGoRunsAheadOfTheNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newScreen()
		network := make(chan struct{})
		w.onWrite = func([]byte) error { <-network; return nil }
		sent, returned := 0, make(chan struct{})
		done := make(chan Report, 1)
		go func() {
			done <- new(Server).Serve(w, httptest.NewRequest(http.MethodGet, "/", nil),
				NewStream(Go(func(_ context.Context, send Send) error {
					defer close(returned)
					for range 1000 {
						if err := send(Text("x")); err != nil {
							return err
						}
						sent++
					}
					return nil
				}), WriteTimeout(0), LazyCommit()))
		}()
		<-returned // though nothing could be written yet
		synctest.Wait()
		assert.Equal(t, 1000, sent)
		assert.Zero(t, w.writes)
		close(network)
		report := <-done
		assert.EqualValues(t, 1000, report.Events)
		assert.Len(t, w.messages(t), 1000)
	})
}

func TestGoIsCancelledWithTheCauseAndWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &Server{Grace: -1}
		causes := make(chan error, 1)
		returned := false
		done := make(chan struct{})
		go func() {
			defer close(done)
			show(t, server, NewStream(Go(func(ctx context.Context, _ Send) error {
				<-ctx.Done()
				causes <- context.Cause(ctx)
				returned = true
				return nil
			})))
			assert.True(t, returned)
		}()
		synctest.Wait()
		require.NoError(t, server.Drain(t.Context()))
		assert.ErrorIs(t, <-causes, ErrDraining)
		<-done
	})
}

func TestGoThatIsNeverServedStartsNothing(t *testing.T) {
	NewStream(Go(func(context.Context, Send) error { t.Error("started"); return nil })).Discard()
}
