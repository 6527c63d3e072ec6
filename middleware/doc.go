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
// made, and says what is wrong, where, and what to write instead.
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
// # What there is
//
//	to look on    RequestID AccessLog Tracing Health
//	to know       Session, and the schemes Bearer JWT Basic APIKey SessionAuth, by AnyOf
//	to protect    Recover RateLimit CSRF CORS SecureHeaders BodyLimit Timeout Maintenance
//	to save       Compress ETag Idempotency
//
// What is to be shared by several processes has a store that may be replaced: a
// [LimitStore] for RateLimit, of which [OpenSQLLimits] is one in a database, a
// [SessionStore] for Session, of which [OpenSQLSessions] is one, and a [ReplyStore] for
// Idempotency, of which [OpenSQLReplies] is one. Each says what happens while its store
// fails.
//
// # Who asks
//
// A scheme is an [Auth]. It goes into Secure, of the App or a group, or into
// [redstart.Secured] for a route, so that documents know of it too:
//
//	app.Use(middleware.Session(middleware.SessionOptions{Keys: [][]byte{secret}}))
//	app.Post("/login", func(req *redstart.Request) redstart.Response {
//		user, err := users.Check(req.Context(), name, password)
//		if err != nil {
//			return redstart.Fail(err)
//		}
//		if err := middleware.Login(req, user.ID); err != nil {
//			return redstart.Fail(err)
//		}
//		return redstart.RedirectLocal(req.Query("next"))
//	})
//	inside := app.Group("/cave")
//	inside.Secure(middleware.AnyOf(middleware.SessionAuth(users.Load), middleware.JWT(tokens)))
//	inside.Delete("/trophies/:id", remove, redstart.Secured(middleware.RequireScopes("trophies:write")))
//
// The handler asks req.Identity(), or [redstart.IdentityFrom] with a context. What a browser
// sends by itself, which is a cookie or the password of Basic, is not taken from pages of
// other sites: these schemes do for their requests what CSRF does for all.
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
//	Tracing        a span      a span           a span         a span, to its end    a span, of status 500
//	Health         answers its own paths; all else passes on
//	Maintenance    503         503              as others      503 before it begins  as others
//	SecureHeaders  headers     headers          headers        headers               no headers on a panic
//	CORS           headers     answers it       headers        headers               no headers on a panic
//	CSRF           403 first   passes on        as others      403 before it begins  as others
//	Session        kept        kept             kept           kept before it begins not kept on a panic
//	Auth           401 first   401              as others      401 before it begins  as others
//	RateLimit      counts      counts           counts         counts it once        no headers on a panic
//	Compress       by size     passes on        by size        chunk by chunk        as others
//	ETag           passes on   passes on        passes on      passes on             as others
//	Idempotency    replays     passes on        errors below 500 are replayed, others and streams are not
//	BodyLimit      413 first   passes on        as others      as others             as others
//	Timeout        as others   passes on        as others      until it begins       panics keep their stack
//
// "404, 405" is about the App's middleware; groups do not see these replies. A CORS
// preflight for a route passes that route's middleware, its group's included. No
// middleware delays, buffers or encodes an event stream; Compress flushes what other
// streams flush.
//
// # In what order
//
// The first is the outermost: it sees the request first and the reply last. One
// that answers by itself leaves out all that is inside of it.
//
//	order  middleware      because
//	1      Health          asked by machines, all the time: nothing else need see it
//	2      RequestID       everything inside logs with the id
//	3      Tracing         the span is of all the time that the request takes
//	4      AccessLog       sees every reply, those of the middleware inside included
//	5      Recover         its reply gets the headers of 2 to 4, and is logged
//	6      SecureHeaders   on each reply of those inside, refusals too
//	7      CORS            a preflight carries no credentials: answer it before asking for any;
//	                       and let a page read the error replies of what is inside
//	8      Maintenance     closes the site for everybody inside
//	9      RateLimit       before work is done, or a password is tried
//	10     Compress        what is inside sees, and may replace, the body as it was
//	11     ETag            of that body; inside of Compress, which makes the tag weak
//	12     CSRF            before what trusts a cookie
//	13     Session         before who reads it; its own check of the origin comes with it
//	13     Auth            before work is done for anybody
//	14     BodyLimit       before anything reads the body
//	15     Timeout         bounds the handler, and what is inside of it may be given up
//	16     Idempotency     innermost: it has the key for as long as a handler that was given up
//	                       goes on, and keeps replies apart by who asked
package middleware
