package websocket

import "time"

// Option refines one [Conversation]. Each that has a field of the same name in
// [Server] takes its place.
type Option func(*options)

// options are what differs from the server's.
type options struct {
	change       []func(*settings)
	origins      []string
	anyOrigin    bool
	setOrigins   bool
	subprotocols []string
	setProtocols bool
	onConnect    func(*Conn) (Message, error)
	onClose      func(*Conn) Message
	onEnd        []func(Report)
}

func set(change func(*settings)) Option {
	return func(o *options) { o.change = append(o.change, change) }
}

// Heartbeat pings a peer that was silent for d, so that intermediaries keep the
// connection and one that vanished is noticed. Zero or less turns it off.
func Heartbeat(d time.Duration) Option { return set(func(s *settings) { s.heartbeat = d }) }

// PongTimeout is how long a peer that was pinged may stay silent. Zero or less is for
// ever.
func PongTimeout(d time.Duration) Option { return set(func(s *settings) { s.pongTimeout = d }) }

// WriteTimeout is how long the peer may take to accept what is written, up to 256 KiB
// at a time, before it counts as too slow and is cut off. It may take up to a quarter
// longer until that is noticed. Zero or less is for ever.
func WriteTimeout(d time.Duration) Option { return set(func(s *settings) { s.writeTimeout = d }) }

// Grace is how long the function may go on once the server drains.
func Grace(d time.Duration) Option { return set(func(s *settings) { s.grace = d }) }

// MaxMessageBytes bounds a message that comes in, counted after decompression. One
// that is larger ends the connection with 1009. A negative n is no bound.
func MaxMessageBytes(n int64) Option { return set(func(s *settings) { s.maxMessage = n }) }

// Outbox bounds what may wait behind a write that is under way, in bytes, and says
// what happens to a message that is posted beyond it. A negative n is no bound.
func Outbox(n int, policy Policy) Option {
	return set(func(s *settings) { s.outbox, s.policy = n, policy })
}

// Compression says whether to agree to permessage-deflate (RFC 7692) when the client
// offers it. Messages of 512 bytes and more are then compressed. No memory is held
// for it between messages.
func Compression(on bool) Option { return set(func(s *settings) { s.compression = on }) }

// RateLimit bounds the messages that the peer may send. Beyond it the connection is
// closed with 1008.
func RateLimit(perSecond float64, burst int) Option {
	return set(func(s *settings) { s.rate = Rate{perSecond, burst} })
}

// Origins lists the pages that may connect, besides those of the same host: each as
// "https://gotham.city", exactly.
func Origins(origins ...string) Option {
	return func(o *options) { o.origins, o.anyOrigin, o.setOrigins = origins, false, true }
}

// InsecureAnyOrigin lets every page of the web connect, with the cookies of whoever
// looks at it. It is for conversations that need nobody's identity.
func InsecureAnyOrigin() Option {
	return func(o *options) { o.anyOrigin, o.setOrigins = true, true }
}

// Subprotocols lists the application protocols that the conversation speaks, the
// preferred one first. The first that the client offers too is agreed on; when there
// is none, [Conn.Subprotocol] is "".
func Subprotocols(names ...string) Option {
	return func(o *options) { o.subprotocols, o.setProtocols = names, true }
}

// OnConnect makes the first message that is sent. The zero Message is none. An error
// ends the conversation as if its function had returned it.
func OnConnect(f func(*Conn) (Message, error)) Option {
	return func(o *options) { o.onConnect = f }
}

// OnClose is called when the conversation is over, and makes the last message that is
// sent before the Close frame. The zero Message is none. It is called for every end,
// but a peer that has closed or left gets nothing any more.
func OnClose(f func(*Conn) Message) Option {
	return func(o *options) { o.onClose = f }
}

// OnEnd adds a function that is called exactly once: after the connection was closed,
// or when the conversation is discarded, or could not begin. It is the place to let go of what
// the handler acquired for it.
func OnEnd(f func(Report)) Option {
	return func(o *options) { o.onEnd = append(o.onEnd, f) }
}

// resolve applies the options to the server's settings.
func (o *options) resolve(common *settings) *settings {
	if len(o.change) == 0 {
		return common
	}
	own := *common
	for _, change := range o.change {
		change(&own)
	}
	return &own
}
