package sse_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/redstart-go/redstart/sse"
)

func ExampleMessage() {
	m := sse.Message{
		Data:  "The Riddler was seen\nin the East End",
		Event: "crime_alert",
		ID:    "42",
		Retry: 3 * time.Second,
	}
	block, err := m.AppendTo(nil)
	fmt.Printf("%q %v\n", block, err)

	// A line break in a name could smuggle in fields, so it is refused.
	err = sse.Text("hello").WithEvent("a\ndata: b").Validate()
	fmt.Println(err)
	// Output:
	// "event: crime_alert\nid: 42\nretry: 3000\ndata: The Riddler was seen\ndata: in the East End\n\n" <nil>
	// sse: message event contains a line break at byte 1
}

func ExampleMessage_AppendTo() {
	// One buffer serves for many messages, and for the comment that keeps a
	// quiet connection alive.
	var buf []byte
	for _, text := range []string{"one", "two"} {
		var err error
		if buf, err = sse.Text(text).AppendTo(buf); err != nil {
			fmt.Println(err)
			return
		}
	}
	buf = sse.AppendComment(buf, "still here")
	fmt.Print(string(buf))
	// Output:
	// data: one
	//
	// data: two
	//
	// : still here
}

func ExampleJSON() {
	type crime struct {
		Kind     string `json:"kind"`
		District int    `json:"district"`
	}
	m := sse.JSON(crime{"riddle", 3}).WithEvent("crime_alert").WithID("42")
	fmt.Println(m.Data, m.Validate())

	// What can not be encoded is reported when the message is sent.
	fmt.Println(sse.JSON(make(chan int)).Validate())
	// Output:
	// {"kind":"riddle","district":3} <nil>
	// sse: message data cannot be encoded as JSON: json: unsupported type: chan int
}

func ExampleRead() {
	body := strings.NewReader(": welcome\n\n" +
		"event: crime_alert\nid: 42\ndata: {\"kind\":\"riddle\"}\n\n" +
		"data: two\ndata: lines\n\n")
	for m, err := range sse.Read(body) {
		if err != nil {
			fmt.Println("the stream broke off:", err)
			return
		}
		fmt.Printf("%q %q %q\n", m.Event, m.ID, m.Data)
	}
	// Output:
	// "crime_alert" "42" "{\"kind\":\"riddle\"}"
	// "" "42" "two\nlines"
}

func ExampleReader() {
	body := strings.NewReader("retry: 2000\nid: 7\ndata: hello\n\nid: 8\ndata: cut o")
	r := sse.NewReader(body)
	for {
		m, err := r.Next()
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(m.Data)
	}
	// What a client needs to know to come back.
	wait, _ := r.Retry()
	fmt.Println(r.LastEventID(), wait)
	// Output:
	// hello
	// EOF
	// 7 2s
}
