package websocket

import (
	"cmp"
	"time"
)

// The defaults of a [Server].
const (
	DefaultHeartbeat       = 25 * time.Second
	DefaultPongTimeout     = 10 * time.Second
	DefaultWriteTimeout    = 10 * time.Second
	DefaultGrace           = 5 * time.Second
	DefaultDrainWindow     = time.Second
	DefaultMaxMessageBytes = 1 << 20
	DefaultOutboxBytes     = 1 << 20
)

// closeTimeout is how long the peer may take for its half of the closing handshake.
const closeTimeout = 5 * time.Second

// lingerTime is how long a connection that was failed stays open for the Close frame
// to arrive: closed at once, with data unread, TCP would reset it.
const lingerTime = time.Second

// settings are what the connections of a server, or those of one kind of
// conversation, have in common. They do not change.
type settings struct {
	heartbeat, pongTimeout time.Duration
	writeTimeout, grace    time.Duration
	maxMessage             int64 // negative for none
	outbox                 int   // negative for none
	policy                 Policy
	compression            bool
	rate                   Rate
}

// Rate is how many messages a peer may send: so many a second over time, and Burst at
// once. The zero Rate is no limit, and a Burst of zero is one second's worth. Pings
// count as messages.
type Rate struct {
	PerSecond float64
	Burst     int
}

// settings are the server's for conversations without options of their own.
func (s *Server) settings() *settings {
	s.settle.Do(func() {
		s.common = settings{
			heartbeat:    cmp.Or(s.Heartbeat, DefaultHeartbeat),
			pongTimeout:  cmp.Or(s.PongTimeout, DefaultPongTimeout),
			writeTimeout: cmp.Or(s.WriteTimeout, DefaultWriteTimeout),
			grace:        cmp.Or(s.Grace, DefaultGrace),
			maxMessage:   cmp.Or(s.MaxMessageBytes, DefaultMaxMessageBytes),
			outbox:       cmp.Or(s.OutboxBytes, DefaultOutboxBytes),
			policy:       s.OutboxPolicy,
			compression:  s.Compression,
			rate:         s.RateLimit,
		}
	})
	return &s.common
}

// tick is how exact the wheel of such connections has to be.
func (s *settings) tick() time.Duration {
	tick := time.Second
	for _, d := range []time.Duration{s.heartbeat, s.pongTimeout, s.writeTimeout} {
		if d > 0 {
			tick = min(tick, d/8)
		}
	}
	return max(tick, time.Millisecond)
}

// pace is a token bucket for what comes in.
type pace struct {
	rate   Rate
	tokens float64
	last   time.Time
}

func (p *pace) reset(s *settings) {
	if p.rate = s.rate; p.rate.PerSecond <= 0 {
		return
	}
	if p.rate.Burst <= 0 {
		p.rate.Burst = max(1, int(p.rate.PerSecond))
	}
	p.tokens, p.last = float64(p.rate.Burst), time.Now()
}

// allow takes a token.
func (p *pace) allow() bool {
	if p.rate.PerSecond <= 0 {
		return true
	}
	now := time.Now()
	p.tokens = min(float64(p.rate.Burst), p.tokens+now.Sub(p.last).Seconds()*p.rate.PerSecond)
	p.last = now
	if p.tokens < 1 {
		return false
	}
	p.tokens--
	return true
}
