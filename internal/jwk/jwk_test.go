package jwk

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func rsaOf(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0") // the weak ones are what is tested
	key, err := rsa.GenerateKey(rand.Reader, bits)
	require.NoError(t, err)
	return key
}

func ecdsaOf(t *testing.T, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(c, rand.Reader)
	require.NoError(t, err)
	return key
}

func TestTheAlgorithmFollowsFromTheKey(t *testing.T) {
	large, p256 := rsaOf(t, 2048), ecdsaOf(t, elliptic.P256())
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	ofRSA := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	for _, tc := range []struct {
		name, algorithm string
		key             any
		want            []string
		err             string
	}{
		{"short secret", "", make([]byte, 31), nil, "the secret has 31 bytes: want 32 or more"},
		{"secret", "", bytes.Repeat([]byte{7}, 32), []string{"HS256"}, ""},
		{"longer", "", bytes.Repeat([]byte{7}, 48), []string{"HS256", "HS384"}, ""},
		{"longest", "", bytes.Repeat([]byte{7}, 64), []string{"HS256", "HS384", "HS512"}, ""},
		{"named", "HS512", bytes.Repeat([]byte{7}, 64), []string{"HS512"}, ""},
		{"too short for it", "HS512", bytes.Repeat([]byte{7}, 63), nil, "too short for HS512"},
		{"zeros", "", make([]byte, 32), nil, "the secret is nothing but zeros: fill it by crypto/rand"},
		{"RSA", "", &large.PublicKey, ofRSA, ""},
		{"RSA, private", "", large, ofRSA, ""},
		{"RSA, named", "PS256", large, []string{"PS256"}, ""},
		{"RSA, small", "", &rsaOf(t, 1024).PublicKey, nil, "the RSA key has 1024 bits: want 2048 or more"},
		{"RSA, nil", "", (*rsa.PublicKey)(nil), nil, "the key is empty"},
		{"RSA, empty", "", &rsa.PublicKey{}, nil, "the key is empty"},
		{"P-256", "", &p256.PublicKey, []string{"ES256"}, ""},
		{"P-384", "", ecdsaOf(t, elliptic.P384()), []string{"ES384"}, ""},
		{"P-521", "", ecdsaOf(t, elliptic.P521()), []string{"ES512"}, ""},
		{"P-224", "", ecdsaOf(t, elliptic.P224()), nil, "the curve P-224 has no algorithm"},
		{"another curve's", "ES384", p256, nil, `"ES384" is not one of this key`},
		{"ECDSA, nil", "", (*ecdsa.PrivateKey)(nil), nil, "the key is empty"},
		{"Ed25519", "", public, []string{"EdDSA"}, ""},
		{"Ed25519, private", "", private, []string{"EdDSA"}, ""},
		{"Ed25519, empty", "", ed25519.PublicKey{}, nil, "the key is empty"},
		{"a signer", "", struct{ crypto.Signer }{p256}, []string{"ES256"}, ""},
		{"none", "none", bytes.Repeat([]byte{7}, 32), nil, `the algorithm "none" is not one`},
		{"a public key as a secret", "HS256", &large.PublicKey, nil, `the algorithm "HS256" is not one of this key`},
		{"a text", "", "secret", nil, "a string is no key: want a []byte"},
		{"nil", "", nil, nil, "a <nil> is no key"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k, err := New("id", tc.algorithm, tc.key)
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, k.Algorithms)
		})
	}
}

func TestFor(t *testing.T) {
	keys := []Key{
		{ID: "a", Algorithms: []string{"HS256"}, Verify: 1},
		{ID: "b", Algorithms: []string{"HS256", "HS384"}, Verify: 2},
		{Algorithms: []string{"ES256"}, Verify: 3},
	}
	assert.Equal(t, []any{1, 2}, For(keys, "HS256", ""))
	assert.Equal(t, []any{2}, For(keys, "HS256", "b"))
	assert.Equal(t, []any{2}, For(keys, "HS384", ""))
	assert.Equal(t, []any{3}, For(keys, "ES256", "anything"))
	assert.Empty(t, For(keys, "HS256", "c"))
	assert.Empty(t, For(keys, "none", ""))
	assert.Empty(t, For(keys, "", ""))
}

func url64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// members makes the JSON of keys by their kind.
func members(t *testing.T) (set map[string]map[string]any) {
	t.Helper()
	r, ec := rsaOf(t, 2048), ecdsaOf(t, elliptic.P256())
	public, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	point, err := ec.PublicKey.Bytes()
	require.NoError(t, err)
	return map[string]map[string]any{
		"RSA": {"kty": "RSA", "kid": "r", "use": "sig", "alg": "RS256", "n": url64(r.N.Bytes()), "e": "AQAB"},
		"EC":  {"kty": "EC", "kid": "e", "crv": "P-256", "x": url64(point[1:33]), "y": url64(point[33:])},
		"OKP": {"kty": "OKP", "kid": "o", "crv": "Ed25519", "x": url64(public), "key_ops": []string{"verify"}},
		"oct": {"kty": "oct", "kid": "s", "k": url64(bytes.Repeat([]byte{7}, 32))},
	}
}

func encode(t *testing.T, keys ...map[string]any) []byte {
	t.Helper()
	data, err := json.Marshal(map[string]any{"keys": keys})
	require.NoError(t, err)
	return data
}

func TestParseSet(t *testing.T) {
	m := members(t)
	unknown := map[string]any{"kty": "PQ", "x": 7}
	keys, err := ParseSet(encode(t, m["RSA"], unknown, m["EC"], m["OKP"], m["oct"],
		map[string]any{"kty": "RSA", "use": "enc", "n": "!"}, map[string]any{"kty": "EC", "crv": "secp256k1"},
		map[string]any{"kty": "oct", "key_ops": []string{"sign"}}))
	require.NoError(t, err)
	var got []string
	for _, k := range keys {
		got = append(got, k.ID+":"+strings.Join(k.Algorithms, ","))
	}
	assert.Equal(t, []string{"r:RS256", "e:ES256", "o:EdDSA", "s:HS256"}, got)
}

func TestParseSetFails(t *testing.T) {
	m := members(t)
	with := func(kind, name string, value any) []byte {
		changed := map[string]any{}
		for k, v := range m[kind] {
			changed[k] = v
		}
		changed[name] = value
		return encode(t, changed)
	}
	for _, tc := range []struct {
		name string
		data []byte
		err  string
	}{
		{"empty", nil, "the key set is no JSON"},
		{"no JSON", []byte("-----BEGIN"), "the key set is no JSON"},
		{"no keys", []byte("{}"), "no key that can verify"},
		{"one key alone", []byte(`{"kty":"oct"}`), "no key that can verify"},
		{"a key that is none", []byte(`{"keys":[7]}`), "key 1 of the set"},
		{"n is missing", with("RSA", "n", ""), `the member "n" is missing`},
		{"n is no base64url", with("RSA", "n", "a+b/"), `the member "n" is not base64url`},
		{"n is short", with("RSA", "n", "AQAB"), "17 bits: want 2048 or more"},
		{"e is even", with("RSA", "e", "AQAA"), "no exponent"},
		{"e is 1", with("RSA", "e", "AQ"), "no exponent"},
		{"e is huge", with("RSA", "e", "AQAAAAAAAAAB"), "no exponent"},
		{"alg of another kind", with("RSA", "alg", "HS256"), `the algorithm "HS256" is not one of this key`},
		{"alg none", with("oct", "alg", "none"), `the algorithm "none" is not one of this key`},
		{"not on the curve", with("EC", "x", url64(bytes.Repeat([]byte{7}, 32))), "key 1 of the set (kid \"e\")"},
		{"short coordinate", with("EC", "x", "AA"), "key 1 of the set"},
		{"y is missing", with("EC", "y", ""), `the member "y" is missing`},
		{"short Ed25519", with("OKP", "x", "AA"), "the key is empty"},
		{"short secret", with("oct", "k", "c2VjcmV0"), "the secret has 6 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ParseSet(tc.data)
			require.ErrorContains(t, err, tc.err)
			assert.NotContains(t, err.Error(), "c2VjcmV0")
		})
	}
}

func TestFileIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	write := func(data []byte) { require.NoError(t, os.WriteFile(path, data, 0o600)) }
	oct := func(id string) map[string]any {
		return map[string]any{"kty": "oct", "kid": id, "k": url64(bytes.Repeat([]byte{7}, 32))}
	}
	_, err := Open(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	write([]byte("{}"))
	_, err = Open(path)
	require.ErrorContains(t, err, "keys.json: the key set has no key")
	write(encode(t, oct("one")))
	synctest.Test(t, func(t *testing.T) {
		f, err := Open(path)
		require.NoError(t, err)
		expect := func(ids, fault string) {
			t.Helper()
			keys, err := f.Keys()
			var got []string
			for _, k := range keys {
				got = append(got, k.ID)
			}
			assert.Equal(t, ids, fmt.Sprint(got))
			if fault == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, fault)
			}
		}
		expect("[one]", "")
		write(encode(t, oct("one"), oct("two")))
		expect("[one]", "") // not looked at again yet
		time.Sleep(lookEvery)
		expect("[one two]", "")
		write([]byte("{"))
		time.Sleep(lookEvery)
		expect("[one two]", "keys.json: the key set is no JSON")
		expect("[one two]", "") // told once
		require.NoError(t, os.Remove(path))
		time.Sleep(lookEvery)
		expect("[one two]", "no such file")
		write(make([]byte, maxFile+1))
		time.Sleep(lookEvery)
		expect("[one two]", "a key set of more than 1048576 bytes")
		write(encode(t, oct("two")))
		time.Sleep(lookEvery)
		expect("[two]", "")
	})
}

func FuzzParseSet(f *testing.F) {
	for _, seed := range []string{
		`{"keys":[{"kty":"oct","k":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"}]}`,
		`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`, `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","x":""}]}`, `{"keys":null}`, `[]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := ParseSet(data)
		if (err == nil) != (len(keys) > 0) {
			t.Fatal("a set has keys, or is an error")
		}
		for _, k := range keys {
			if len(k.Algorithms) == 0 || k.Verify == nil {
				t.Fatalf("%+v cannot verify", k)
			}
		}
	})
}
