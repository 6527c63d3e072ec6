package acme

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// authority is one of RFC 8555 as far as it is needed: it believes in every account, and
// asks back before it gives a certificate.
type authority struct {
	*httptest.Server
	kind string                        // of the challenges that it offers
	ask  func(host, token string) bool // whether the challenge is met

	key  *ecdsa.PrivateKey
	root *x509.Certificate

	mu     sync.Mutex
	orders []*order
	life   time.Duration
}

type order struct {
	host  string
	valid bool
	chain []byte
}

func newAuthority(t *testing.T, kind string) *authority {
	t.Helper()
	a := &authority{kind: kind, life: time.Hour}
	var err error
	a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(100 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	require.NoError(t, err)
	a.root, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Server.Close)
	return a
}

// count returns how many certificates were wanted.
func (a *authority) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.orders)
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	h := w.Header()
	h.Set("Replay-Nonce", fmt.Sprint(time.Now().UnixNano()))
	h.Set("Content-Type", "application/json")
	reply := func(status int, v any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	var what string
	var n int
	_, _ = fmt.Sscanf(strings.ReplaceAll(r.URL.Path, "/", " "), "%s %d", &what, &n)
	if n >= len(a.orders) && what != "dir" && what != "nonce" && what != "account" && what != "neworder" {
		reply(404, map[string]string{"type": "urn:ietf:params:acme:error:malformed", "detail": "no such order"})
		return
	}
	switch what {
	case "dir":
		reply(200, map[string]any{
			"newNonce": a.URL + "/nonce", "newAccount": a.URL + "/account", "newOrder": a.URL + "/neworder",
			"meta": map[string]any{"termsOfService": a.URL + "/terms"},
		})
	case "nonce":
	case "account":
		h.Set("Location", a.URL+"/account/1")
		reply(201, map[string]any{"status": "valid"})
	case "neworder":
		var wanted struct{ Identifiers []struct{ Value string } }
		payload(r, &wanted)
		a.orders = append(a.orders, &order{host: wanted.Identifiers[0].Value})
		h.Set("Location", fmt.Sprintf("%s/order/%d", a.URL, len(a.orders)-1))
		reply(201, a.order(len(a.orders)-1))
	case "order":
		h.Set("Location", fmt.Sprintf("%s/order/%d", a.URL, n))
		reply(200, a.order(n))
	case "authz":
		reply(200, map[string]any{
			"status": status(a.orders[n].valid, "valid"), "identifier": map[string]string{"type": "dns", "value": a.orders[n].host},
			"challenges": []any{a.challenge(n)},
		})
	case "challenge":
		o := a.orders[n]
		a.mu.Unlock() // it asks the server that waits for it
		met := a.ask(o.host, fmt.Sprintf("token-%d", n))
		a.mu.Lock()
		o.valid = met
		if !met {
			reply(403, map[string]string{"type": "urn:ietf:params:acme:error:unauthorized", "detail": "the challenge was not met"})
			return
		}
		reply(200, a.challenge(n))
	case "finalize":
		var wanted struct{ CSR string }
		payload(r, &wanted)
		a.orders[n].chain = a.sign(wanted.CSR)
		h.Set("Location", fmt.Sprintf("%s/order/%d", a.URL, n))
		reply(200, a.order(n))
	case "cert":
		h.Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(a.orders[n].chain)
	}
}

// payload decodes what a JSON web signature is about, which it does not check.
func payload(r *http.Request, v any) {
	var signed struct{ Payload string }
	if err := json.NewDecoder(r.Body).Decode(&signed); err != nil {
		panic(err)
	}
	text, err := base64.RawURLEncoding.DecodeString(signed.Payload)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		panic(err)
	}
}

func status(yes bool, text string) string {
	if yes {
		return text
	}
	return "pending"
}

func (a *authority) order(n int) map[string]any {
	o := a.orders[n]
	state := map[string]any{
		"status": status(o.valid, "ready"), "identifiers": []any{map[string]string{"type": "dns", "value": o.host}},
		"authorizations": []string{fmt.Sprintf("%s/authz/%d", a.URL, n)}, "finalize": fmt.Sprintf("%s/finalize/%d", a.URL, n),
	}
	if o.chain != nil {
		state["status"], state["certificate"] = "valid", fmt.Sprintf("%s/cert/%d", a.URL, n)
	}
	return state
}

func (a *authority) challenge(n int) map[string]string {
	return map[string]string{
		"type": a.kind, "url": fmt.Sprintf("%s/challenge/%d", a.URL, n), "token": fmt.Sprintf("token-%d", n),
		"status": status(a.orders[n].valid, "valid"),
	}
}

func (a *authority) sign(text string) []byte {
	der, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: request.Subject, DNSNames: request.DNSNames,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(a.life),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err = x509.CreateCertificate(rand.Reader, template, a.root, request.PublicKey, a.key)
	if err != nil {
		panic(err)
	}
	var chain bytes.Buffer
	for _, block := range [][]byte{der, a.root.Raw} {
		_ = pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: block})
	}
	return chain.Bytes()
}

// handshake connects to whoever has the configuration, and returns the certificate.
func handshake(ctx context.Context, server *tls.Config, client *tls.Config) (*x509.Certificate, error) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	failed := make(chan error, 1)
	go func() {
		err := tls.Server(far, server).HandshakeContext(ctx)
		if err != nil {
			_ = far.Close()
		}
		failed <- err
	}()
	conn := tls.Client(near, client)
	err := conn.HandshakeContext(ctx)
	_ = near.Close()
	if serverErr := <-failed; serverErr != nil {
		return nil, serverErr
	}
	if err != nil {
		return nil, err
	}
	return conn.ConnectionState().PeerCertificates[0], nil
}
