// Package session makes the values of session cookies, which nobody can make or change
// who does not have the key: signed by HMAC-SHA-256, or sealed by AES-256-GCM.
//
// Keys are derived from secrets by HKDF (RFC 5869), for the cookie's name and for the
// purpose. So one secret serves several cookies, and a value made for one is worth
// nothing in another.
package session

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// MinSecret is the least length of a secret, in bytes.
const MinSecret = 32

// MaxValue bounds the values that are looked at, in bytes. No browser keeps more.
const MaxValue = 4096

// Codec makes values of cookies and reads them. It is safe for concurrent use.
type Codec struct {
	name string
	keys []key // the first makes values, all of them read
}

type key struct {
	mac  []byte      // to sign
	aead cipher.AEAD // to seal, nil if values are signed
}

// New makes a codec for the cookie of that name.
func New(name string, secrets [][]byte, seal bool) (*Codec, error) {
	if len(secrets) == 0 {
		return nil, errors.New("there is no key: want one of 32 or more random bytes")
	}
	c := &Codec{name: name}
	for i, secret := range secrets {
		if len(secret) < MinSecret {
			return nil, fmt.Errorf("key %d of %d has %d bytes: want %d or more, at random", i+1, len(secrets), len(secret), MinSecret)
		}
		if len(bytes.Trim(secret, "\x00")) == 0 {
			return nil, fmt.Errorf("key %d of %d is nothing but zeros: fill it by crypto/rand", i+1, len(secrets))
		}
		k, err := derive(secret, name, seal)
		if err != nil {
			return nil, err
		}
		c.keys = append(c.keys, k)
	}
	return c, nil
}

func derive(secret []byte, name string, seal bool) (k key, err error) {
	purpose := "redstart session cookie, signed: "
	if seal {
		purpose = "redstart session cookie, sealed: "
	}
	derived, err := hkdf.Key(sha256.New, secret, nil, purpose+name, 32)
	if err != nil || !seal {
		return key{mac: derived}, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return k, err
	}
	k.aead, err = cipher.NewGCMWithRandomNonce(block)
	return k, err
}

// encoding refuses texts that are not the only one for their bytes.
var encoding = base64.RawURLEncoding.Strict()

// Encode makes a value.
func (c *Codec) Encode(data []byte) string {
	k := &c.keys[0]
	if k.aead != nil {
		return encoding.EncodeToString(k.aead.Seal(nil, nil, data, []byte(c.name)))
	}
	text := encoding.EncodeToString(data)
	return text + "." + encoding.EncodeToString(k.sum(text))
}

// Decode returns what a value was made of, if it was made with one of the keys and is
// unchanged.
func (c *Codec) Decode(value string) (data []byte, ok bool) {
	if len(value) > MaxValue || strings.ContainsAny(value, "\r\n") { // which the decoder would pass over
		return nil, false
	}
	if c.keys[0].aead != nil {
		return c.open(value)
	}
	text, signature, found := strings.Cut(value, ".")
	if !found {
		return nil, false
	}
	sum, err := encoding.DecodeString(signature)
	if err != nil {
		return nil, false
	}
	for i := range c.keys {
		if hmac.Equal(sum, c.keys[i].sum(text)) { // takes the same time for any
			data, err = encoding.DecodeString(text)
			return data, err == nil
		}
	}
	return nil, false
}

func (c *Codec) open(value string) (data []byte, ok bool) {
	sealed, err := encoding.DecodeString(value)
	if err != nil {
		return nil, false
	}
	for i := range c.keys {
		if data, err = c.keys[i].aead.Open(nil, nil, sealed, []byte(c.name)); err == nil {
			return data, true
		}
	}
	return nil, false
}

func (k *key) sum(text string) []byte {
	h := hmac.New(sha256.New, k.mac)
	h.Write([]byte(text)) // a hash takes everything
	return h.Sum(nil)
}
