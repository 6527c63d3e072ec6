package servers

import (
	"io"
	"net/http"

	"github.com/go-chi/chi/v5"
)

// chiServer is a router around net/http's own handlers. Its streams would be raw's.
func chiServer() Server {
	router := chi.NewRouter()
	router.Get("/plaintext", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, Greeting)
	})
	router.Get("/users/{id}", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, userOf(chi.URLParam(r, "id")))
	})
	router.Post("/orders", postOrder)
	return Server{Serve: plain(router), Exchange: exchange(router)}
}
