package servers

import (
	"net/http"
	"strconv"

	"github.com/tmaxmax/go-sse"
)

// goSSE is the library's server with its only provider.
func goSSE() Server {
	replayer, err := sse.NewFiniteReplayer(history, false)
	if err != nil {
		panic(err) // only for less than two events
	}
	server := &sse.Server{Provider: &sse.Joe{Replayer: replayer}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		// By itself the library says nothing before the first event.
		w.Header().Set("Content-Type", "text/event-stream")
		if http.NewResponseController(w).Flush() == nil {
			server.ServeHTTP(w, r)
		}
	})
	mux.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) {
		session, err := sse.Upgrade(w, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		for i := range streamLength(r.URL.RawQuery) {
			message := &sse.Message{ID: sse.ID(strconv.Itoa(i))}
			message.AppendData(StreamData)
			if session.Send(message) != nil || session.Flush() != nil {
				return
			}
		}
	})
	var last int64
	return Server{
		Serve: plain(mux),
		Publish: func(data string) string {
			last++
			id := strconv.FormatInt(last, 10)
			message := &sse.Message{ID: sse.ID(id)}
			message.AppendData(data)
			if err := server.Publish(message); err != nil {
				panic(err) // only after Shutdown
			}
			return id
		},
	}
}
