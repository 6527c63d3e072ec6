// Package gotham is a program with a route of every kind, for tests of what documents
// tell of it.
package gotham

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/websocket"
)

// Kind is an enum by its own word.
type Kind string

// OpenAPISchema lists the kinds.
func (Kind) OpenAPISchema() any {
	return map[string]any{"type": "string", "enum": []string{"robbery", "arson", "riddle"}, "description": "What it is."}
}

// Badge is a text by its methods.
type Badge [4]byte

// MarshalText and UnmarshalText make it one.
func (b Badge) MarshalText() ([]byte, error)  { return b[:], nil }
func (b *Badge) UnmarshalText(t []byte) error { copy(b[:], t); return nil }

// UUID is known by its name and shape.
type UUID [16]byte

// MarshalText and UnmarshalText make it a text.
func (u UUID) MarshalText() ([]byte, error) {
	return []byte("00000000-0000-0000-0000-000000000000"), nil
}
func (u *UUID) UnmarshalText(t []byte) error { copy(u[:], t); return nil }

// Audit is embedded.
type Audit struct {
	Created time.Time  `json:"created" doc:"When it was reported."`
	Closed  *time.Time `json:"closed"`
}

// Place is used by requests and replies.
type Place struct {
	Street string  `json:"street" validate:"required,min=2,max=80" example:"Crime Alley"`
	Lat    float64 `json:"lat,omitempty" validate:"min=-90,max=90"`
}

// Crime is what replies have.
type Crime struct {
	ID       int             `json:"id" example:"7"`
	Kind     Kind            `json:"kind"`
	Severity int             `json:"severity" doc:"How bad it is."`
	Place    Place           `json:"place"`
	Suspects []*Suspect      `json:"suspects"`
	Took     time.Duration   `json:"took" example:"1m30s"`
	Photo    []byte          `json:"photo,omitempty"`
	Extra    json.RawMessage `json:"extra,omitempty"`
	Anything any             `json:"anything"`
	Counts   map[string]int  `json:"counts"`
	By       Badge           `json:"by"`
	Key      UUID            `json:"key"`
	Old      string          `json:"old,omitempty" deprecated:"true"`
	Total    int64           `json:"total,string"`
	Audit
}

// StatusCode is that of a new one.
func (*Crime) StatusCode() int { return http.StatusCreated }

// Header says where it is.
func (c *Crime) Header() http.Header {
	return http.Header{"Location": {"/crimes/" + strconv.Itoa(c.ID)}}
}

// Suspect refers to itself.
type Suspect struct {
	Name  string     `json:"name"`
	Knows []*Suspect `json:"knows,omitempty"`
}

// NewCrime is what requests bring.
type NewCrime struct {
	Kind     Kind     `json:"kind" validate:"required"`
	Severity int      `json:"severity" default:"1" validate:"min=1,max=5" doc:"How bad it is, from 1 to 5." example:"3"`
	Place    Place    `json:"place" validate:"required"`
	Tags     []string `json:"tags" validate:"max=3,unique,dive,min=2,alphanum"`
	Mail     *string  `json:"mail" validate:"email" doc:"Whom to tell."`
	Notify   bool     `query:"notify" default:"true"`
	Badge    string   `header:"X-Badge" validate:"required,len=4" example:"B007"`
}

// Search has a parameter of every kind.
type Search struct {
	District int           `path:"district" validate:"min=1,max=12" doc:"Of twelve." example:"3"`
	Kinds    []string      `query:"kind" validate:"max=2,dive,oneof=robbery arson 'tea party'"`
	Tags     []string      `query:"tags,comma" default:"open,new"`
	Limit    int           `query:"limit" default:"20" validate:"gt=0,lte=100"`
	Since    time.Time     `query:"since"`
	Within   time.Duration `query:"within" default:"24h"`
	Trace    []int         `header:"X-Trace"`
	Mask     string        `cookie:"mask" validate:"startswith=b.,endswith=n"`
	By       *Badge        `query:"by" deprecated:"true"`
}

// Page is generic.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// Photo is a form with files.
type Photo struct {
	ID    int                `path:"id"`
	Title string             `form:"title" validate:"required,max=40"`
	Photo *redstart.Upload   `form:"photo" validate:"required" doc:"An image."`
	More  []*redstart.Upload `form:"more"`
	Tags  []string           `form:"tags,comma"`
}

// Login is a form without files.
type Login struct {
	Name     string `form:"name" validate:"required"`
	Password string `form:"password" validate:"required"`
	Remember bool   `form:"remember"`
}

// Message is what the chat carries.
type Message struct {
	From string `json:"from"`
	Text string `json:"text"`
}

type byID struct {
	ID int `path:"id"`
}

type store struct{}

func (store) Report(_ context.Context, in *NewCrime) (*Crime, error) {
	return &Crime{ID: 7, Kind: in.Kind, Severity: in.Severity, Place: in.Place, Suspects: []*Suspect{}}, nil
}
func (store) Search(context.Context, *Search) (Page[Crime], error) {
	return Page[Crime]{Items: []Crime{}}, nil
}
func (store) Close(context.Context, *byID) error { return nil }
func (store) Attach(_ context.Context, in *Photo) (Message, error) {
	return Message{From: in.Title, Text: in.Photo.Name + " " + strconv.FormatInt(in.Photo.Size, 10)}, nil
}
func (store) Feed(context.Context) (redstart.EventStream[Message], error) {
	feed := func(ctx context.Context, send func(Message) error) error {
		for n := 1; ; n++ {
			if err := send(Message{From: "Gordon", Text: "alarm " + strconv.Itoa(n)}); err != nil || n == 3 {
				<-ctx.Done()
				return err
			}
		}
	}
	return redstart.Events[Message](feed).WithEvent("alarm").WithID(func(m Message) string { return m.Text[6:] }), nil
}

func chat(*redstart.Request) redstart.Response {
	return redstart.Socket(func(conn *websocket.Conn) error {
		for m, err := range conn.Messages() {
			if err != nil {
				return err
			}
			if err := conn.Send(m); err != nil {
				return err
			}
		}
		return nil
	})
}

func plain(*redstart.Request) redstart.Response { return redstart.Text("hello") }

// App makes the program.
func App(opts ...redstart.Option) *redstart.App {
	app := redstart.New(append([]redstart.Option{redstart.WithoutAccessLog(), redstart.WithAPI(redstart.API{
		Title: "Gotham's crimes", Version: "1.2.0", Summary: "What happens at night",
		Description: "Every crime of the city, **live**.\n\nSee [the signal](https://example.com/signal), or `GET /crimes/feed`.",
	})}, opts...)...)
	var s store

	crimes := app.Group("/crimes")
	crimes.Describe(redstart.GroupDoc{Tag: "Crimes", Description: "What was *reported*."})
	redstart.Post(crimes, "/", s.Report, redstart.Describe(redstart.Doc{
		Description: "The crime is on every open dashboard within a blink.",
		Problems:    []int{409, 429},
		RequestExample: map[string]any{
			"kind": "riddle", "severity": 3, "place": map[string]any{"street": "Crime Alley"}, "tags": []string{"green"},
		},
	}))
	redstart.Delete(crimes, "/:id", redstart.NoOutput(s.Close), redstart.Describe(redstart.Doc{Summary: "Close a crime", ID: "closeCrime"}))
	redstart.Get(crimes, "/feed", redstart.NoInput(s.Feed), redstart.Describe(redstart.Doc{Summary: "Follow what happens"}))
	redstart.Post(crimes, "/:crime/photos", redstart.NoInput(s.unused), redstart.Hidden())
	redstart.Put(crimes, "/:id/photo", s.Attach)

	redstart.Get(app.Group("/districts/:district"), "/crimes", s.Search, redstart.Name("search crimes"))

	guard := redstart.Security{
		Middleware: func(next redstart.Handler) redstart.Handler { return next },
		Schemes: []redstart.SecurityScheme{
			{Name: "bearer", Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
			{Name: "key", Type: "apiKey", In: "header", Param: "X-Key", Description: "From the commissioner."},
		},
		Scopes: []string{"crimes:close"},
	}
	staff := app.Group("/api/v1/staff")
	staff.Secure(guard)
	redstart.Post(staff, "/login", redstart.NoOutput(func(context.Context, *Login) error { return nil }))
	staff.Get("/files/*path", plain, redstart.Describe(redstart.Doc{Summary: "A file of the case", Deprecated: true}))
	staff.Get("/posts/:id/:page?", plain)
	staff.Any("/echo", plain)

	app.WebSocket("/chat/:room", chat, redstart.Describe(redstart.Doc{
		Summary: "Talk", Tags: []string{"Live"}, Socket: &redstart.SocketDoc{Receives: Message{}, Sends: Message{}},
	}))
	app.Get("/events", func(*redstart.Request) redstart.Response {
		return redstart.SSEResponse(func(yield func(redstart.SSEMessage) bool) { yield(sse.Text("one")) })
	}, redstart.Describe(redstart.Doc{Summary: "Plain events", Tags: []string{"Live"}, Events: map[string]any{"crime": Crime{}, "": nil}}))
	app.Get("/", plain, redstart.Hidden())
	app.Mount("/metrics", http.NotFoundHandler())
	return app
}

func (store) unused(context.Context) (Message, error) { return Message{}, nil }
