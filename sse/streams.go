package sse

import (
	"sync"
	"time"
)

// ServerStats is what a [Server] has counted since it began.
type ServerStats struct {
	// Open is the number of streams that are open now.
	Open int
	// Ended counts the streams that have ended, by reason. Those that never began are
	// among them.
	Ended map[Reason]int64
	// Events, Bytes and Duration are of the streams that have ended, in all.
	Events, Bytes int64
	Duration      time.Duration
	// Draining says that no streams are taken any more.
	Draining bool
}

// Stats returns what the server has counted.
func (s *Server) Stats() ServerStats {
	stats := s.counts.stats()
	s.mu.Lock()
	defer s.mu.Unlock()
	stats.Open, stats.Draining = len(s.open), s.draining
	return stats
}

// streamCounts counts the streams of a server that have ended.
type streamCounts struct {
	mu            sync.Mutex
	ended         map[Reason]int64
	events, bytes int64
	duration      time.Duration
}

func (c *streamCounts) add(r *Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		c.ended = map[Reason]int64{}
	}
	c.ended[r.Reason]++
	c.events += r.Events
	c.bytes += r.Bytes
	c.duration += r.Duration
}

func (c *streamCounts) stats() ServerStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	ended := make(map[Reason]int64, len(c.ended))
	for reason, n := range c.ended {
		ended[reason] = n
	}
	return ServerStats{Ended: ended, Events: c.events, Bytes: c.bytes, Duration: c.duration}
}

// StreamInfo describes an open stream.
type StreamInfo struct {
	// Remote is the address of the peer, and Path that of the request; a parked
	// stream has let go of the latter.
	Remote, Path string
	// Topics are those of a subscription to a hub.
	Topics []string
	// Parked says that the connection was taken over; see [Transport].
	Parked bool
	Begin  time.Time
	Events int64
	Bytes  int64
	// Lag is by how many of the hub's positions the subscriber is behind the last
	// message, those of other topics counted too. It is not known (-1) for one that
	// is not parked.
	Lag int64
	// Blocked is for how long the client has taken nothing though there is more.
	Blocked time.Duration
}

// Streams describes the streams that are open now, at most limit of them, in no order;
// 0 is no limit. It takes a while for many.
func (s *Server) Streams(limit int) []StreamInfo {
	s.mu.Lock()
	var streams []interface{ info() StreamInfo }
	for a := range s.open {
		if limit > 0 && len(streams) == limit {
			break
		}
		streams = append(streams, a.stream)
	}
	s.mu.Unlock()
	infos := make([]StreamInfo, len(streams))
	for i, stream := range streams {
		infos[i] = stream.info()
	}
	return infos
}

// servedStream is an open stream on its request's goroutine.
type servedStream struct {
	out          *writer
	begin        time.Time
	remote, path string
	subscription *Subscription
}

func (s *servedStream) info() StreamInfo {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	info := StreamInfo{
		Remote: s.remote, Path: s.path, Begin: s.begin,
		Events: s.out.events, Bytes: s.out.bytes, Lag: -1,
	}
	if s.subscription != nil {
		info.Topics = s.subscription.topics
	}
	if s.out.writing != 0 {
		info.Blocked = time.Duration(time.Now().UnixNano() - s.out.writing)
	}
	return info
}

func (p *parkedStream) info() StreamInfo {
	status := p.conn.Status()
	info := StreamInfo{
		Remote: status.Remote, Parked: true, Begin: p.begin,
		Events: status.Messages, Bytes: status.Bytes, Lag: status.Behind, Blocked: status.Blocked,
	}
	for _, t := range p.seat.topics {
		info.Topics = append(info.Topics, t.name)
	}
	return info
}
