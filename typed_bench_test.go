package redstart_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/julienschmidt/httprouter"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
)

// The benchmarks of the typed door put it beside the same work written by hand on
// httprouter and encoding/json, checks included.

type benchByID struct {
	ID    int `path:"id"`
	Limit int `query:"limit" default:"20" validate:"max=100"`
}

type benchReport struct {
	Kind     string   `json:"kind" validate:"required,oneof=robbery arson riddle"`
	District int      `json:"district" validate:"required,min=1,max=12"`
	Open     bool     `json:"open"`
	Title    string   `json:"title" validate:"required,max=200"`
	Text     string   `json:"text" validate:"max=2000"`
	Tags     []string `json:"tags" validate:"max=10"`
	Place    struct {
		Street string  `json:"street" validate:"required"`
		Lat    float64 `json:"lat" validate:"min=-90,max=90"`
		Lon    float64 `json:"lon" validate:"min=-180,max=180"`
	} `json:"place"`
}

func (r *benchReport) check() error {
	switch {
	case !slices.Contains([]string{"robbery", "arson", "riddle"}, r.Kind):
		return errors.New("kind")
	case r.District < 1 || r.District > 12:
		return errors.New("district")
	case r.Title == "" || len([]rune(r.Title)) > 200:
		return errors.New("title")
	case len([]rune(r.Text)) > 2000:
		return errors.New("text")
	case len(r.Tags) > 10:
		return errors.New("tags")
	case r.Place.Street == "" || r.Place.Lat < -90 || r.Place.Lat > 90 || r.Place.Lon < -180 || r.Place.Lon > 180:
		return errors.New("place")
	}
	return nil
}

func benchReportBody() string {
	r := benchReport{Kind: "arson", District: 3, Open: true, Title: "Fire at the docks", Text: strings.Repeat("smoke ", 120), Tags: []string{"fire", "docks", "night"}}
	r.Place.Street, r.Place.Lat, r.Place.Lon = "Dock 7", 40.7, -74
	body, _ := json.Marshal(r)
	return string(body)
}

func typedBenchApp() http.Handler {
	app := redstart.New(redstart.WithoutAccessLog())
	redstart.Get(app, "/crimes/:id", func(_ context.Context, in *benchByID) (*benchCrime, error) {
		return &benchCrime{strconv.Itoa(in.ID), 7, true}, nil
	})
	redstart.Post(app, "/crimes", func(_ context.Context, in *benchReport) (*benchCrime, error) {
		return &benchCrime{"7", in.District, in.Open}, nil
	}, redstart.WithSuccess(201))
	return app
}

func typedBenchRaw() http.Handler {
	router := httprouter.New()
	reply := func(w http.ResponseWriter, status int, v any) {
		body, err := json.Marshal(v)
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
	router.GET("/crimes/:id", func(w http.ResponseWriter, r *http.Request, p httprouter.Params) {
		id, err := strconv.Atoi(p.ByName("id"))
		if err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		limit := 20
		if text := r.URL.Query().Get("limit"); text != "" {
			if limit, err = strconv.Atoi(text); err != nil || limit > 100 {
				http.Error(w, "limit", 400)
				return
			}
		}
		reply(w, 200, &benchCrime{strconv.Itoa(id), 7, true})
	})
	router.POST("/crimes", func(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, redstart.DefaultBodyLimit))
		var in benchReport
		if err == nil {
			err = json.Unmarshal(body, &in)
		}
		if err == nil {
			err = in.check()
		}
		if err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		reply(w, 201, &benchCrime{"7", in.District, in.Open})
	})
	return router
}

// timed is bare with the deadlines that a server's connection has.
type timed struct{ *bare }

func (timed) SetReadDeadline(time.Time) error  { return nil }
func (timed) SetWriteDeadline(time.Time) error { return nil }

func withDeadlines(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(&timed{w.(*bare)}, r) })
}

func benchmarkTyped(b *testing.B, method, target, body string) {
	for _, h := range []struct {
		name    string
		handler http.Handler
	}{{"redstart", typedBenchApp()}, {"httprouter", typedBenchRaw()}} {
		b.Run(h.name, func(b *testing.B) {
			send := exchange(withDeadlines(h.handler), method, target, body)
			b.ReportAllocs()
			for b.Loop() {
				send()
			}
		})
	}
}

func BenchmarkTypedParam(b *testing.B) { benchmarkTyped(b, "GET", "/crimes/4711", "") }

func BenchmarkTypedPost(b *testing.B) { benchmarkTyped(b, "POST", "/crimes", benchReportBody()) }

func TestTypedAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates too")
	}
	for _, tt := range []struct{ method, target, body string }{
		{"GET", "/crimes/4711", ""}, {"GET", "/crimes/4711?limit=50", ""}, {"POST", "/crimes", benchReportBody()},
	} {
		allocations := func(h http.Handler) float64 {
			send := exchange(withDeadlines(h), tt.method, tt.target, tt.body)
			return testing.AllocsPerRun(1000, func() { send() })
		}
		ours, theirs := ask(typedBenchApp(), tt.method, tt.target, tt.body), ask(typedBenchRaw(), tt.method, tt.target, tt.body)
		require.Equal(t, theirs.Code, ours.Code, "%s", ours.Body)
		require.Equal(t, theirs.Body.String(), ours.Body.String())
		assert.LessOrEqual(t, allocations(typedBenchApp()), allocations(typedBenchRaw())+3, tt.method)
	}
}
