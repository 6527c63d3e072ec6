// Package sse sends and reads server-sent events (WHATWG HTML section 9.2) with
// plain net/http. It needs no framework: a [Stream] is an [http.Handler] for one
// request, and a [Hub] fans messages out to as many clients as there are.
//
// # A stream
//
// A stream is made from a source of messages and served once:
//
//	http.HandleFunc("/clock", func(w http.ResponseWriter, r *http.Request) {
//		sse.NewStream(sse.Func(func(ctx context.Context, send sse.Send) error {
//			for {
//				if err := send(sse.Text(time.Now().String()).WithEvent("tick")); err != nil {
//					return err
//				}
//				select {
//				case <-time.After(time.Second):
//				case <-ctx.Done():
//					return context.Cause(ctx)
//				}
//			}
//		})).ServeHTTP(w, r)
//	})
//
// The source may be any of these. What tells them apart is how they learn that
// the stream is over, be it that the client left, the server drains or the stream
// is too old:
//
//	source                              runs on                    learns of the end by
//	func(yield func(Message) bool)      the request's goroutine    yield returning false
//	func(yield func(Message, error)     the request's goroutine    yield returning false; an error of its own
//	  bool)                                                        fails the stream
//	sse.Func(func(ctx, send) error)     the request's goroutine    ctx, and send returning an error
//	sse.Go(func(ctx, send) error)       a goroutine of its own,    ctx, and send returning an error; it may
//	                                    which is waited for        run ahead of the network by 256 KB
//	chan Message, <-chan Message        wherever the producer      nothing: what it still sends is thrown
//	                                    does                       away until it closes the channel
//	hub.Subscribe(topics...)            nowhere                    it need not
//
// Use a Func unless there is a reason for another. A function that sleeps between
// its yields cannot be woken up when the client leaves.
//
// The header and a first comment are sent at once, so that the page's onopen
// fires. Each message is sent as soon as it is there; messages that come faster
// than the network takes them go out together. Nobody has to flush. Timeouts of
// the [http.Server] neither end nor silence a stream, but its ResponseWriter has
// to reach the stream: middleware that wraps it must have an Unwrap method, or
// the request fails with an [UnsupportedWriterError] that names the wrapper.
//
// # A hub
//
// A hub keeps a bounded log of what was published, and each subscriber is a
// position in it. Publishing waits for nobody, and a client that was cut off
// continues behind the last event it saw:
//
//	hub := sse.NewHub()
//	http.HandleFunc("POST /crimes", func(w http.ResponseWriter, r *http.Request) {
//		// ...
//		_, err := hub.Publish(r.Context(), "crimes", sse.JSON(crime).WithEvent("crime_alert"))
//		// ...
//	})
//	http.HandleFunc("GET /crimes/live", func(w http.ResponseWriter, r *http.Request) {
//		sse.NewStream(hub.Subscribe("crimes")).ServeHTTP(w, r)
//	})
//
// A browser sends the position by itself when it reconnects. A page that shows a
// state first takes [Hub.Cursor] before it reads the state, and opens its stream
// with ?lastEventID= that cursor; see [LastEventID].
//
// A subscriber waits without a goroutine or a buffer of its own where that is
// possible: over HTTP/1.1 without TLS, when the ResponseWriter is net/http's own,
// the connection is taken over once the header is out and the handler returns (see
// [Transport]). Serve then reports Parked, and OnEnd tells of the true end.
//
// # States, filters and who is there
//
// Most messages say what has changed, and each of them counts. One that is the whole
// state of something, such as a position on a map, takes the place of the one before:
// see [Message.WithStateKey] and [StateTopic]. A [Topic] carries values of one Go type.
//
// A subscription can leave messages out ([Subscription.Filter]), can begin with the
// state that the messages change ([Subscription.Snapshot]), and can say whose it is
// ([Subscription.As], [Hub.Presence]). [Authorize] has a hub ask, on each connect,
// whether a client may have a topic.
//
// # Several machines
//
// A hub is put [Over] a [Broker], which orders and keeps the messages of all hubs above
// it. Everything else stays as it is: an id resumes on every node.
//
//	broker, err := jetstream.Connect(ctx, "nats://nats:4222")
//	// ...
//	hub := sse.NewHub(sse.Over(broker))
//
// Each node follows the broker once, keeps what [Retain] says, and serves its clients
// from that; who was away for longer is served from the broker. A client that comes to
// a node which is behind the one it left waits, and is told neither of a gap nor
// anything twice. When the broker cannot be reached, messages wait with it, and Publish
// fails: give messages an idempotency key (an ID) and publish them again.
//
// # Events of the package's own
//
//	event         sent when                                        data                    id, retry
//	sse.hello     a subscriber came without a position, or its     empty                   id: its position now
//	              filter kept nothing for long
//	sse.gap       a subscriber missed messages that are gone, or   {"reason","from"}, the  id: where it goes on;
//	              came with a position that is none: load the      reason being evicted,   none before a snapshot
//	              state anew                                       epoch, future or
//	                                                               invalid
//	sse.snapshot  a snapshot is complete                           empty                   id: the position of it
//	sse.join      a member came to the topic (published to it)     {"name"}                id, like any message
//	sse.leave     a member left the topic (published to it)        {"name"}                id, like any message
//	sse.bye       the stream ends and the client is to come back   drained, aged, refused, retry: when, at random
//	                                                               lagging or hub closed
//	error         the source failed; the body then ends uncleanly  a fixed text, or what   none
//	                                                               ErrorMessage chooses
//
// A page needs to listen to none of them but sse.gap, if it keeps a state. An
// EventSource reconnects after each of them by itself, and gives up for good on
// any status but 200. That is why clients beyond a limit are turned away with
// status 200 and sse.bye. Answer with a status where they are to stay away:
// [Status](204), or 401, 403 and 404 before the stream.
//
// # Defaults
//
//	what                             default            option, field of Server
//	comment after a silence          15 s               Heartbeat, VisibleHeartbeat
//	time for the client to take      5 s                WriteTimeout
//	  what is written
//	age of a stream                  no limit           MaxAge
//	time to finish in a drain        5 s; none for      Grace
//	                                 subscriptions
//	goodbyes of a drain, spread over 1 s                Server.DrainWindow
//	reconnection after sse.bye       1 to 3 s           Server.Retry
//	reconnection otherwise           the client's own   Retry
//	open streams                     no limit           Server.MaxStreams, MaxStreamsPerClient
//	what a hub retains               65536 messages,    Retain, RetainPerTopic
//	                                 64 MiB, any age
//	what a reader takes              1 MiB an event     Reader.MaxEventBytes
//	absence before sse.leave         5 s                PresenceGrace
//
// For anything but the defaults make one [Server] for the program, and serve its
// streams by [Server.Handle]. Call [Server.Drain] before [http.Server.Shutdown],
// which would wait in vain for the streams that it serves, and knows nothing of those
// that are parked.
//
// # Behind a proxy
//
// The header X-Accel-Buffering: no, which every stream has, turns off nginx's
// buffering, and the heartbeat is well below its read timeout of 60 seconds. So
// this is enough:
//
//	location /crimes/live {
//		proxy_pass http://127.0.0.1:8080;
//		proxy_http_version 1.1;
//		proxy_set_header Connection "";
//	}
//
// A version of 1.1 is wanted since under 1.0, which long was nginx's default, the
// end of the body cannot be told from a broken connection. If nginx is told to
// ignore X-Accel headers, add "proxy_buffering off;". Should it compress
// text/event-stream ("gzip_types"), take that out. Browsers open no more than six
// HTTP/1.1 connections to a site, and every EventSource is one: let nginx speak
// HTTP/2 to them ("http2 on;").
//
// HAProxy heeds no such header. With its default settings it holds each chunk of a
// chunked response back by up to 200 ms, to fill its packets; "option http-no-delay"
// in the backend or the frontend cures that.
//
// Bytes that a client sends behind its request hide from net/http that it leaves:
// over HTTP/1.1, a stream that is generated then notices no earlier than at its next
// write or heartbeat.
//
// # A client
//
// [Read] and [Reader] read a stream as a browser does, with the same rules for
// ids, line ends and broken text.
package sse
