package sse

import (
	"context"
	"io"
	"iter"
	"net/http"
	"sync"
)

// Record serves a stream to nobody but the caller, without a network: what a client
// with this request would read, message by message, as soon as it is sent. It is for
// tests, also under [testing/synctest], and for programs that want a stream's messages
// themselves. Comments, as the usual heartbeat is, are no messages.
//
// The sequence ends with the stream. An error comes last, with a zero Message: the
// source's, after the "error" event that a client is told of it by, or why the stream
// did not begin. Breaking out of the loop ends the stream as a client's leaving does;
// the end of the request's context does, too. Either way the stream has ended, and its
// OnEnd functions are through, when the loop is. The sequence can be ranged over once.
func Record(r *http.Request, stream *Stream) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		ctx, cancel := context.WithCancelCause(r.Context())
		body, out := io.Pipe()
		w := &recorder{header: http.Header{}, out: out}
		var report Report
		var serving sync.WaitGroup
		serving.Go(func() {
			report = new(Server).Serve(w, r.WithContext(ctx), stream)
			_ = out.Close()
		})
		left := false
		for m, err := range Read(body) {
			if err != nil {
				break // which is about the reading, see below
			}
			if left = !yield(m, nil); left {
				break
			}
		}
		cancel(ErrClientGone)
		_ = body.CloseWithError(ErrClientGone) // or a write would wait for a reader
		serving.Wait()
		if !left && report.Err != nil {
			yield(Message{}, report.Err)
		}
	}
}

// recorder is a ResponseWriter whose body is read in this process.
type recorder struct {
	header http.Header
	out    *io.PipeWriter
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) WriteHeader(int)             {}
func (w *recorder) Write(p []byte) (int, error) { return w.out.Write(p) }
func (w *recorder) FlushError() error           { return nil } // each write is taken at once
