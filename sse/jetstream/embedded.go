package jetstream

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Embedded makes a broker on a NATS server of its own, inside the program, that keeps
// its messages in the directory; it is made if there is none. With an empty directory
// they are kept in memory and end with the broker.
//
// The server listens on 127.0.0.1 alone, on a port that is free and with a password
// made at random. It is for the processes of one program: those that this one starts
// find its address in their environment, and a call of Embedded with the same directory,
// or without one and with the same [Stream], connects them to it. So a program that is
// to run as several processes has to open it in the first of them, before it starts the
// others.
//
// A directory belongs to one server at a time; Embedded fails when another process
// holds it. What a crash may cost depends on [Sync].
func Embedded(dir string, opts ...Option) (*Broker, error) {
	s, err := newSettings(opts)
	if err != nil {
		return nil, err
	}
	if s.replicas > 1 {
		return nil, fmt.Errorf("jetstream: Replicas(%d): an embedded server is one by itself", s.replicas)
	}
	variable := "REDSTART_BROKER_" + strings.ToUpper(digest("memory\n" + s.stream)[:13])
	if dir == "" {
		s.memory = true
	} else {
		if dir, err = filepath.Abs(dir); err != nil {
			return nil, fmt.Errorf("jetstream: %w", err)
		}
		if s.memory {
			return nil, errors.New("jetstream: Memory: leave out Embedded's directory to keep messages in memory")
		}
		variable = "REDSTART_BROKER_" + strings.ToUpper(digest("directory\n" + dir)[:13])
	}
	ctx := context.Background()
	if url := announced(variable); url != "" {
		return connect(ctx, url, s)
	}
	e, err := startServer(dir, s)
	if err != nil {
		return nil, err
	}
	b, err := connect(ctx, e.url, s, nats.InProcessServer(e.server))
	if err == nil && e.doubtful {
		err = b.beginLives(ctx)
	}
	if err != nil {
		if b != nil {
			err = errors.Join(err, b.Close())
		}
		return nil, errors.Join(err, e.close())
	}
	b.server = e
	e.announce(variable)
	return b, nil
}

// beginLives gives each stream another epoch, since nobody knows what was lost.
func (b *Broker) beginLives(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, b.settings.patience)
	defer cancel()
	streams := b.js.ListStreams(ctx)
	for info := range streams.Info() {
		if info.State.LastSeq > 0 {
			if err := b.beginLife(ctx, info); err != nil {
				return fmt.Errorf("jetstream: stream %q: %w", info.Config.Name, err)
			}
		}
	}
	if err := streams.Err(); err != nil {
		return fmt.Errorf("jetstream: listing the streams: %w", err)
	}
	_, err := b.State(ctx)
	return err
}

// embedded is a server inside the program.
type embedded struct {
	server    *server.Server
	url       string
	dir       string // to remove, if it was made for this server alone
	lock      *dirLock
	doubtful  bool   // the machine may have died since the store was written
	announced string // the variable that holds the URL
}

func startServer(dir string, s settings) (_ *embedded, err error) {
	e := &embedded{}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
		}
	}()
	if dir == "" {
		if dir, err = os.MkdirTemp("", "redstart-broker-"); err != nil {
			return nil, fmt.Errorf("jetstream: %w", err)
		}
		e.dir = dir
	} else {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("jetstream: %w", err)
		}
		if e.lock, err = lockDir(dir); err != nil {
			return nil, err
		}
		e.doubtful = e.lock.doubtful && s.sync.or(DefaultSync) > 0
	}
	password := rand.Text()
	every := s.sync.or(DefaultSync)
	srv, err := server.NewServer(&server.Options{
		ServerName:    "redstart-" + rand.Text()[:8],
		Host:          "127.0.0.1",
		Port:          server.RANDOM_PORT,
		Authorization: password,
		MaxPayload:    int32(s.maxPayload.or(DefaultMaxPayload)),
		JetStream:     true,
		StoreDir:      dir,
		SyncInterval:  max(every, 10*time.Millisecond),
		SyncAlways:    every == 0,
		NoSigs:        true,
	})
	if err != nil {
		return nil, fmt.Errorf("jetstream: embedded server: %w", err)
	}
	log := &serverLog{to: s.serverLog}
	srv.SetLoggerV2(log, false, false, false)
	e.server = srv
	srv.Start()
	if !log.failed() && !srv.ReadyForConnections(attemptTimeout*5) && !log.failed() {
		return nil, errors.New("jetstream: embedded server: not ready after 10s")
	}
	if log.failed() {
		return nil, fmt.Errorf("jetstream: embedded server: %s", log.reason())
	}
	e.url = strings.Replace(srv.ClientURL(), "://", "://"+password+"@", 1)
	return e, nil
}

// close ends the server and gives the directory free. It is called once.
func (e *embedded) close() error {
	e.withdraw()
	if e.server != nil {
		e.server.Shutdown()
		e.server.WaitForShutdown()
	}
	var err error
	if e.lock != nil {
		err = e.lock.release()
	}
	if e.dir != "" {
		err = errors.Join(err, os.RemoveAll(e.dir))
	}
	if err != nil {
		return fmt.Errorf("jetstream: closing the embedded server: %w", err)
	}
	return nil
}
