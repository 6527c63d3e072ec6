package servers

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
)

// raw is net/http and nothing else. It flushes each event by itself, as handlers
// written by hand do; with batch it empties its channel before it flushes, which is
// the cheapest improvement that there is.
func raw(batch bool) Server {
	h := newHub()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /plaintext", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, Greeting)
	})
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, userOf(r.PathValue("id")))
	})
	mux.HandleFunc("POST /orders", postOrder)
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		serveEvents(h, batch, w, r)
	})
	mux.HandleFunc("GET /stream", serveStream)
	return Server{Serve: plain(mux), Publish: h.publish, Exchange: exchange(mux)}
}

func writeJSON(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

func postOrder(w http.ResponseWriter, r *http.Request) {
	var order Order
	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	writeJSON(w, order)
}

// serveEvents is a subscription on any ResponseWriter that can flush.
func serveEvents(h *hub, batch bool, w http.ResponseWriter, r *http.Request) {
	out := http.NewResponseController(w)
	missed, live := h.subscribe(r.Header.Get("Last-Event-ID"))
	defer h.unsubscribe(live)
	eventHeader(w)
	if out.Flush() != nil {
		return
	}
	for i, e := range missed {
		if _, err := w.Write(e.frame); err != nil {
			return
		}
		if (!batch || i == len(missed)-1) && out.Flush() != nil {
			return
		}
	}
	for {
		select {
		case e := <-live:
			if _, err := w.Write(e.frame); err != nil {
				return
			}
			for batch && len(live) > 0 {
				if _, err := w.Write((<-live).frame); err != nil {
					return
				}
			}
			if out.Flush() != nil {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

// serveStream is one stream on any ResponseWriter that can flush.
func serveStream(w http.ResponseWriter, r *http.Request) {
	out := http.NewResponseController(w)
	eventHeader(w)
	var frame []byte
	for i := range streamLength(r.URL.RawQuery) {
		frame = appendEvent(frame[:0], strconv.Itoa(i), StreamData)
		if _, err := w.Write(frame); err != nil {
			return
		}
		if out.Flush() != nil {
			return
		}
	}
}

func eventHeader(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
}
