package redstart_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
)

type newCrime struct {
	Kind     string      `json:"kind" validate:"required,oneof=robbery arson riddle"`
	District int         `json:"district" validate:"min=1,max=12"`
	Open     bool        `json:"open" validate:"required"`
	Tags     []string    `json:"tags" validate:"max=2,dive,min=2"`
	Place    place       `json:"place"`
	Suspects []person    `json:"suspects"`
	Seen     []time.Time `json:"seen"`
	Notify   bool        `query:"notify"`
	Badge    string      `header:"X-Badge" validate:"required,len=3"`
}

type place struct {
	Street string `json:"street" validate:"required"`
}

type person struct {
	Name  string `json:"name" validate:"required"`
	Email string `json:"email" validate:"email"`
}

func (p *person) Validate() error {
	if p.Name == "Bruce" {
		return redstart.Invalid("name", "is never a suspect")
	}
	return nil
}

type crime struct {
	ID       int    `json:"id"`
	Kind     string `json:"kind"`
	District int    `json:"district"`
}

func (*crime) StatusCode() int { return 201 }

func (c *crime) Header() http.Header {
	return http.Header{"Location": {fmt.Sprintf("/crimes/%d", c.ID)}}
}

func report(_ context.Context, in *newCrime) (*crime, error) {
	return &crime{7, in.Kind, in.District}, nil
}

func TestTypedReply(t *testing.T) {
	app, _ := newApp()
	redstart.Post(app, "/crimes", report)
	w := ask(app, "POST", "/crimes?notify=true", `{"kind":"arson","district":3,"open":false,"place":{"street":""}}`, "X-Badge", "007")
	assert.Equal(t, 201, w.Code, "%s", w.Body)
	assert.Equal(t, "/crimes/7", w.Header().Get("Location"))
	assert.JSONEq(t, `{"id":7,"kind":"arson","district":3}`, w.Body.String())
}

const goodCrime = `"kind":"arson","open":true,"place":{"street":"x"}`

func TestWhatIsAbsentAndNotRequiredIsNotChecked(t *testing.T) {
	app := typedApp()
	w := ask(app, "POST", "/crimes", "{"+goodCrime+`,"suspects":[{"name":"Joker"}]}`, badge...)
	assert.Equal(t, 201, w.Code, "%s", w.Body)
	w = ask(app, "POST", "/crimes", `{"kind":"arson","open":false,"place":{"street":""}}`, badge...)
	assert.Equal(t, 201, w.Code, "false and an empty text are values: %s", w.Body)
}

func TestGoodParameters(t *testing.T) {
	app, _ := newApp()
	var got everything
	redstart.Get(app, "/all", func(_ context.Context, in *everything) (redstart.None, error) {
		got = *in
		return redstart.None{}, nil
	})
	w := get(app, "/all?int=-7&small=127&uint=65535&float=1e3&bool=on&since=2026-11-22&took=1m30s&kind=arson&tag=a&tag=b"+
		"&nums=1,+2,,3&opt=5&need=&page=&grim=low&day=", "Cookie", "mask=on", "X-Level", "3", "X-Name", "a", "X-Name", "b")
	require.Equal(t, 204, w.Code, "%s", w.Body)
	five := 5
	assert.Equal(t, everything{
		Int: -7, Small: 127, Uint: 65535, Float: 1000, Bool: true, Since: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC),
		Took: 90 * time.Second, Kind: kind{"arson"}, Tags: []string{"a", "b"}, Nums: []int{1, 2, 3}, Opt: &five, Mask: "on", Level: 3, Page: 1,
		Name: "a, b", Grim: []severity{"low"},
	}, got)
	w = get(app, "/all?need=x&since=2026-11-22T10:00:00.5%2B02:00")
	require.Equal(t, 204, w.Code, "%s", w.Body)
	assert.Nil(t, got.Opt)
	assert.Equal(t, 1, got.Page, "the default")
	assert.Equal(t, "2026-11-22T08:00:00.5Z", got.Since.UTC().Format(time.RFC3339Nano))
}

func TestFormInput(t *testing.T) {
	app, _ := newApp()
	redstart.Post(app, "/complaints", func(_ context.Context, in *complaint) (string, error) {
		return fmt.Sprint(in.Name, in.District, in.Kinds, in.Photo.Name, len(in.More), in.When.Format(" 15:04")), nil
	})
	w := httptest.NewRecorder()
	app.ServeHTTP(w, multipartForm("/complaints", "name", "Alfred", "district", "3", "email", "", "kind", "a", "kind", "b",
		"when", "2026-11-22T10:30", "@photo", "joker.png:x", "@more", "1:x", "@more", "2:x"))
	assert.Equal(t, `"Alfred3 [a b]joker.png2 10:30"`, w.Body.String())
}

// A client must not set by the body what comes from somewhere else.
func TestTheBodySetsNoParameters(t *testing.T) {
	app, _ := newApp()
	type paging struct {
		Page int `query:"page"`
		Sort string
	}
	type input struct {
		paging
		redstart.Raw
		Name  string
		Admin bool `header:"X-Admin"`
		Owner *int `query:"owner"`
		skip  bool
		Last  string
	}
	redstart.Post(app, "/x", func(_ context.Context, in *input) (string, error) {
		return fmt.Sprint(in.Name, in.Admin, in.Owner, in.Page, in.Sort, in.skip, in.Last, in.Path()), nil
	})
	w := ask(app, "POST", "/x?page=2", `{"Name":"a","Admin":true,"Owner":1,"Page":9,"Sort":"s","skip":true,"Last":"z","Request":{},"Raw":{}}`)
	assert.Equal(t, `"afalse <nil> 2sfalsez/x"`, w.Body.String())
}

func TestOutputs(t *testing.T) {
	app, _ := newApp()
	none := func(context.Context) (*crime, error) { return nil, nil }
	redstart.Get(app, "/nil", redstart.NoInput(none))
	redstart.Get(app, "/value", redstart.NoInput(func(context.Context) (crime, error) { return crime{ID: 1}, nil }))
	redstart.Get(app, "/slice", redstart.NoInput(func(context.Context) ([]int, error) { return nil, nil }))
	redstart.Get(app, "/map", redstart.NoInput(func(context.Context) (map[string]int, error) { return nil, nil }))
	redstart.Get(app, "/any", redstart.NoInput(func(context.Context) (any, error) { return nil, nil }))
	redstart.Get(app, "/response", redstart.NoInput(func(*redstart.Request) (redstart.Response, error) { return redstart.Text("hi"), nil }))
	redstart.Post(app, "/action", redstart.Action(func(context.Context) error { return nil }))
	redstart.Post(app, "/success", redstart.NoInput(func(context.Context) (int, error) { return 7, nil }), redstart.WithSuccess(202))
	redstart.Post(app, "/accept", redstart.Action(func(context.Context) error { return nil }), redstart.WithSuccess(202))
	redstart.Get(app, "/anything", redstart.NoInput(func(context.Context) (any, error) { return redstart.Text("hi"), nil }))
	redstart.Get(app, "/error", redstart.NoInput(func(context.Context) (int, error) { return 0, redstart.Error(409, "taken") }))
	for _, tt := range []struct {
		method, target string
		status         int
		body           string
	}{
		{"GET", "/nil", 204, ""}, {"GET", "/value", 201, `{"id":1,"kind":"","district":0}`}, {"GET", "/slice", 200, "[]"},
		{"GET", "/map", 200, "{}"}, {"GET", "/any", 204, ""}, {"GET", "/response", 200, "hi"}, {"POST", "/action", 204, ""},
		{"POST", "/success", 202, "7"}, {"POST", "/accept", 202, ""}, {"GET", "/anything", 200, "hi"}, {"GET", "/error", 409, `"taken"`}, {"HEAD", "/value", 201, ""},
	} {
		w := ask(app, tt.method, tt.target, "")
		assert.Equal(t, tt.status, w.Code, tt.target)
		assert.Contains(t, w.Body.String(), tt.body, tt.target)
	}
}

func TestTypedEventSources(t *testing.T) {
	type feed []int
	channel := func() <-chan int {
		c := make(chan int, 2)
		c <- 1
		c <- 2
		close(c)
		return c
	}
	two := func(yield func(int) bool) { _ = yield(1) && yield(2) }
	for name, stream := range map[string]redstart.EventStream[int]{
		"seq":     redstart.Events[int](two),
		"named":   redstart.Events[int](iter.Seq[int](two)),
		"seq2":    redstart.Events[int](func(yield func(int, error) bool) { _ = yield(1, nil) && yield(2, nil) }),
		"channel": redstart.Events[int](channel()),
		"func":    redstart.Events[int](func(_ context.Context, send func(int) error) error { return errors.Join(send(1), send(2)) }),
	} {
		t.Run(name, func(t *testing.T) {
			app, _ := newApp()
			redstart.Get(app, "/", redstart.NoInput(func(context.Context) (redstart.EventStream[int], error) {
				return stream.WithEventOf(func(n int) string { return fmt.Sprint("e", n) }), nil
			}))
			w := get(app, "/")
			assert.Equal(t, "text/event-stream", w.Header().Get("Content-Type"))
			var got feed
			for m, err := range sse.Read(w.Body) {
				require.NoError(t, err)
				var n int
				require.NoError(t, m.DecodeJSON(&n))
				assert.Equal(t, fmt.Sprint("e", n), m.Event)
				got = append(got, n)
			}
			assert.Equal(t, feed{1, 2}, got)
		})
	}
	app, log := newApp()
	redstart.Get(app, "/", redstart.NoInput(func(context.Context) (e redstart.EventStream[int], err error) { return e, nil }))
	assert.Equal(t, 500, get(app, "/").Code)
	assert.Contains(t, log.String(), "the event stream has no source")
}

func TestTypedHandlersShareMiddlewareAndErrors(t *testing.T) {
	app, _ := newApp()
	app.Use(mark("app"))
	outer := app.Group("/gotham", mark("outer"))
	inner := outer.Group("/districts/:district", mark("inner"))
	inner.OnError(func(_ *redstart.Request, err error) redstart.Response {
		var violations redstart.Violations
		if errors.As(err, &violations) {
			return redstart.Text(violations[0].Name)
		}
		return redstart.Text(err.Error())
	})
	redstart.Get(inner, "/crimes/:id?", func(req *redstart.Request, in *struct {
		District int `path:"district"`
		ID       int `path:"id"`
	}) (string, error) {
		if in.ID == 13 {
			panic("bad luck")
		}
		return fmt.Sprint(in.District, in.ID, req.Pattern()), nil
	}, redstart.With(mark("route")))
	w := get(app, "/gotham/districts/3/crimes/7")
	assert.Equal(t, `"3 7/gotham/districts/:district/crimes/:id?"`, w.Body.String())
	assert.Equal(t, []string{"route", "inner", "outer", "app"}, w.Header()["Trace"])
	assert.Equal(t, `"3 0/gotham/districts/:district/crimes/:id?"`, get(app, "/gotham/districts/3/crimes").Body.String())

	w = get(app, "/gotham/districts/three/crimes/7")
	assert.Equal(t, 400, w.Code)
	assert.Equal(t, "district", w.Body.String())
	assert.Equal(t, []string{"route", "inner", "outer", "app"}, w.Header()["Trace"])
	w = get(app, "/gotham/districts/3/crimes/13")
	assert.Equal(t, 500, w.Code)
	assert.Equal(t, "panic: bad luck", w.Body.String())
}

func TestTheContextOfATypedHandler(t *testing.T) {
	app, _ := newApp()
	type key struct{}
	var kept context.Context
	app.Use(func(next redstart.Handler) redstart.Handler {
		return func(req *redstart.Request) redstart.Response {
			req.SetContext(contextWith(req, key{}, "signal"))
			return next(req)
		}
	})
	redstart.Get(app, "/", redstart.NoInput(func(ctx context.Context) (string, error) {
		assert.NoError(t, ctx.Err())
		_, bounded := ctx.Deadline()
		assert.False(t, bounded)
		inner, cancel := context.WithCancel(ctx)
		defer cancel()
		kept = inner
		return fmt.Sprint(inner.Value(key{})), nil
	}))
	assert.Equal(t, `"signal"`, get(app, "/").Body.String())
	assert.Error(t, kept.Err())
}
