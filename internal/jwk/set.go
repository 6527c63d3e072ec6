package jwk

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// entry is a member of a set, of whatever kind (RFC 7517 section 4, RFC 7518 section 6,
// RFC 8037 section 2).
type entry struct {
	Kind      string   `json:"kty"`
	Use       string   `json:"use"`
	Operation []string `json:"key_ops"`
	Algorithm string   `json:"alg"`
	ID        string   `json:"kid"`
	Curve     string   `json:"crv"`
	X         string   `json:"x"`
	Y         string   `json:"y"`
	N         string   `json:"n"`
	E         string   `json:"e"`
	K         string   `json:"k"`
}

// ParseSet reads a JSON Web Key Set. Keys for other purposes and of unknown kinds are
// passed over, as RFC 7517 section 5 has it; one that is broken is an error, and so is a
// set with none to verify by.
func ParseSet(data []byte) ([]Key, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("the key set is no JSON of the form {\"keys\": [...]}: %w", err)
	}
	var keys []Key
	for i, raw := range set.Keys {
		var e entry
		if !known(raw) {
			continue
		}
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, fmt.Errorf("key %d of the set: %w", i+1, err)
		}
		if !e.wanted() {
			continue
		}
		material, err := e.material()
		if err == nil {
			var k Key
			if k, err = New(e.ID, e.Algorithm, material); err == nil {
				keys = append(keys, k)
				continue
			}
		}
		return nil, fmt.Errorf("key %d of the set (kid %q): %w", i+1, e.ID, err)
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set has no key that can verify a signature")
	}
	return keys, nil
}

// known says whether a member is of a kind whose other members mean what they mean here.
// What is no object at all is, as something broken.
func known(raw json.RawMessage) bool {
	var e struct {
		Kind string `json:"kty"`
	}
	return json.Unmarshal(raw, &e) != nil || slices.Contains([]string{"RSA", "EC", "OKP", "oct"}, e.Kind)
}

// wanted says whether the key is one to verify signatures by.
func (e *entry) wanted() bool {
	if e.Use != "" && e.Use != "sig" || e.Operation != nil && !slices.Contains(e.Operation, "verify") {
		return false
	}
	switch e.Kind {
	case "EC":
		return curve(e.Curve) != nil
	case "OKP":
		return e.Curve == "Ed25519"
	}
	return true
}

func curve(name string) elliptic.Curve {
	switch name {
	case "P-256":
		return elliptic.P256()
	case "P-384":
		return elliptic.P384()
	case "P-521":
		return elliptic.P521()
	}
	return nil
}

func (e *entry) material() (any, error) {
	switch e.Kind {
	case "RSA":
		n, err := member("n", e.N)
		if err != nil {
			return nil, err
		}
		exponent, err := member("e", e.E)
		if err != nil {
			return nil, err
		}
		power := new(big.Int).SetBytes(exponent)
		if power.BitLen() > 31 || power.Int64() < 3 || power.Bit(0) == 0 {
			return nil, errors.New(`the member "e" is no exponent: want an odd number from 3 on`)
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(power.Int64())}, nil
	case "EC":
		c := curve(e.Curve)
		point := []byte{4} // uncompressed
		for _, m := range [...]struct{ name, text string }{{"x", e.X}, {"y", e.Y}} {
			coordinate, err := member(m.name, m.text)
			if err != nil {
				return nil, err
			}
			point = append(point, coordinate...)
		}
		return ecdsa.ParseUncompressedPublicKey(c, point)
	case "OKP":
		x, err := member("x", e.X)
		if err != nil {
			return nil, err
		}
		return ed25519.PublicKey(x), nil
	}
	return member("k", e.K)
}

// member decodes one that has to be there.
func member(name, text string) ([]byte, error) {
	if text == "" {
		return nil, fmt.Errorf("the member %q is missing", name)
	}
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("the member %q is not base64url", name) // it may be a secret
	}
	return data, nil
}
