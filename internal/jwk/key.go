// Package jwk knows which algorithms of JSON Web Tokens a key is for, and reads sets of
// keys (RFC 7517). The algorithm always follows from the key, never from a token: so no
// token can have a public key taken for a shared secret, or ask for no signature at all.
package jwk

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
)

// Key is a key to verify by.
type Key struct {
	ID         string
	Algorithms []string // that it is for, the first is what to sign with
	Verify     any      // []byte, *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
	Sign       any      // []byte or a private key, nil if the key is public
}

// minRSA is the least size of an RSA key, in bits (RFC 7518 section 3.3).
const minRSA = 2048

// New makes a Key of a secret, or of a public or private key. It is for all algorithms
// that its kind can be used with, or for the given one alone.
func New(id, algorithm string, material any) (Key, error) {
	k := Key{ID: id}
	switch m := material.(type) {
	case []byte:
		// A secret is at least as long as the hash (RFC 7518 section 3.2).
		for _, a := range []struct {
			name  string
			bytes int
		}{{"HS256", 32}, {"HS384", 48}, {"HS512", 64}} {
			if len(m) >= a.bytes {
				k.Algorithms = append(k.Algorithms, a.name)
			}
		}
		if k.Algorithms == nil {
			return k, fmt.Errorf("the secret has %d bytes: want 32 or more, at random", len(m))
		}
		if algorithm != "" && !slices.Contains(k.Algorithms, algorithm) && slices.Contains([]string{"HS384", "HS512"}, algorithm) {
			return k, fmt.Errorf("the secret has %d bytes, which is too short for %s", len(m), algorithm)
		}
		if len(bytes.Trim(m, "\x00")) == 0 {
			return k, errors.New("the secret is nothing but zeros: fill it by crypto/rand")
		}
		k.Verify, k.Sign = m, m
	case *rsa.PublicKey, *rsa.PrivateKey:
		public, private := rsaKey(m)
		if public == nil || public.N == nil {
			return k, errNilKey
		}
		if size := public.N.BitLen(); size < minRSA {
			return k, fmt.Errorf("the RSA key has %d bits: want %d or more", size, minRSA)
		}
		k.Algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
		k.Verify = public
		if private != nil {
			k.Sign = private
		}
	case *ecdsa.PublicKey:
		if m == nil || m.Curve == nil {
			return k, errNilKey
		}
		k.Verify = m
	case *ecdsa.PrivateKey:
		if m == nil || m.Curve == nil {
			return k, errNilKey
		}
		k.Verify, k.Sign = &m.PublicKey, m
	case ed25519.PublicKey:
		if len(m) != ed25519.PublicKeySize {
			return k, errNilKey
		}
		k.Verify, k.Algorithms = m, []string{"EdDSA"}
	case ed25519.PrivateKey:
		if len(m) != ed25519.PrivateKeySize {
			return k, errNilKey
		}
		k.Verify, k.Sign, k.Algorithms = m.Public(), m, []string{"EdDSA"}
	case crypto.Signer: // kept elsewhere, as in hardware
		return New(id, algorithm, m.Public())
	default:
		return k, fmt.Errorf("a %T is no key: want a []byte, or a key of crypto/rsa, crypto/ecdsa or crypto/ed25519", material)
	}
	if public, ok := k.Verify.(*ecdsa.PublicKey); ok {
		name := map[string]string{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}[public.Curve.Params().Name]
		if name == "" {
			return k, fmt.Errorf("the curve %s has no algorithm: want P-256, P-384 or P-521", public.Curve.Params().Name)
		}
		k.Algorithms = []string{name}
	}
	if algorithm == "" {
		return k, nil
	}
	if !slices.Contains(k.Algorithms, algorithm) {
		return k, fmt.Errorf("the algorithm %q is not one of this key, which are %q", algorithm, k.Algorithms)
	}
	k.Algorithms = []string{algorithm}
	return k, nil
}

var errNilKey = errors.New("the key is empty")

func rsaKey(m any) (public *rsa.PublicKey, private *rsa.PrivateKey) {
	if private, _ = m.(*rsa.PrivateKey); private != nil {
		return &private.PublicKey, private
	}
	public, _ = m.(*rsa.PublicKey)
	return public, nil
}

// For returns the keys that a token may have been signed with: those for its algorithm
// that have its id. A key without an id, or a token without one, fits any.
func For(keys []Key, algorithm, id string) (fit []any) {
	for i := range keys {
		k := &keys[i]
		if slices.Contains(k.Algorithms, algorithm) && (id == "" || k.ID == "" || k.ID == id) {
			fit = append(fit, k.Verify)
		}
	}
	return fit
}
