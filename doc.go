// Package redstart is a small web framework: a handler returns its reply as a
// value, and a live stream is a reply like any other.
//
//	app := redstart.New()
//	app.Get("/", func(req *redstart.Request) redstart.Response {
//		return redstart.Text("Hello, Gotham")
//	})
//	app.Start(":8080")
//
// # What a handler can return
//
// A [Response] is made by a constructor and refined by its methods. Each method
// returns a copy, so a response may be kept and shared.
//
//	constructor              status        Content-Type                  body
//	Text(s)                  200           text/plain; charset=utf-8     s
//	HTML(s)                  200           text/html; charset=utf-8      s, as it is
//	JSON(v)                  200           application/json              v encoded; [] for a nil slice
//	Bytes(b)                 200           application/octet-stream      b
//	Status(n)                n             none                          none
//	NoContent()              204           none                          none
//	Redirect(url)            302, or 303   none                          none; 303 unless the method is GET or HEAD
//	RedirectLocal(path)      the same      none                          the same; 400 for another site
//	File(path)               200 206 304   by the name                   the file, ranges and conditions honoured
//	Attachment(path, name)   the same      by the name                   the file, to be saved under that name
//	Stream(type, source)     200           type                          chunks, each flushed; any size
//	SSEResponse(source)      200           text/event-stream             Server-Sent Events
//	Fail(err)                of the error  application/problem+json      RFC 9457; text for a browser
//	Response{}               200           none                          none
//
// [Response.WithStatus], [Response.With], [Response.WithAdded],
// [Response.WithDefault], [Response.Without], [Response.WithCookie],
// [Response.ClearCookie], [Response.WithBody] and [Response.WithDone] refine any of
// them. A refinement that HTTP does not allow, such as a header with a line break,
// is a programming error: the client gets a 500, and the log says why.
//
// # Routes
//
// Patterns are literal segments, a parameter ":id", an optional last one ":slug?",
// and a last catch-all "*path". Of the routes that match, the most specific
// answers: text before parameter before catch-all. One trailing slash is the same
// route. HEAD is answered from GET, OPTIONS and 405 by themselves.
//
// A [Group] shares a prefix, middleware and an error handler, [App.Host] makes one
// for a host name. [App.Static] serves a folder, [App.Mount] any [http.Handler],
// [App.Const] a reply that never changes.
//
// # Middleware
//
// A [Middleware] wraps a [Handler] and sees values: it can look at the request,
// answer by itself, and refine or replace what the handler returned, whatever it
// is. Nothing has been written by then, and no ResponseWriter can be wrapped by
// mistake. [Before] and [After] make one of a plain function. [App.UseHTTP] takes
// the net/http kind.
//
// # Errors
//
// Return [Fail] with any error. One that has a method StatusCode() int chooses its
// status, and [Error] and [Errorf] make such. Any other is a 500 that tells the
// client nothing and the log everything, and so is a panic. The error is settled
// into its reply beside the handler, so that middleware sees the true status and
// its headers survive. [App.OnError] replaces the reply.
//
// # Streams
//
// [SSEResponse] takes an iterator, a channel, a function that sends, or a
// subscription to a hub of package sse. The dispatcher starts it when the outermost
// middleware has returned, ends its context when the client leaves, and writes one
// log line at its end. [Stream] is the same for bytes.
package redstart
