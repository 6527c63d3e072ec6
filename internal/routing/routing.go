// Package routing decides which route answers a request.
//
// It is a thin layer over httprouter's radix trees that keeps their speed and
// lifts their limits: any set of routes can be registered together, and the
// most specific one wins. A [Table] collects routes, [Table.Build] compiles
// them into an immutable [Matcher], and [Matcher.Lookup] fills a [Match]
// without allocating.
//
// # Patterns
//
//	pattern               path               result
//	/crimes               /crimes            match
//	                      /crimes/           match, one trailing slash is the same route
//	                      /Crimes            no match, case counts
//	/crimes/:id           /crimes/7          match, id = "7"
//	                      /crimes/a%2Fb      match, id = "a/b"
//	                      /crimes/           no match, a parameter is never empty
//	/files/*path          /files/a/b.txt     match, path = "a/b.txt"
//	                      /files/a/          match, path = "a/"
//	                      /files/            no match
//	                      /files//etc        no match, the rest never begins with a slash
//	/posts/:id/:slug?     /posts/7           match, id = "7"
//	                      /posts/7/joker     match, id = "7", slug = "joker"
//
// A pattern is written decoded ("/事件", not "/%E4%BA%8B%E4%BB%B6"). A parameter
// fills a whole segment, its name is made of letters, digits and "_".
//
// # Precedence
//
// Among the routes that match a path and answer a method, the most specific
// wins. Patterns are compared segment by segment from the left, and the first
// segment where they differ in kind decides: text before parameter before
// catch-all. Routes of the method "*" answer every method, and those of GET
// answer HEAD too. Only where two of them differ in nothing but the names of
// parameters does the method decide: the request's own comes first, then GET
// for HEAD, then "*". So "* /api/:x" answers GET /api/1 before "GET /*path"
// does, but not before "GET /api/:id".
//
// # Why layers
//
// An httprouter tree holds either text or one wildcard at each place, so
// /crimes/search/:word and /crimes/:id/notes cannot share one. Fully static
// paths therefore live in a hash table, and the other routes in as many trees
// ("layers") as they need, ordered so that the first layer with an answer has
// the most specific one. Nearly every application needs one layer. Each method
// has a hash table and layers of its own, into which the routes of GET and "*"
// that answer it as well are copied.
package routing
