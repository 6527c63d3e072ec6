package serving

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// recheck is how often, at most, the files of a certificate are looked at.
const recheck = 2 * time.Second

// certificate is a pair of PEM files that follows changes of them.
type certificate struct {
	certFile, keyFile string
	logger            zerolog.Logger

	now  atomic.Pointer[tls.Certificate]
	next atomic.Int64 // when to look again, in Unix nanoseconds

	mu    sync.Mutex // guards what follows
	seen  [2]fileStamp
	fault string // of the files as they were seen, said once
}

type fileStamp struct {
	modified time.Time
	size     int64
}

func newCertificate(certFile, keyFile string, logger zerolog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, logger: logger}
	// Looked at before they are read: what changes in between is found the next time.
	c.seen, _ = c.stat()
	if err := c.load(); err != nil {
		return nil, err
	}
	c.next.Store(time.Now().Add(recheck).UnixNano())
	return c, nil
}

func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("redstart: the TLS certificate in %q and its key in %q cannot be loaded: %w", c.certFile, c.keyFile, err)
	}
	if end := pair.Leaf.NotAfter; time.Until(end) <= 0 {
		// A program is not kept from its start by a clock that may be wrong, but what
		// is valid by the same clock is the better one.
		if now := c.now.Load(); now != nil && time.Until(now.Leaf.NotAfter) > 0 {
			return fmt.Errorf("redstart: the TLS certificate in %q has expired on %s", c.certFile, end.UTC().Format(time.RFC3339))
		}
		c.logger.Warn().Str("file", c.certFile).Time("expired", end).Msg("the TLS certificate has expired")
	}
	c.now.Store(&pair)
	return nil
}

// stat follows symbolic links, by which some tools change certificate and key at once.
func (c *certificate) stat() (stamps [2]fileStamp, err error) {
	for i, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return stamps, err
		}
		stamps[i] = fileStamp{info.ModTime(), info.Size()}
	}
	return stamps, nil
}

// get returns the certificate as the files have it, but for the last moments. While
// they hold no valid pair, as between the writing of the one and of the other, it is
// the last that was valid.
func (c *certificate) get() *tls.Certificate {
	now, next := time.Now().UnixNano(), c.next.Load()
	// Of several handshakes at the time, one looks and the others go on.
	if now >= next && c.next.CompareAndSwap(next, now+int64(recheck)) {
		c.refresh()
	}
	return c.now.Load()
}

func (c *certificate) refresh() {
	c.mu.Lock()
	defer c.mu.Unlock()
	stamps, err := c.stat()
	if err == nil && stamps == c.seen {
		return
	}
	if err == nil {
		c.seen = stamps
		err = c.load()
	}
	switch {
	case err == nil:
		c.fault = ""
		c.logger.Info().Str("file", c.certFile).Time("until", c.now.Load().Leaf.NotAfter).Msg("the TLS certificate was loaded anew")
	case err.Error() != c.fault:
		c.fault = err.Error()
		c.logger.Error().Err(err).Msg("a changed TLS certificate was not taken, the last one stays")
	}
}

// serve puts the certificate behind those that the configuration has of its own.
func (c *certificate) serve(t *tls.Config) {
	inner, others := t.GetCertificate, t.Certificates
	t.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if inner != nil {
			if chosen, err := inner(hello); chosen != nil || err != nil {
				return chosen, err
			}
		}
		for i := range others {
			if hello.SupportsCertificate(&others[i]) == nil {
				return &others[i], nil
			}
		}
		return c.get(), nil
	}
}
