package acme

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// The directories of Let's Encrypt. Browsers do not trust the certificates of Staging,
// whose limits are high.
const (
	LetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"
	Staging     = "https://acme-staging-v02.api.letsencrypt.org/directory"
)

// Options say whose certificates are wanted, and from whom.
type Options struct {
	// Hosts are the names that certificates are for. It is required: without it, whoever
	// connects with a name of theirs would have the authority asked for it. Wildcards
	// are not possible.
	Hosts []string
	// Cache is the folder where certificates, their keys and that of the account are
	// kept. It is made if need be, for its owner only. Required, but for a Store.
	Cache string
	// Store takes the place of the folder, for programs on several machines.
	Store autocert.Cache
	// AcceptTerms says that you agree to the authority's terms of service. Required.
	AcceptTerms bool
	// Email is where the authority writes to when there is trouble. It may be empty.
	Email string
	// Directory is the authority's: LetsEncrypt by default.
	Directory string
	// Account binds to one that the authority has given you outside of ACME (RFC 8555
	// section 7.3.4), if it wants that.
	Account *acme.ExternalAccountBinding
	// RenewBefore is how long before its end a certificate is renewed. By default it is
	// the lesser of 30 days and a third of its life.
	RenewBefore time.Duration
	// Client sends the requests to the authority, for one whose own certificate is not
	// trusted by the system, say. By default it is [http.DefaultClient].
	Client *http.Client
}

// Manager has the certificates. Make one with [New]. It is safe for concurrent use.
type Manager struct {
	auto   *autocert.Manager
	policy autocert.HostPolicy
	folder string   // "" with a Store
	known  sync.Map // of hosts that have a certificate
}

// New checks the options and makes a Manager. Nobody is asked for anything yet.
func New(o Options) (*Manager, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("acme: %w", err)
	}
	m := &Manager{policy: autocert.HostWhitelist(o.Hosts...)}
	store := o.Store
	if store == nil {
		if err := prepare(o.Cache); err != nil {
			return nil, fmt.Errorf("acme: the folder for certificates: %w", err)
		}
		m.folder, store = o.Cache, autocert.DirCache(o.Cache)
	}
	if o.Directory == "" {
		o.Directory = LetsEncrypt
	}
	m.auto = &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: store, HostPolicy: m.policy, RenewBefore: o.RenewBefore, Email: o.Email,
		ExternalAccountBinding: o.Account,
		Client:                 &acme.Client{DirectoryURL: o.Directory, HTTPClient: o.Client, UserAgent: "redstart"},
	}
	return m, nil
}

func (o *Options) check() error {
	if len(o.Hosts) == 0 {
		return errors.New("no Hosts: say which names certificates are wanted for")
	}
	for _, host := range o.Hosts {
		problem := ""
		switch {
		case strings.HasPrefix(host, "*."):
			problem = "wildcards are not possible: name each host"
		case net.ParseIP(strings.Trim(host, "[]")) != nil:
			problem = "want a name, not an address"
		case !strings.Contains(strings.Trim(host, "."), "."):
			problem = "no authority knows a name without a dot"
		case isASCII(host) && autocert.HostWhitelist(host)(context.Background(), strings.ToLower(host)) != nil:
			problem = "want a name without a scheme, a port and a path"
		}
		if problem != "" {
			return fmt.Errorf("the host %q: %s", host, problem)
		}
	}
	switch {
	case !o.AcceptTerms:
		return errors.New("the authority's terms of service were not accepted: set AcceptTerms")
	case o.Cache == "" && o.Store == nil:
		return errors.New("no Cache: without a folder each start would want new certificates, of which authorities give few")
	case o.Cache != "" && o.Store != nil:
		return errors.New("both a Cache and a Store are set: choose one")
	case o.RenewBefore < 0:
		return fmt.Errorf("RenewBefore is %v: want a time before the end", o.RenewBefore)
	case o.Directory != "" && !isURL(o.Directory):
		return fmt.Errorf("the Directory %q is no URL", o.Directory)
	case o.Email != "" && !isMail(o.Email):
		return fmt.Errorf("the Email %q is no address: want one such as gordon@gotham.city", o.Email)
	}
	return nil
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// isMail is about the bare address, since the authority is given nothing else.
func isMail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

// prepare makes the folder, and finds out now whether it can be written to: later it
// would be for want of a certificate.
func prepare(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	probe, err := os.CreateTemp(folder, "probe-*")
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// TLSConfig returns a configuration for redstart.WithTLSConfig that has the certificates,
// and answers the authority's questions at port 443.
func (m *Manager) TLSConfig() *tls.Config {
	t := m.auto.TLSConfig()
	t.MinVersion = tls.VersionTLS12
	t.GetCertificate = m.certificate
	return t
}

// patience is how long a handshake waits for another process to get the certificate.
const patience = 5 * time.Minute

func (m *Manager) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	host := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	_, known := m.known.Load(host)
	asked := len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto // by the authority
	if known || asked || m.folder == "" || m.policy(hello.Context(), host) != nil {
		return m.auto.GetCertificate(hello)
	}
	ctx, cancel := context.WithTimeout(hello.Context(), patience)
	defer cancel()
	unlock, err := lock(ctx, m.folder, host)
	if err != nil {
		return nil, fmt.Errorf("acme: waiting for another process to get the certificate of %q: %w", host, err)
	}
	defer unlock()
	cert, err := m.auto.GetCertificate(hello)
	if err == nil {
		m.known.Store(host, true)
	}
	return cert, err
}
