package serving

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/internal/memnet"
)

// pair makes a self-signed certificate of this name, valid for an hour from now on.
func pair(t *testing.T, name string, age time.Duration) (certPEM, keyPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-age), NotAfter: time.Now().Add(time.Hour - age),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

// pems are the two files, which get a later date with each writing.
type pems struct {
	cert, key string
	writes    time.Duration
}

func newPEMs(t *testing.T) *pems {
	dir := t.TempDir()
	return &pems{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
}

func (p *pems) write(t *testing.T, name string, data []byte) {
	t.Helper()
	p.writes++
	require.NoError(t, os.WriteFile(name, data, 0o600))
	at := time.Unix(1e9, 0).Add(p.writes * time.Second)
	require.NoError(t, os.Chtimes(name, at, at))
}

// name is that of the certificate which a client gets.
func name(t *testing.T, l *memnet.Listener, server string) string {
	t.Helper()
	conn, err := l.DialContext(t.Context(), "", "")
	require.NoError(t, err)
	client := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: server}) //nolint:gosec // its name is what is asked for
	require.NoError(t, client.HandshakeContext(t.Context()))
	defer client.Close()
	return client.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestChangedCertificatesAreServed(t *testing.T) { // features: G4
	synctest.Test(t, func(t *testing.T) {
		files, log := newPEMs(t), new(bytes.Buffer)
		cert, key := pair(t, "one", 0)
		files.write(t, files.cert, cert)
		files.write(t, files.key, key)
		c, l := config(nil), memnet.Listen()
		c.CertFile, c.KeyFile, c.Logger = files.cert, files.key, zerolog.New(log)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		done := make(chan error)
		go func() { done <- c.Serve(ctx, nil, l) }()
		assert.Equal(t, "one", name(t, l, "x"))

		cert, key = pair(t, "two", 0)
		files.write(t, files.cert, cert)
		assert.Equal(t, "one", name(t, l, "x"), "the files are not looked at with each handshake")
		time.Sleep(recheck)
		assert.Equal(t, "one", name(t, l, "x"), "the new certificate lacks its key yet")
		time.Sleep(recheck)
		assert.Equal(t, "one", name(t, l, "x"))
		files.write(t, files.key, key)
		time.Sleep(recheck)
		assert.Equal(t, "two", name(t, l, "x"))

		require.NoError(t, os.Remove(files.cert))
		time.Sleep(recheck)
		assert.Equal(t, "two", name(t, l, "x"), "what was loaded stays")
		time.Sleep(recheck)
		assert.Equal(t, "two", name(t, l, "x"))
		files.write(t, files.cert, cert)
		time.Sleep(recheck)
		assert.Equal(t, "two", name(t, l, "x"))

		cert, key = pair(t, "three", 2*time.Hour)
		files.write(t, files.cert, cert)
		files.write(t, files.key, key)
		time.Sleep(recheck)
		assert.Equal(t, "two", name(t, l, "x"), "an expired one does not take the place of a valid one")
		stop()
		assert.NoError(t, <-done)
		assert.Equal(t, 3, strings.Count(log.String(), "was not taken, the last one stays"), "each fault is said once:\n%s", log)
		assert.Regexp(t, `the TLS certificate in .* has expired on \d{4}-`, log.String())
		assert.Contains(t, log.String(), "private key does not match public key")
		assert.Equal(t, 2, strings.Count(log.String(), "loaded anew"), log)
	})
}

func TestCertificatesOfTheConfigurationComeFirst(t *testing.T) {
	files := newPEMs(t)
	cert, key := pair(t, "file", 0)
	files.write(t, files.cert, cert)
	files.write(t, files.key, key)
	cert, key = pair(t, "gotham.test", 0)
	other, err := tls.X509KeyPair(cert, key)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		config *tls.Config
		server string
		want   string
	}{
		"listed, of this name":    {&tls.Config{Certificates: []tls.Certificate{other}}, "gotham.test", "gotham.test"},
		"listed, of another name": {&tls.Config{Certificates: []tls.Certificate{other}}, "arkham.test", "file"},
		"by a function": {&tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return map[string]*tls.Certificate{"x.test": &other}[hello.ServerName], nil
		}}, "x.test", "gotham.test"},
		"by no function": {&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }}, "y.test", "file"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := newCertificate(files.cert, files.key, zerolog.Nop())
			require.NoError(t, err)
			c.serve(tt.config)
			client, server := net.Pipe()
			defer client.Close()
			defer server.Close()
			go func() { _ = tls.Server(server, tt.config).HandshakeContext(t.Context()) }()
			conn := tls.Client(client, &tls.Config{InsecureSkipVerify: true, ServerName: tt.server}) //nolint:gosec // its name is what is asked for
			require.NoError(t, conn.HandshakeContext(t.Context()))
			assert.Equal(t, tt.want, conn.ConnectionState().PeerCertificates[0].Subject.CommonName)
		})
	}
}

func TestAnExpiredCertificateIsSaid(t *testing.T) {
	files, log := newPEMs(t), new(bytes.Buffer)
	cert, key := pair(t, "old", 2*time.Hour)
	files.write(t, files.cert, cert)
	files.write(t, files.key, key)
	_, err := newCertificate(files.cert, files.key, zerolog.New(log))
	require.NoError(t, err, "a clock that is wrong shall not stop the program")
	assert.Contains(t, log.String(), "the TLS certificate has expired")
}
