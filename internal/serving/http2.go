package serving

import (
	"cmp"
	"fmt"
	"net/http"
	"time"
)

// CheckHTTP2 finds settings that net/http would ignore without a word.
func CheckHTTP2(h http.HTTP2Config) error {
	const kib = 1 << 10
	for _, f := range []struct {
		name             string
		value, low, high int
	}{
		{"MaxConcurrentStreams", h.MaxConcurrentStreams, 1, 1<<31 - 1},
		{"MaxDecoderHeaderTableSize", h.MaxDecoderHeaderTableSize, 1, 4096*kib - 1},
		{"MaxEncoderHeaderTableSize", h.MaxEncoderHeaderTableSize, 1, 4096*kib - 1},
		{"MaxReadFrameSize", h.MaxReadFrameSize, 16 * kib, 16384 * kib},
		{"MaxReceiveBufferPerConnection", h.MaxReceiveBufferPerConnection, 64 * kib, 4096*kib - 1},
		{"MaxReceiveBufferPerStream", h.MaxReceiveBufferPerStream, 1, 4096*kib - 1},
	} {
		if f.value != 0 && (f.value < f.low || f.value > f.high) {
			return fmt.Errorf("%s is %d: want %d to %d, or 0 for the default", f.name, f.value, f.low, f.high)
		}
	}
	if h.PingTimeout < 0 {
		return fmt.Errorf("PingTimeout is %v: turn pings off by a negative SendPingTimeout", h.PingTimeout)
	}
	return nil
}

// http2 completes the settings. A connection that is silent is asked whether anybody is
// there: TCP alone does not tell for minutes.
func (c *Config) http2() *http.HTTP2Config {
	h := c.HTTP2
	Default(&h.SendPingTimeout, 30*time.Second)
	Default(&h.PingTimeout, 15*time.Second)
	Default(&h.WriteByteTimeout, c.StallTimeout)
	h.MaxConcurrentStreams = cmp.Or(h.MaxConcurrentStreams, 250)
	return &h
}

// Default fills in a time that was not chosen: zero stands for the fallback, a negative
// one for none.
func Default(d *time.Duration, fallback time.Duration) {
	*d = max(cmp.Or(*d, fallback), 0)
}
