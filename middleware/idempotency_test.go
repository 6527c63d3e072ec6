package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
	"github.com/redstart-go/redstart/sse"
)

func ExampleIdempotency() {
	app := quiet()
	app.Use(middleware.Idempotency())
	crimes := 0
	app.Post("/crimes", func(*redstart.Request) redstart.Response {
		crimes++
		return redstart.JSON(crimes).WithStatus(201)
	})

	for range 2 { // the reply to the first got lost, so the client tries again
		reply := send(app, "POST", "/crimes", "robbery", `Idempotency-Key: "8e03978e"`)
		fmt.Printf("%d %s %q\n", reply.Code, reply.Body, reply.Header()["Idempotency-Replayed"])
	}
	// Output:
	// 201 1 []
	// 201 1 ["true"]
}

// counting is an app whose route says how often it was called.
func counting(o middleware.IdempotencyOptions, reply func(*redstart.Request) redstart.Response) (*redstart.App, *atomic.Int64) {
	app, calls := quiet(redstart.WithoutRequestID()), new(atomic.Int64)
	app.Use(middleware.Idempotency(o))
	answer := func(req *redstart.Request) redstart.Response {
		n := calls.Add(1)
		if reply != nil {
			return reply(req)
		}
		return redstart.Text(fmt.Sprint("call ", n)).WithStatus(201).With("X-Call", fmt.Sprint(n)).
			WithCookie(&http.Cookie{Name: "secret", Value: "s"}).WithAdded("Link", "<a>").WithAdded("Link", "<b>")
	}
	app.Any("/", answer)
	app.Any("/:name", answer)
	return app, calls
}

const keyed = "Idempotency-Key: k"

func TestIdempotencyReplays(t *testing.T) {
	app, calls := counting(middleware.IdempotencyOptions{}, nil)
	first := send(app, "POST", "/", "x", keyed)
	second := send(app, "POST", "/", "x", `Idempotency-Key: "k"`)
	assert.EqualValues(t, 1, calls.Load())
	assert.Equal(t, "true", second.Header().Get("Idempotency-Replayed"))
	assert.Equal(t, []string{"<a>", "<b>"}, second.Header()["Link"])
	assert.Empty(t, second.Header().Get("Set-Cookie"), "secrets are not kept")
	second.Header().Del("Idempotency-Replayed")
	first.Header().Del("Set-Cookie")
	assert.Equal(t, first.Code, second.Code)
	assert.Equal(t, first.Header(), second.Header())
	assert.Equal(t, first.Body.String(), second.Body.String())
}

func TestIdempotencyTellsRequestsApart(t *testing.T) {
	type request struct {
		method, path, body string
		header             []string
	}
	base := request{"POST", "/a?x=1", "body", []string{keyed}}
	for _, tc := range []struct {
		name   string
		second request
		status int
		calls  int64
	}{
		{"the same", base, 201, 1},
		{"another key", request{"POST", "/a?x=1", "body", []string{"Idempotency-Key: other"}}, 201, 2},
		{"no key", request{"POST", "/a?x=1", "body", nil}, 201, 2},
		{"another body", request{"POST", "/a?x=1", "other", []string{keyed}}, 422, 1},
		{"another path", request{"POST", "/b?x=1", "body", []string{keyed}}, 422, 1},
		{"another query", request{"POST", "/a?x=2", "body", []string{keyed}}, 422, 1},
		{"another method", request{"PUT", "/a?x=1", "body", []string{keyed}}, 422, 1},
		{"a method that reads", request{"GET", "/a?x=1", "body", []string{keyed}}, 201, 2},
		{"another user by token", request{"POST", "/a?x=1", "body", []string{keyed, "Authorization: Bearer b"}}, 201, 2},
		{"another user by cookie", request{"POST", "/a?x=1", "body", []string{keyed, "Cookie: session=b"}}, 201, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app, calls := counting(middleware.IdempotencyOptions{}, nil)
			send(app, base.method, base.path, base.body, base.header...)
			reply := send(app, tc.second.method, tc.second.path, tc.second.body, tc.second.header...)
			assert.Equal(t, tc.status, reply.Code)
			assert.Equal(t, tc.calls, calls.Load())
		})
	}
	app, calls := counting(middleware.IdempotencyOptions{Scope: func(*redstart.Request) string { return "all" }}, nil)
	send(app, "POST", "/", "", keyed, "Cookie: a=1")
	send(app, "POST", "/", "", keyed, "Cookie: a=2")
	assert.EqualValues(t, 1, calls.Load(), "one scope")
}

func TestIdempotencyKeeps(t *testing.T) {
	for _, tc := range []struct {
		name  string
		reply redstart.Response
		kept  bool
	}{
		{"JSON", redstart.JSON(map[string]int{"a": 1}), true},
		{"nothing", redstart.NoContent(), true},
		{"a status alone", redstart.Status(202), true},
		{"a redirect", redstart.Redirect("/x"), true},
		{"a refusal", redstart.Fail(redstart.Error(409, "taken")), true},
		{"no type", redstart.Bytes([]byte("a")), true},
		{"a failure", redstart.Fail(errors.New("boom")), false},
		{"too many", redstart.Fail(redstart.Error(429, "")), false},
		{"too late", redstart.Fail(redstart.Error(408, "")), false},
		{"unencodable", redstart.JSON(func() {}), false},
		{"a stream", redstart.Stream("text/csv", func(yield func(string) bool) { yield("a") }), false},
		{"events", redstart.SSEResponse(func(func(redstart.SSEMessage) bool) {}), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			store := middleware.NewMemoryReplies(0, 0)
			app, calls := counting(middleware.IdempotencyOptions{Store: store}, func(*redstart.Request) redstart.Response { return tc.reply })
			first := send(app, "POST", "/", "", keyed)
			if !tc.kept {
				assert.Zero(t, store.Len(), "the key is free again")
				send(app, "POST", "/", "other", "Idempotency-Key: k") // a stream serves once, so only the count matters
				assert.EqualValues(t, 2, calls.Load())
				return
			}
			second := send(app, "POST", "/", "", keyed)
			assert.EqualValues(t, 1, calls.Load())
			second.Header().Del("Idempotency-Replayed")
			assert.Equal(t, first.Code, second.Code)
			assert.Equal(t, first.Header(), second.Header())
			assert.Equal(t, first.Body.String(), second.Body.String())
		})
	}
}

func TestIdempotencyWhileUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, calls := counting(middleware.IdempotencyOptions{Lease: time.Minute, Keep: time.Hour}, func(*redstart.Request) redstart.Response {
			time.Sleep(10 * time.Second)
			return redstart.Text("done")
		})
		first := make(chan int)
		go func() { first <- send(app, "POST", "/", "", keyed).Code }()
		synctest.Wait()
		reply := send(app, "POST", "/", "", keyed)
		assert.Equal(t, 409, reply.Code)
		assert.Equal(t, "1", reply.Header().Get("Retry-After"))
		assert.Equal(t, 422, send(app, "POST", "/", "other", keyed).Code)
		assert.Equal(t, 200, <-first)
		assert.Equal(t, "done", send(app, "POST", "/", "", keyed).Body.String())
		assert.EqualValues(t, 1, calls.Load())
		time.Sleep(time.Hour)
		send(app, "POST", "/", "", keyed)
		assert.EqualValues(t, 2, calls.Load(), "its time is over")
	})
}

func TestIdempotencyAfterALeaseIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wait atomic.Int64
		wait.Store(int64(time.Hour))
		app, _ := counting(middleware.IdempotencyOptions{Lease: time.Minute}, func(*redstart.Request) redstart.Response {
			d := time.Duration(wait.Swap(0))
			time.Sleep(d)
			return redstart.Text("after " + d.String())
		})
		first := make(chan string)
		go func() { first <- send(app, "POST", "/", "", keyed).Body.String() }()
		time.Sleep(time.Minute)
		assert.Equal(t, "after 0s", send(app, "POST", "/", "", keyed).Body.String())
		assert.Equal(t, "after 1h0m0s", <-first)
		assert.Equal(t, "after 0s", send(app, "POST", "/", "", keyed).Body.String(), "who lost the claim does not replace the reply")
	})
}

func TestIdempotencyWhileAStreamGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, calls := counting(middleware.IdempotencyOptions{}, func(*redstart.Request) redstart.Response {
			return redstart.SSEResponse(sse.Func(func(_ context.Context, send sse.Send) error {
				time.Sleep(10 * time.Second)
				return send(sse.Text("done"))
			}))
		})
		first := make(chan string)
		go func() { first <- send(app, "POST", "/", "", keyed).Body.String() }()
		time.Sleep(5 * time.Second)
		assert.Equal(t, 409, send(app, "POST", "/", "", keyed).Code)
		assert.Contains(t, <-first, "done")
		assert.EqualValues(t, 1, calls.Load())
		assert.Equal(t, 200, send(app, "POST", "/", "", keyed).Code, "it was not kept")
		assert.EqualValues(t, 2, calls.Load())
	})
}

// A handler that was given up may still do what it was asked for, so nobody else may begin
// it, and its reply is not lost.
func TestIdempotencyInsideOfTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := quiet()
		calls := 0
		app.Post("/", func(*redstart.Request) redstart.Response {
			calls++
			time.Sleep(3 * time.Second)
			return redstart.Text("paid").WithStatus(http.StatusCreated)
		}, redstart.With(middleware.Timeout(time.Second), middleware.Idempotency()))
		assert.Equal(t, 503, send(app, "POST", "/", "", keyed).Code)
		assert.Equal(t, 409, send(app, "POST", "/", "", keyed).Code, "it goes on")
		time.Sleep(3 * time.Second)
		again := send(app, "POST", "/", "", keyed)
		assert.Equal(t, 201, again.Code)
		assert.Equal(t, "paid", again.Body.String())
		assert.Equal(t, "true", again.Header().Get("Idempotency-Replayed"))
		assert.Equal(t, 1, calls)
	})
}

func TestIdempotencyWhenTheHandlerPanics(t *testing.T) {
	for _, opts := range [][]redstart.Option{nil, {redstart.WithoutRecover()}} {
		store := middleware.NewMemoryReplies(0, 0)
		app := quiet(opts...)
		app.Use(middleware.Idempotency(middleware.IdempotencyOptions{Store: store}))
		app.Post("/", func(*redstart.Request) redstart.Response { panic("the Joker") })
		func() {
			defer func() { _ = recover() }()
			send(app, "POST", "/", "", keyed)
		}()
		assert.Zero(t, store.Len(), "the key is free again")
	}
}

func TestIdempotencyRefusesKeys(t *testing.T) {
	for _, tc := range []struct {
		name   string
		header []string
		detail string
	}{
		{"none", nil, "needs a header Idempotency-Key"},
		{"empty", []string{"Idempotency-Key: "}, "is empty"},
		{"empty string", []string{`Idempotency-Key: ""`}, "is empty"},
		{"no end", []string{`Idempotency-Key: "a`}, "a string without its end"},
		{"two strings", []string{`Idempotency-Key: "a", "b"`}, "or more than one"},
		{"two lines", []string{keyed, keyed}, "more than one header"},
		{"long", []string{"Idempotency-Key: " + strings.Repeat("a", 256)}, "longer than 255 bytes"},
		{"not ASCII", []string{"Idempotency-Key: schlüssel"}, "not printable ASCII"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app, calls := counting(middleware.IdempotencyOptions{Required: true}, nil)
			reply := send(app, "POST", "/", "", tc.header...)
			assert.Equal(t, 400, reply.Code)
			assert.Contains(t, reply.Body.String(), tc.detail)
			assert.Zero(t, calls.Load())
		})
	}
}

func TestIdempotencyOfALargeBody(t *testing.T) {
	app := quiet(redstart.WithBodyLimit(10))
	app.Use(middleware.Idempotency())
	app.Post("/", func(req *redstart.Request) redstart.Response {
		text, err := req.Text()
		assert.NoError(t, err)
		return redstart.Text(text)
	})
	assert.Equal(t, 413, send(app, "POST", "/", "eleven bytes", keyed).Code)
	assert.Equal(t, "ten bytes", send(app, "POST", "/", "ten bytes", keyed).Body.String(), "the handler reads it again")
}

// lost is a store without a connection.
type lost struct{ *middleware.MemoryReplies }

func (lost) Claim(ctx context.Context, _, _ string, _ time.Duration) (middleware.Claim, error) {
	return middleware.Claim{}, errors.New("no connection")
}

// forgetful is one that loses it while the handler works.
type forgetful struct{ *middleware.MemoryReplies }

func (forgetful) Keep(context.Context, string, string, middleware.StoredReply, time.Duration) error {
	return errors.New("no connection")
}

func TestIdempotencyWhoseStoreFails(t *testing.T) {
	memory := middleware.NewMemoryReplies(0, 0)
	for _, tc := range []struct {
		name   string
		store  middleware.ReplyStore
		open   bool
		status int
		calls  int
	}{
		{"closed", lost{memory}, false, 503, 0},
		{"open", lost{memory}, true, 200, 1},
		{"afterwards", forgetful{memory}, false, 200, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			app, lines := logged()
			app.Use(middleware.Idempotency(middleware.IdempotencyOptions{Store: tc.store, FailOpen: tc.open}))
			calls := 0
			app.Post("/", func(*redstart.Request) redstart.Response { calls++; return redstart.Text("done") })
			reply := send(app, "POST", "/", "", keyed)
			assert.Equal(t, tc.status, reply.Code)
			assert.NotContains(t, reply.Body.String(), "connection")
			assert.Equal(t, tc.calls, calls)
			assert.Contains(t, fmt.Sprint(lines.read(t)), "no connection")
		})
	}
}

// attentive is a store that asks whether its context has ended.
type attentive struct{ *middleware.MemoryReplies }

func (a attentive) Keep(ctx context.Context, key, token string, reply middleware.StoredReply, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return a.MemoryReplies.Keep(ctx, key, token, reply, ttl)
}

func TestIdempotencyKeepsTheReplyToAClientThatHasLeft(t *testing.T) {
	app := quiet()
	app.Use(middleware.Idempotency(middleware.IdempotencyOptions{Store: attentive{middleware.NewMemoryReplies(0, 0)}}))
	ctx, leave := context.WithCancel(t.Context())
	calls := 0
	app.Post("/", func(*redstart.Request) redstart.Response {
		calls++
		leave()
		return redstart.Text("done")
	})
	r := httptest.NewRequestWithContext(ctx, "POST", "/", nil)
	r.Header.Set("Idempotency-Key", "k")
	app.ServeHTTP(httptest.NewRecorder(), r)
	assert.Equal(t, "done", send(app, "POST", "/", "", keyed).Body.String())
	assert.Equal(t, 1, calls)
}

func TestMemoryRepliesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := middleware.NewMemoryReplies(10, 10_000)
		keep := func(key string, size int) {
			claim, err := store.Claim(t.Context(), key, "f", time.Minute)
			require.NoError(t, err)
			require.True(t, claim.Won)
			require.NoError(t, store.Keep(t.Context(), key, claim.Token, middleware.StoredReply{Body: make([]byte, size)}, time.Hour))
		}
		has := func(key string) bool {
			claim, err := store.Claim(t.Context(), key, "f", time.Minute)
			require.NoError(t, err)
			if claim.Won {
				require.NoError(t, store.Release(t.Context(), key, claim.Token))
			}
			return claim.Reply != nil
		}
		for i := range 15 {
			keep(fmt.Sprint(i), 10)
			assert.LessOrEqual(t, store.Len(), 10)
		}
		assert.False(t, has("4"))
		assert.True(t, has("14"))
		for i := range 11 {
			keep(fmt.Sprint("large", i), 990)
		}
		assert.False(t, has("14"), "as many bytes as there may be")
		assert.False(t, has("large0"))
		assert.True(t, has("large10"))
		keep("huge", 1001)
		assert.False(t, has("huge"))
		assert.True(t, has("large10"))

		time.Sleep(time.Hour)
		keep("new", 1)
		assert.Equal(t, 1, store.Len(), "what is over was forgotten in passing")

		for i := range 9 {
			_, err := store.Claim(t.Context(), fmt.Sprint("way", i), "f", time.Minute)
			require.NoError(t, err)
		}
		_, err := store.Claim(t.Context(), "way9", "f", time.Minute)
		require.NoError(t, err, "a reply makes room")
		_, err = store.Claim(t.Context(), "way10", "f", time.Minute)
		assert.ErrorIs(t, err, middleware.ErrRepliesFull, "requests under way do not")
		time.Sleep(time.Minute)
		_, err = store.Claim(t.Context(), "way10", "f", time.Minute)
		assert.NoError(t, err)
	})
}

func TestIdempotencyPassesEveryReplyOn(t *testing.T) {
	app := quiet()
	app.Use(middleware.Idempotency())
	kinds := everyReply(app)
	app.Post("/text", func(*redstart.Request) redstart.Response { return redstart.Text("posted") })
	for _, kind := range kinds {
		assert.Equal(t, kind.status, send(app, kind.method, kind.path, "", keyed).Code, kind.name)
	}
	assert.Equal(t, "posted", send(app, "POST", "/text", "").Body.String(), "without a key")
	assert.Equal(t, 404, send(app, "POST", "/nowhere", "", keyed+"2").Code)
	assert.Equal(t, "true", send(app, "POST", "/nowhere", "", keyed+"2").Header().Get("Idempotency-Replayed"), "a refusal is a reply too")
}

func TestIdempotencyPanicsWhenMisconfigured(t *testing.T) {
	assert.Equal(t, "middleware: Idempotency: Lease -1s: want a time above zero, or none for 1m0s", refused(t, func() { middleware.Idempotency(middleware.IdempotencyOptions{Lease: -time.Second}) }))
	assert.Equal(t, "middleware: NewMemoryReplies(-1, 0): want how many replies and bytes may be kept; 0 for 10000 and 64 MiB", refused(t, func() { middleware.NewMemoryReplies(-1, 0) }))
}
