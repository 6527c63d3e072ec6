package middleware_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
)

var (
	hmacSecret = bytes.Repeat([]byte("k"), 32)
	hmacKeys   = []middleware.JWTKey{{Key: hmacSecret}}
)

// badge is what the claims of a token of the police are.
type badge struct {
	jwt.RegisteredClaims
	Name     string `json:"name,omitempty"`
	Scope    string `json:"scope,omitempty"`
	District int    `json:"district,omitempty"`
}

func ExampleJWT() {
	key := middleware.JWTKey{ID: "2026", Key: hmacSecret}
	token, err := middleware.SignJWT(badge{
		RegisteredClaims: jwt.RegisteredClaims{Subject: "gordon", Issuer: "gcpd", ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour))},
		Scope:            "crimes:read crimes:write", District: 7,
	}, key)
	if err != nil {
		panic(err)
	}
	app := quiet()
	app.Secure(middleware.JWT(middleware.JWTOptions{Keys: []middleware.JWTKey{key}, Issuer: "gcpd"}))
	app.Get("/", func(req *redstart.Request) redstart.Response {
		var b badge
		if err := req.Identity().Decode(&b); err != nil {
			return redstart.Fail(err)
		}
		return redstart.Text(fmt.Sprint(b.Subject, b.District, req.Identity().Scopes))
	})
	fmt.Println(send(app, "GET", "/", "", "Authorization: Bearer "+token).Body)
	// Output: gordon7 [crimes:read crimes:write]
}

// raw makes a token by hand, so that it may be wrong. sign may be nil for no signature.
func raw(header, claims string, sign func(text string) []byte) string {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(header)) + "." + encode([]byte(claims))
	if sign == nil {
		return text + "."
	}
	return text + "." + encode(sign(text))
}

func hs256(secret []byte) func(string) []byte {
	return func(text string) []byte {
		h := hmac.New(sha256.New, secret)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
}

// in makes claims that are good for an hour, and more of them.
func in(more string) string {
	return fmt.Sprintf(`{"sub":"gordon","exp":%d%s}`, time.Now().Add(time.Hour).Unix(), more)
}

func TestJWT(t *testing.T) {
	at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	good := hs256(hmacSecret)
	const header = `{"alg":"HS256","typ":"JWT"}`
	for _, tc := range []struct {
		name  string
		token string
		o     middleware.JWTOptions
		why   string // "" is accepted
	}{
		{"good", raw(header, in(""), good), middleware.JWTOptions{}, ""},
		{"no typ", raw(`{"alg":"HS256"}`, in(""), good), middleware.JWTOptions{}, ""},
		{"expired", raw(header, fmt.Sprintf(`{"exp":%d}`, at(-time.Second)), good), middleware.JWTOptions{}, "the token has expired"},
		{"expired, within the leeway", raw(header, fmt.Sprintf(`{"exp":%d}`, at(-5*time.Second)), good), middleware.JWTOptions{Leeway: 10 * time.Second}, ""},
		{"expired, beyond it", raw(header, fmt.Sprintf(`{"exp":%d}`, at(-15*time.Second)), good), middleware.JWTOptions{Leeway: 10 * time.Second}, "the token has expired"},
		{"no exp", raw(header, `{"sub":"gordon"}`, good), middleware.JWTOptions{}, "the token lacks the claim exp"},
		{"no exp, allowed", raw(header, `{"sub":"gordon"}`, good), middleware.JWTOptions{InsecureForever: true}, ""},
		{"expired all the same", raw(header, `{"exp":1}`, good), middleware.JWTOptions{InsecureForever: true}, "the token has expired"},
		{"exp is a text", raw(header, `{"exp":"tomorrow"}`, good), middleware.JWTOptions{}, "the token's claim exp is of the wrong type"},
		{"not yet", raw(header, in(fmt.Sprintf(`,"nbf":%d`, at(time.Minute))), good), middleware.JWTOptions{}, "the token is not valid yet"},
		{"almost", raw(header, in(fmt.Sprintf(`,"nbf":%d`, at(5*time.Second))), good), middleware.JWTOptions{Leeway: 10 * time.Second}, ""},
		{"issuer", raw(header, in(`,"iss":"gcpd"`), good), middleware.JWTOptions{Issuer: "gcpd"}, ""},
		{"another issuer", raw(header, in(`,"iss":"arkham"`), good), middleware.JWTOptions{Issuer: "gcpd"}, "the token is of another issuer"},
		{"no issuer", raw(header, in(""), good), middleware.JWTOptions{Issuer: "gcpd"}, "the token lacks the claim iss"},
		{"audience", raw(header, in(`,"aud":"radio"`), good), middleware.JWTOptions{Audience: []string{"phone", "radio"}}, ""},
		{"audience, a list", raw(header, in(`,"aud":["x","radio"]`), good), middleware.JWTOptions{Audience: []string{"radio"}}, ""},
		{"another audience", raw(header, in(`,"aud":["x"]`), good), middleware.JWTOptions{Audience: []string{"radio"}}, "the token is for another audience"},
		{"no audience", raw(header, in(""), good), middleware.JWTOptions{Audience: []string{"radio"}}, "the token lacks the claim aud"},
		{"audience a number", raw(header, in(`,"aud":7`), good), middleware.JWTOptions{Audience: []string{"radio"}}, "the token lacks the claim aud"},
		{"audience a list of numbers", raw(header, in(`,"aud":[7]`), good), middleware.JWTOptions{Audience: []string{"radio"}}, "the token's claim aud is of the wrong type"},
		{"issuer a number", raw(header, in(`,"iss":7`), good), middleware.JWTOptions{Issuer: "gcpd"}, "the token's claim iss is of the wrong type"},
		{"issuer empty", raw(header, in(`,"iss":""`), good), middleware.JWTOptions{Issuer: "gcpd"}, "the token lacks the claim iss"},
		{"nbf a text", raw(header, in(`,"nbf":"now"`), good), middleware.JWTOptions{}, "the token's claim nbf is of the wrong type"},
		{"exp null", raw(header, `{"exp":null}`, good), middleware.JWTOptions{}, "the token's claim exp is of the wrong type"},
		{"exp beyond all time", raw(header, `{"exp":1e400}`, good), middleware.JWTOptions{}, "the token has expired"},
		{"type", raw(`{"alg":"HS256","typ":"at+jwt"}`, in(""), good), middleware.JWTOptions{Type: "at+jwt"}, ""},
		{"type in full", raw(`{"alg":"HS256","typ":"Application/AT+JWT"}`, in(""), good), middleware.JWTOptions{Type: "at+jwt"}, ""},
		{"another type", raw(header, in(""), good), middleware.JWTOptions{Type: "at+jwt"}, "the token is of another type"},
		{"another key", raw(header, in(""), hs256(bytes.Repeat([]byte("x"), 32))), middleware.JWTOptions{}, "the token's signature cannot be verified"},
		{"an empty key", raw(header, in(""), hs256(nil)), middleware.JWTOptions{}, "the token's signature cannot be verified"},
		{"alg none", raw(`{"alg":"none"}`, in(""), nil), middleware.JWTOptions{}, "the token's signature cannot be verified"},
		{"alg none, signed", raw(`{"alg":"none"}`, in(""), good), middleware.JWTOptions{}, "the token's signature cannot be verified"},
		{"alg None", raw(`{"alg":"None"}`, in(""), nil), middleware.JWTOptions{}, "the token's signature cannot be verified"},
		{"alg empty", raw(`{"alg":""}`, in(""), good), middleware.JWTOptions{}, "the token's signature cannot be verified"},
		{"no alg", raw(`{}`, in(""), good), middleware.JWTOptions{}, "the token's signature cannot be verified"},
		{"alg a number", raw(`{"alg":7}`, in(""), good), middleware.JWTOptions{}, "the token's signature cannot be verified"},
		{"a stronger alg than the key", raw(`{"alg":"HS512"}`, in(""), good), middleware.JWTOptions{}, "the token's signature cannot be verified"},
		{"alg of another kind", raw(`{"alg":"RS256"}`, in(""), good), middleware.JWTOptions{}, "the token's signature cannot be verified"},
		{"critical header", raw(`{"alg":"HS256","crit":["b64"],"b64":false}`, in(""), good), middleware.JWTOptions{}, "the token has a critical header that is not known here"},
		{"kid a number", raw(`{"alg":"HS256","kid":7}`, in(""), good), middleware.JWTOptions{}, "the token's signature cannot be verified"},
		{"no signature", raw(header, in(""), nil), middleware.JWTOptions{}, "the token's signature cannot be verified"},
		{"two parts", "e30.e30", middleware.JWTOptions{}, "the token is malformed"},
		{"four parts", raw(header, in(""), good) + ".e30", middleware.JWTOptions{}, "the token is malformed"},
		{"no JSON", raw("x", in(""), good), middleware.JWTOptions{}, "the token is malformed"},
		{"claims no object", raw(header, "[]", good), middleware.JWTOptions{}, "the token is malformed"},
		{"claims null", raw(header, "null", good), middleware.JWTOptions{}, "the token lacks the claim exp"},
		{"not base64url", "!.!.!", middleware.JWTOptions{}, ""}, // not a token at all: 400
		{"one word", "abc", middleware.JWTOptions{}, "the token is malformed"},
		{"sub a number", raw(header, fmt.Sprintf(`{"sub":7,"exp":%d}`, at(time.Hour)), good), middleware.JWTOptions{}, "the token's claim sub is not a text"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.o.Keys = hmacKeys
			reply := send(guarded(middleware.JWT(tc.o)), "GET", "/", "", "Authorization: Bearer "+tc.token)
			switch {
			case tc.name == "not base64url":
				assert.Equal(t, 400, reply.Code)
			case tc.why == "":
				assert.Equal(t, 200, reply.Code, reply.Body)
			default:
				assert.Equal(t, 401, reply.Code)
				assert.Contains(t, reply.Body.String(), `"detail":"`+tc.why)
				assert.Equal(t, `Bearer error="invalid_token", error_description="`+tc.why+`"`, reply.Header().Get("WWW-Authenticate"))
			}
		})
	}
}

func TestEveryByteOfATokenCounts(t *testing.T) {
	token, err := middleware.SignJWT(map[string]any{"exp": time.Now().Add(time.Hour).Unix()}, hmacKeys[0])
	require.NoError(t, err)
	app := guarded(middleware.JWT(middleware.JWTOptions{Keys: hmacKeys}))
	require.Equal(t, 200, send(app, "GET", "/", "", "Authorization: Bearer "+token).Code)
	for i := range token {
		for _, b := range []byte{token[i] ^ 1, 'A', '.', '-'} {
			if b == token[i] {
				continue
			}
			code := send(app, "GET", "/", "", "Authorization: Bearer "+token[:i]+string(b)+token[i+1:]).Code
			assert.Contains(t, []int{400, 401}, code, "byte %d as %q", i, b)
		}
		assert.NotEqual(t, 200, send(app, "GET", "/", "", "Authorization: Bearer "+token[:i]).Code, "cut at %d", i)
	}
}

// A public key is no secret: whoever knows it must not be able to sign with it.
func TestAPublicKeyIsNoSecret(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	require.NoError(t, err)
	edPublic, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	app := guarded(middleware.JWT(middleware.JWTOptions{Keys: []middleware.JWTKey{{Key: &private.PublicKey}, {Key: edPublic}}}))
	for name, secret := range map[string][]byte{
		"DER": der, "PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "PKCS 1": x509.MarshalPKCS1PublicKey(&private.PublicKey),
		"modulus": private.N.Bytes(), "Ed25519": edPublic,
	} {
		token := raw(`{"alg":"HS256","typ":"JWT"}`, in(""), hs256(secret))
		reply := send(app, "GET", "/", "", "Authorization: Bearer "+token)
		assert.Equal(t, 401, reply.Code, name)
		assert.Contains(t, reply.Body.String(), "signature cannot be verified")
	}
	assert.Panics(t, func() {
		middleware.JWT(middleware.JWTOptions{Keys: []middleware.JWTKey{{Key: &private.PublicKey, Algorithm: "HS256"}}})
	})
}

// signers are keys of each kind.
func signers(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	keys := map[string]crypto.Signer{}
	var err error
	keys["RS256"], err = rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	keys["RS384"], keys["RS512"], keys["PS256"], keys["PS384"], keys["PS512"] = keys["RS256"], keys["RS256"], keys["RS256"], keys["RS256"], keys["RS256"]
	for name, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		keys[name], err = ecdsa.GenerateKey(curve, rand.Reader)
		require.NoError(t, err)
	}
	_, keys["EdDSA"], err = ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return keys
}

func TestEveryAlgorithm(t *testing.T) {
	claims := map[string]any{"sub": "gordon", "exp": time.Now().Add(time.Hour).Unix()}
	keys := signers(t)
	tokens := map[string]string{}
	for name, key := range keys {
		var err error
		tokens[name], err = middleware.SignJWT(claims, middleware.JWTKey{Key: key, Algorithm: name})
		require.NoError(t, err, name)
	}
	for _, name := range []string{"HS256", "HS384", "HS512"} {
		var err error
		tokens[name], err = middleware.SignJWT(claims, middleware.JWTKey{Key: bytes.Repeat([]byte("k"), 64), Algorithm: name})
		require.NoError(t, err, name)
	}
	for name, key := range keys {
		app := guarded(middleware.JWT(middleware.JWTOptions{Keys: []middleware.JWTKey{{Key: key.Public(), Algorithm: name}}}))
		for other, token := range tokens {
			want := 401
			if other == name {
				want = 200
			}
			assert.Equal(t, want, send(app, "GET", "/", "", "Authorization: Bearer "+token).Code, "%s with a key for %s", other, name)
		}
	}
}

func TestKeysAreReplaced(t *testing.T) {
	old, next := middleware.JWTKey{ID: "old", Key: bytes.Repeat([]byte("o"), 32)}, middleware.JWTKey{ID: "new", Key: bytes.Repeat([]byte("n"), 32)}
	sign := func(key middleware.JWTKey) string {
		token, err := middleware.SignJWT(map[string]any{"exp": time.Now().Add(time.Hour).Unix()}, key)
		require.NoError(t, err)
		return token
	}
	unnamed := sign(middleware.JWTKey{Key: next.Key})
	swapped := sign(middleware.JWTKey{ID: "old", Key: next.Key})
	for _, tc := range []struct {
		name string
		keys []middleware.JWTKey
		want map[string]int
	}{
		{"before", []middleware.JWTKey{old}, map[string]int{sign(old): 200, sign(next): 401}},
		{"meanwhile", []middleware.JWTKey{old, next}, map[string]int{sign(old): 200, sign(next): 200, unnamed: 200, swapped: 401}},
		{"after", []middleware.JWTKey{next}, map[string]int{sign(old): 401, sign(next): 200}},
		{"the key has no id", []middleware.JWTKey{{Key: next.Key}}, map[string]int{sign(next): 200, unnamed: 200, sign(old): 401}},
	} {
		app := guarded(middleware.JWT(middleware.JWTOptions{Keys: tc.keys}))
		for token, want := range tc.want {
			assert.Equal(t, want, send(app, "GET", "/", "", "Authorization: Bearer "+token).Code, tc.name)
		}
	}
}

func TestKeySets(t *testing.T) {
	set := func(ids ...string) []byte {
		var keys []map[string]string
		for _, id := range ids {
			keys = append(keys, map[string]string{"kty": "oct", "kid": id, "k": base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte(id[:1]), 32))})
		}
		data, err := json.Marshal(map[string]any{"keys": keys})
		require.NoError(t, err)
		return data
	}
	path := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, os.WriteFile(path, set("a"), 0o600))
	synctest.Test(t, func(t *testing.T) {
		token := func(id string) string {
			token, err := middleware.SignJWT(map[string]any{"exp": time.Now().Add(time.Hour).Unix()}, middleware.JWTKey{ID: id, Key: bytes.Repeat([]byte(id[:1]), 32)})
			require.NoError(t, err)
			return token
		}
		app, lines := logged()
		app.Secure(middleware.JWT(middleware.JWTOptions{KeySetFile: path, KeySet: set("c"), Keys: []middleware.JWTKey{{ID: "d", Key: bytes.Repeat([]byte("d"), 32)}}}))
		app.Get("/", whoami)
		expect := func(want map[string]int) {
			t.Helper()
			for id, status := range want {
				assert.Equal(t, status, send(app, "GET", "/", "", "Authorization: Bearer "+token(id)).Code, id)
			}
		}
		expect(map[string]int{"a": 200, "b": 401, "c": 200, "d": 200})
		require.NoError(t, os.WriteFile(path, set("a", "b"), 0o600))
		time.Sleep(time.Second)
		expect(map[string]int{"a": 200, "b": 200, "c": 200, "d": 200})
		require.NoError(t, os.WriteFile(path, []byte("{"), 0o600))
		time.Sleep(time.Second)
		expect(map[string]int{"a": 200, "b": 200})
		require.NoError(t, os.WriteFile(path, set("b"), 0o600))
		time.Sleep(time.Second)
		expect(map[string]int{"a": 401, "b": 200})
		told := 0
		for _, line := range lines.read(t) {
			if line["level"] == "error" {
				told++
				assert.Contains(t, line["message"], "the keys that were read before still count")
			}
		}
		assert.Equal(t, 1, told)
	})
}

func TestIdentityOfAToken(t *testing.T) {
	for _, tc := range []struct {
		claims string
		want   []string
	}{
		{`,"scope":"a b"`, []string{"a", "b"}},
		{`,"scope":""`, nil},
		{`,"scp":["a","b"]`, []string{"a", "b"}},
		{`,"scopes":["a",7]`, []string{"a"}},
		{`,"scp":"a"`, []string{"a"}},
		{`,"scope":7`, nil},
	} {
		var got *redstart.Identity
		app := quiet()
		app.Secure(middleware.JWT(middleware.JWTOptions{Keys: hmacKeys}))
		app.Get("/", func(req *redstart.Request) redstart.Response { got = req.Identity(); return redstart.NoContent() })
		token := raw(`{"alg":"HS256"}`, in(`,"name":"James Gordon","id":9007199254740993`+tc.claims), hs256(hmacSecret))
		require.Equal(t, 204, send(app, "GET", "/", "", "Authorization: Bearer "+token).Code)
		assert.Equal(t, tc.want, got.Scopes)
		assert.Equal(t, []string{"gordon", "James Gordon", "Bearer"}, []string{got.Subject, got.Name, got.Scheme})
		var id int64
		assert.True(t, got.Claim("id", &id))
		assert.EqualValues(t, 9007199254740993, id, "to the last digit")
	}
}

func TestIdentify(t *testing.T) {
	token := raw(`{"alg":"HS256"}`, in(""), hs256(hmacSecret))
	for _, tc := range []struct {
		name   string
		f      func(context.Context, *redstart.Identity) (*redstart.Identity, error)
		status int
		body   string
	}{
		{"as it is", func(_ context.Context, id *redstart.Identity) (*redstart.Identity, error) { return id, nil }, 200, "gordon by Bearer"},
		{"another", func(context.Context, *redstart.Identity) (*redstart.Identity, error) {
			return &redstart.Identity{Subject: "7", Scheme: "JWT"}, nil
		}, 200, "7 by JWT"},
		{"withdrawn", func(context.Context, *redstart.Identity) (*redstart.Identity, error) {
			return nil, &middleware.CredentialsError{Description: "the token was withdrawn"}
		}, 401, "the token was withdrawn"},
		{"nobody", func(context.Context, *redstart.Identity) (*redstart.Identity, error) { return nil, nil }, 401, "refused"},
		{"failure", func(context.Context, *redstart.Identity) (*redstart.Identity, error) { return nil, errors.New("x") }, 500, ""},
	} {
		reply := send(guarded(middleware.JWT(middleware.JWTOptions{Keys: hmacKeys, Identify: tc.f})), "GET", "/", "", "Authorization: Bearer "+token)
		assert.Equal(t, tc.status, reply.Code, tc.name)
		assert.Contains(t, reply.Body.String(), tc.body, tc.name)
	}
}

func TestSignJWTFails(t *testing.T) {
	public := signers(t)["ES256"].Public()
	in := map[string]any{"exp": time.Now().Unix()}
	for want, f := range map[string]func() (string, error){
		"the claims have no exp":        func() (string, error) { return middleware.SignJWT(map[string]any{"sub": "a"}, hmacKeys[0]) },
		"the claims are no JSON object": func() (string, error) { return middleware.SignJWT([]int{1}, hmacKeys[0]) },
		"with a number exp":             func() (string, error) { return middleware.SignJWT(map[string]any{"exp": time.Now()}, hmacKeys[0]) },
		"json: unsupported type":        func() (string, error) { return middleware.SignJWT(func() {}, hmacKeys[0]) },
		"the key is public":             func() (string, error) { return middleware.SignJWT(in, middleware.JWTKey{Key: public}) },
		"the secret has 1 bytes":        func() (string, error) { return middleware.SignJWT(in, middleware.JWTKey{Key: []byte("a")}) },
		`the algorithm "none" is not one`: func() (string, error) {
			return middleware.SignJWT(in, middleware.JWTKey{Key: hmacSecret, Algorithm: "none"})
		},
		`the algorithm "RS256" is not one of this k`: func() (string, error) {
			return middleware.SignJWT(in, middleware.JWTKey{Key: hmacSecret, Algorithm: "RS256"})
		},
	} {
		token, err := f()
		assert.Empty(t, token)
		if assert.ErrorContains(t, err, want) {
			assert.True(t, strings.HasPrefix(err.Error(), "middleware: SignJWT: "))
		}
	}
}

func FuzzJWT(f *testing.F) {
	good := raw(`{"alg":"HS256"}`, `{"exp":4102444800}`, hs256(hmacSecret))
	for _, token := range []string{good, good[:30], "a.b.c", "..", raw(`{"alg":"none"}`, `{"exp":4102444800}`, nil), raw("null", "null", nil)} {
		f.Add(token)
	}
	app := guarded(middleware.JWT(middleware.JWTOptions{Keys: hmacKeys}))
	f.Fuzz(func(t *testing.T, token string) {
		if strings.ContainsFunc(token, func(r rune) bool { return r < ' ' || r > '~' }) {
			return // no header can hold it
		}
		switch code := send(app, "GET", "/", "", "Authorization: Bearer "+token).Code; code {
		case 400, 401:
		default:
			if strings.TrimSpace(token) != good {
				t.Fatalf("%q: %d", token, code)
			}
		}
	})
}
