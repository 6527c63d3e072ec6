// Package middleware holds what most applications put around their handlers. Each
// function makes a [redstart.Middleware], for App.Use, Group.Use, App.Group or
// redstart.With:
//
//	app.Use(
//		middleware.SecureHeaders(),
//		middleware.CORS(middleware.CORSOptions{Origins: []string{"https://gotham.city"}}),
//	)
//	api := app.Group("/api",
//		middleware.BodyLimit(64<<10),
//		middleware.Timeout(2*time.Second),
//	)
//
// What a middleware cannot do without is an argument. All else is in its Options,
// a struct that may be left out and whose zero value is safe. What weakens a
// defence is called Insecure. A wrong configuration panics when the middleware is
// made, and says what is wrong and what to write instead.
//
// # What the application does by itself
//
// [redstart.New] recovers from panics, gives each request an id, writes an access
// log and bounds bodies. Four of these middleware are for who wants that otherwise:
//
//	middleware   instead of, or beside                    what it is for
//	Recover      beside the application's own, or with    another reply for a group; a hook that
//	             WithoutRecover                           reports panics
//	RequestID    instead of the application's ids, or     another header, generator, or trust in
//	             with WithoutRequestID                    ids of clients
//	AccessLog    instead of the application's line, per   other fields, levels, loggers; requests
//	             request                                  that are not logged
//	BodyLimit    instead of WithBodyLimit, for a group    what redstart.BodyLimit is for a route
//
// # What sees what
//
// Middleware of the App is around everything, that of a group or a route around its
// routes only. A row says what a middleware there does with each kind of reply:
//
//	middleware     404, 405    CORS preflight   error, panic   stream, file, mount   WithoutRecover
//	Recover        as others   passes on        replies        before it begins      replies to panics
//	RequestID      as others   as others        as others      as others             as others
//	AccessLog      one line    one line         one line       one line, at its end  no line of its own for a panic
//	CORS           headers     answers it       headers        headers               no headers on a panic
//	SecureHeaders  headers     headers          headers        headers               no headers on a panic
//	BodyLimit      413 first   passes on        as others      as others             as others
//	Timeout        as others   passes on        as others      until it begins       panics keep their stack
//
// "404, 405" is about the App's middleware; groups do not see these replies. A CORS
// preflight for a route passes that route's middleware, its group's included.
//
// # In what order
//
// The first is the outermost: it sees the request first and the reply last. One
// that answers by itself leaves out all that is inside of it.
//
//	order  middleware      because
//	1      RequestID       everything inside logs with the id
//	2      AccessLog       sees every reply, those of the middleware inside included
//	3      Recover         its reply gets the headers of 1 and 2, and is logged
//	4      SecureHeaders   on each reply of those inside, refusals too
//	5      CORS            a preflight carries no credentials: answer it before asking for any;
//	                       and let a page read the error replies of what is inside
//	6      authentication  before work is done for anybody
//	7      BodyLimit       before anything reads the body
//	8      Timeout         innermost: it bounds the handler, and what is inside of it may be given up
package middleware
