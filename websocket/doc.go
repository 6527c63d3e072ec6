// Package websocket holds WebSocket conversations (RFC 6455), compressed where both
// sides like (RFC 7692), with plain net/http. It needs no framework: a [Conversation]
// is an [http.Handler] for one request. [Dial] is the client.
//
// # A conversation
//
// A conversation is made of a function and served once:
//
//	http.HandleFunc("/chat", func(w http.ResponseWriter, r *http.Request) {
//		if !mayEnter(r) {
//			http.Error(w, "badge, please", http.StatusUnauthorized) // an ordinary reply
//			return
//		}
//		websocket.NewConversation(func(conn *websocket.Conn) error {
//			for msg, err := range conn.Messages() {
//				if err != nil {
//					return err
//				}
//				if err := conn.Send(msg); err != nil {
//					return err
//				}
//			}
//			return nil
//		}).ServeHTTP(w, r)
//	})
//
// The request is an ordinary one until then: middleware, cookies and authentication
// work as ever, and may answer it in their own way. ServeHTTP checks the handshake,
// takes the connection over, starts the function on a goroutine of its own and
// returns, so that neither the goroutine of the request nor its buffers are kept. What
// belongs to the request stays valid: [Conn.Request], and the values of [Conn.Context].
// Middleware that wraps the ResponseWriter has to have an Unwrap method, or the request fails
// with an [UnsupportedWriterError] that names the wrapper.
//
// What the function returns closes the connection:
//
//	returned                      code
//	nil                           1000
//	Close(code, reason)           that code
//	the error of Read or Send     the connection has ended already
//	the error of Message.JSON     1007, or 1003 for a message that is not text
//	any other error, or a panic   1011, and the cause is in the Report only
//
// What the peer sees is in this order: what OnConnect makes, what the function sends,
// what OnClose makes, the Close frame.
//
// # Reading
//
// [Conn.Messages] and [Conn.Read] wait for whole messages. Only one goroutine may read.
// A read whose context ends does no harm: the next one goes on where it was. When the
// connection is over, each read gives the same [*CloseError], which is also the cause
// of the end of [Conn.Context].
//
// Pings are answered and pongs noticed while somebody reads. A function that does not
// read for some seconds is stood in for, up to the next message: so one that only
// sends is told of its peer's leaving too, by its context.
//
// # Sending
//
// Every method that sends is safe from any goroutine, and messages go out whole and in
// order. A message that finds the line free is written by its sender, and what comes meanwhile is
// queued behind it in the outbox, which is bounded.
//
//	method                          when the peer is slow
//	Send, SendText, SendJSON, ...   waits for room, up to the write timeout
//	Write                           the same, until its context ends
//	Writer                          one message in pieces: waits for its turn
//	Post, PostKeyed, PostPrepared   never waits: the outbox's Policy decides
//
// A broadcast is a Post to each member. [Prepare] encodes its message once for all.
//
// # Defaults
//
//	what                                default            option, field of Server
//	ping after a silence of             25 s               Heartbeat
//	answer to a ping within             10 s               PongTimeout
//	time to take what is written        10 s               WriteTimeout
//	size of a message, decompressed     1 MiB              MaxMessageBytes
//	outbox                              1 MiB              Outbox; Server.OutboxBytes
//	full outbox                         close with 1013    Outbox; Server.OutboxPolicy
//	compression                         off                Compression
//	pages that may connect              of the same host   Origins, InsecureAnyOrigin
//	subprotocols                        none               Subprotocols
//	messages of a client per second     no limit           RateLimit
//	open connections                    no limit           Server.MaxConns, MaxConnsPerClient
//	time to finish in a drain           5 s                Grace
//	goodbyes of a drain, spread over    1 s                Server.DrainWindow
//
// For anything but the defaults make one [Server] for the program, and serve its
// conversations by [Server.Handle]. Call [Server.Drain] before
// [http.Server.Shutdown], which knows nothing of connections that were taken over.
//
// The same host means that the Origin of a page, which browsers send, names the Host
// of the request. Behind a proxy the Host has to be passed on:
//
//	location /chat {
//		proxy_pass http://127.0.0.1:8080;
//		proxy_http_version 1.1;
//		proxy_set_header Host $host;
//		proxy_set_header Upgrade $http_upgrade;
//		proxy_set_header Connection "upgrade";
//	}
//
// The heartbeat is well below nginx's read timeout of 60 seconds.
//
// # Tests
//
// With [DialOptions].Handler set, a conversation is reached in memory, without a port,
// and with the fake time of [testing/synctest] where that is wanted. Such a connection
// has no buffers: what one side writes waits until the other reads.
//
// # What is left out
//
// WebSockets over HTTP/2 (RFC 8441): a request for one is answered with status 505.
// Contexts of compression that are kept from message to message.
package websocket
