package middleware

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/jwk"
)

// JWTKey is a key for tokens: to verify them in [JWTOptions], and to sign them with
// [SignJWT] if it is a secret or a private key.
type JWTKey struct {
	// ID is the key's kid, by which a token names it. Give keys one to replace them: the
	// new one goes to all who verify, then tokens are signed with it, and when the last
	// token of the old one has expired, that goes.
	ID string
	// Key is a []byte, a secret of 32 or more random bytes that everybody has who verifies,
	// or a public or private key of crypto/rsa, crypto/ecdsa or crypto/ed25519.
	Key any
	// Algorithm is the only one that the key is for. By default it is for all of its
	// kind:
	//
	//	[]byte    HS256, and from 48 and 64 bytes on HS384 and HS512
	//	rsa       RS256 RS384 RS512 PS256 PS384 PS512; 2048 bits or more
	//	ecdsa     ES256, ES384 or ES512, by its curve
	//	ed25519   EdDSA
	Algorithm string
}

// JWTOptions say which tokens [JWT] takes. Keys have to come from somewhere.
type JWTOptions struct {
	// Keys are those that tokens are signed with.
	Keys []JWTKey
	// KeySet is a JSON Web Key Set (RFC 7517) with more of them.
	KeySet []byte
	// KeySetFile is a file with one. It is read again when it has changed, which is
	// looked for once a second at most; while it is missing or broken, the keys that were
	// read before count, and the log says so.
	KeySetFile string
	// Issuer is who has to have signed the token, its claim iss.
	Issuer string
	// Audience are those for whom tokens may be meant: one has to be in the claim aud.
	// Without it a token that was made for another service is taken here too, if the keys
	// are the same.
	Audience []string
	// Leeway is how far clocks may differ.
	Leeway time.Duration
	// Type is what the token has to say that it is, its header typ, such as "at+jwt" (RFC
	// 9068), if tokens of other kinds are signed with the same keys.
	Type string
	// InsecureForever takes tokens that have no claim exp, too: who finds one may use it
	// until the key is replaced.
	InsecureForever bool
	// Identify makes the identity, and may say by its error that the token is withdrawn:
	// see [Bearer]. It is given what the claims say, and may return that.
	Identify func(ctx context.Context, id *redstart.Identity) (*redstart.Identity, error)
	// Bearer says where tokens are looked for.
	Bearer BearerOptions
}

// JWT is a [Bearer] whose tokens are JSON Web Tokens (RFC 7519), verified by the advice of
// RFC 8725. The algorithm follows from the key: a token that names another, or none, is
// refused, as is one with a critical header. It has to have an exp; nbf is minded.
//
// The identity has sub as its Subject, name as its Name, the claims as its Claims, numbers
// as [json.Number], and as Scopes the claim scope, a text with spaces, or scp or scopes, a
// list. [redstart.Identity.Decode] gives the claims a type.
//
// Options with no key, with one that is weak or does not fit its algorithm, and a file
// that cannot be read, panic.
func JWT(o JWTOptions) *Auth {
	v, err := newJWTVerifier(o)
	if err != nil {
		misuse("JWT", "%v", err)
	}
	describe := redstart.SecurityScheme{Name: "jwt", Type: "http", Scheme: "bearer", BearerFormat: "JWT"}
	auth := bearer(v.verify, describe, o.Bearer)
	if v.file == nil {
		return auth
	}
	find := auth.schemes[0].find
	auth.schemes[0].find = func(req *redstart.Request) (*redstart.Identity, error) {
		v.refresh(req)
		return find(req)
	}
	return auth
}

type jwtVerifier struct {
	options JWTOptions
	fixed   []jwk.Key
	file    *jwk.File
	parser  *jwt.Parser
}

func newJWTVerifier(o JWTOptions) (*jwtVerifier, error) {
	v := &jwtVerifier{options: o}
	for i, given := range o.Keys {
		k, err := jwk.New(given.ID, given.Algorithm, given.Key)
		if err != nil {
			return nil, fmt.Errorf("key %d of %d: %w", i+1, len(o.Keys), err)
		}
		v.fixed = append(v.fixed, k)
	}
	if len(o.KeySet) > 0 {
		keys, err := jwk.ParseSet(o.KeySet)
		if err != nil {
			return nil, fmt.Errorf("KeySet: %w", err)
		}
		v.fixed = append(v.fixed, keys...)
	}
	var err error
	if o.KeySetFile != "" {
		if v.file, err = jwk.Open(o.KeySetFile); err != nil {
			return nil, fmt.Errorf("KeySetFile: %w", err)
		}
	}
	switch {
	case len(v.fixed) == 0 && v.file == nil:
		return nil, errors.New("there is no key: want Keys, a KeySet or a KeySetFile")
	case o.Leeway < 0:
		return nil, fmt.Errorf("a Leeway of %v: want a time above zero, or none", o.Leeway)
	case slices.Contains(o.Audience, ""):
		return nil, errors.New("an entry of Audience is empty")
	}
	options := []jwt.ParserOption{jwt.WithStrictDecoding(), jwt.WithJSONNumber(), jwt.WithLeeway(o.Leeway)}
	if !o.InsecureForever {
		options = append(options, jwt.WithExpirationRequired())
	}
	if o.Issuer != "" {
		options = append(options, jwt.WithIssuer(o.Issuer))
	}
	if len(o.Audience) > 0 {
		options = append(options, jwt.WithAudience(o.Audience...))
	}
	v.parser = jwt.NewParser(options...)
	return v, nil
}

// refresh has the file read again if it is time, and tells of what is wrong with it.
func (v *jwtVerifier) refresh(req *redstart.Request) {
	if _, err := v.file.Keys(); err != nil {
		req.Log().Error().Err(err).Msg("the key set of JWT could not be read: the keys that were read before still count")
	}
}

func (v *jwtVerifier) keys() []jwk.Key {
	if v.file == nil {
		return v.fixed
	}
	keys, _ := v.file.Keys() // refresh has told of the error
	return slices.Concat(v.fixed, keys)
}

// verify makes an identity of a token.
func (v *jwtVerifier) verify(ctx context.Context, token string) (*redstart.Identity, error) {
	claims := jwt.MapClaims{}
	if _, err := v.parser.ParseWithClaims(token, claims, v.keysFor); err != nil {
		return nil, v.explain(err, claims)
	}
	id, err := jwtIdentity(claims)
	if err != nil || v.options.Identify == nil {
		return id, err
	}
	return v.options.Identify(ctx, id)
}

// keysFor chooses the keys for a token that nobody has verified yet.
func (v *jwtVerifier) keysFor(token *jwt.Token) (any, error) {
	if _, critical := token.Header["crit"]; critical { // RFC 7515 section 4.1.11
		return nil, errCritical
	}
	if v.options.Type != "" {
		typ, _ := token.Header["typ"].(string)
		if !strings.EqualFold(strings.TrimPrefix(strings.ToLower(typ), "application/"), v.options.Type) {
			return nil, errTokenType
		}
	}
	id, ok := token.Header["kid"].(string)
	if _, has := token.Header["kid"]; has && !ok {
		return nil, errNoSuchKey
	}
	var set jwt.VerificationKeySet
	for _, key := range jwk.For(v.keys(), token.Method.Alg(), id) {
		set.Keys = append(set.Keys, key)
	}
	if len(set.Keys) == 0 {
		return nil, errNoSuchKey
	}
	return set, nil
}

var (
	errCritical  = errors.New("the token has a critical header that is not known here")
	errTokenType = errors.New("the token is of another type")
	errNoSuchKey = errors.New("no key for the token's algorithm and kid")
)

// explain says to the client what is wrong, and nothing about keys.
func (v *jwtVerifier) explain(err error, claims jwt.MapClaims) error {
	text := "the token is malformed"
	for _, known := range []struct {
		err  error
		text string
	}{
		{errCritical, errCritical.Error()}, {errTokenType, errTokenType.Error()},
		{errNoSuchKey, "the token's signature cannot be verified"},
		{jwt.ErrTokenMalformed, text},
		{jwt.ErrTokenUnverifiable, "the token's signature cannot be verified"},
		{jwt.ErrTokenSignatureInvalid, "the token's signature cannot be verified"},
		{jwt.ErrTokenExpired, "the token has expired"},
		{jwt.ErrTokenNotValidYet, "the token is not valid yet"},
		{jwt.ErrTokenInvalidIssuer, "the token is of another issuer"},
		{jwt.ErrTokenInvalidAudience, "the token is for another audience"},
		{jwt.ErrTokenRequiredClaimMissing, "the token lacks the claim " + v.lacking(claims)},
		{jwt.ErrTokenInvalidClaims, "the token's claim " + mistyped(claims) + " is of the wrong type"},
	} {
		if errors.Is(err, known.err) {
			text = known.text
			break
		}
	}
	return &CredentialsError{Description: text, Err: err}
}

// lacking names the first claim that the options ask for and the token does not have.
func (v *jwtVerifier) lacking(claims jwt.MapClaims) string {
	if _, has := claims["exp"]; !has && !v.options.InsecureForever {
		return "exp"
	}
	if issuer, err := claims.GetIssuer(); v.options.Issuer != "" && err == nil && issuer == "" {
		return "iss"
	}
	return "aud"
}

// mistyped names the first claim that cannot be read.
func mistyped(claims jwt.MapClaims) string {
	if _, err := claims.GetExpirationTime(); err != nil {
		return "exp"
	}
	if _, err := claims.GetNotBefore(); err != nil {
		return "nbf"
	}
	if _, err := claims.GetAudience(); err != nil {
		return "aud"
	}
	return "iss"
}

// jwtIdentity makes an identity of claims.
func jwtIdentity(claims jwt.MapClaims) (*redstart.Identity, error) {
	id := &redstart.Identity{Claims: claims}
	for _, c := range []struct {
		name string
		into *string
	}{{"sub", &id.Subject}, {"name", &id.Name}} {
		if value, has := claims[c.name]; has {
			text, ok := value.(string)
			if !ok {
				return nil, &CredentialsError{Description: fmt.Sprintf("the token's claim %s is not a text", c.name)}
			}
			*c.into = text
		}
	}
	for _, name := range []string{"scope", "scp", "scopes"} {
		switch value := claims[name].(type) {
		case string:
			id.Scopes = append(id.Scopes, strings.Fields(value)...)
		case []any:
			for _, one := range value {
				if text, ok := one.(string); ok {
					id.Scopes = append(id.Scopes, text)
				}
			}
		}
	}
	return id, nil
}

// SignJWT makes a token of claims, a struct or a map that is encoded as JSON, with the
// first algorithm that the key is for, and the key's ID as its kid. The claims need an exp, in
// seconds since 1970 ([jwt.NewNumericDate] makes one): a token is good for whoever has it
// until then. Embed [jwt.RegisteredClaims] for the usual ones.
func SignJWT(claims any, key JWTKey) (string, error) {
	k, err := jwk.New(key.ID, key.Algorithm, key.Key)
	if err == nil && k.Sign == nil {
		err = errors.New("the key is public: want a secret or a private key to sign with")
	}
	if err != nil {
		return "", fmt.Errorf("middleware: SignJWT: %w", err)
	}
	data, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("middleware: SignJWT: %w", err)
	}
	var ends struct {
		Exp *json.Number `json:"exp"`
	}
	if err := json.Unmarshal(data, &ends); err != nil {
		return "", fmt.Errorf("middleware: SignJWT: the claims are no JSON object with a number exp: %w", err)
	}
	if ends.Exp == nil {
		return "", errors.New("middleware: SignJWT: the claims have no exp: a token that never expires cannot be taken back")
	}
	token := jwt.NewWithClaims(jwt.GetSigningMethod(k.Algorithms[0]), encodedClaims{data, nil})
	if k.ID != "" {
		token.Header["kid"] = k.ID
	}
	text, err := token.SignedString(k.Sign)
	if err != nil {
		return "", fmt.Errorf("middleware: SignJWT: %w", err)
	}
	return text, nil
}

// encodedClaims are claims that were encoded before. The methods of the nil Claims are not
// called: they are for who verifies.
type encodedClaims struct {
	data []byte
	jwt.Claims
}

// MarshalJSON returns the claims.
func (c encodedClaims) MarshalJSON() ([]byte, error) { return c.data, nil }
