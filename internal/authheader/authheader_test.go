package authheader

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		name   string
		fields []string
		want   Authorization
		ok     bool
		err    string
	}{
		{"none", nil, Authorization{}, false, ""},
		{"bearer", []string{"Bearer abc"}, Authorization{"Bearer", "abc"}, true, ""},
		{"any case, spaces around", []string{" bEaReR   abc \t"}, Authorization{"bEaReR", "abc"}, true, ""},
		{"no value", []string{"Bearer"}, Authorization{"Bearer", ""}, true, ""},
		{"no value, space", []string{"Bearer "}, Authorization{"Bearer", ""}, true, ""},
		{"value with spaces", []string{"Digest a, b"}, Authorization{"Digest", "a, b"}, true, ""},
		{"empty", []string{""}, Authorization{}, false, "does not begin with the name of a scheme"},
		{"spaces", []string{"  "}, Authorization{}, false, "does not begin with the name of a scheme"},
		{"no scheme", []string{"=secret"}, Authorization{}, false, "does not begin with the name of a scheme"},
		{"scheme with a colon", []string{"Bearer: secret"}, Authorization{}, false, "does not begin with the name of a scheme"},
		{"tab for a space", []string{"Bearer\tsecret"}, Authorization{}, false, "does not begin with the name of a scheme"},
		{"not ASCII", []string{"Bärer secret"}, Authorization{}, false, "does not begin with the name of a scheme"},
		{"two", []string{"Bearer secret", "Basic secret"}, Authorization{}, false, "there are 2 headers Authorization: want one"},
		{"the same twice", []string{"Bearer secret", "Bearer secret"}, Authorization{}, false, "there are 2 headers"},
		{"too long", []string{"Bearer " + strings.Repeat("a", MaxLength)}, Authorization{}, false, "has 16391 bytes: want 16384 at most"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok, err := Parse(tc.fields)
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				assert.NotContains(t, err.Error(), "secret")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
			assert.Equal(t, tc.ok, ok)
		})
	}
}

func TestCheckToken(t *testing.T) {
	for token, want := range map[string]string{
		"abc": "", "a-._~+/1==": "", "=": "padding", "==": "padding", "": "there is no token",
		"a b": "characters", "a=b": "characters", "a,b": "characters", "ä": "characters", "a\x00": "characters", `"a"`: "characters", "a\r\nb": "characters",
		strings.Repeat("a", MaxLength+1): "want 16384 at most",
	} {
		err := CheckToken(token)
		if want == "" {
			assert.NoError(t, err, token)
		} else if assert.ErrorContains(t, err, want, "%.20q", token) && len(token) > 3 {
			assert.NotContains(t, err.Error(), token)
		}
	}
}

func TestUserPassword(t *testing.T) {
	encode := base64.StdEncoding.EncodeToString
	for _, tc := range []struct{ name, value, user, password, err string }{
		{"plain", encode([]byte("batman:robin")), "batman", "robin", ""},
		{"colons in the password", encode([]byte("a:b:c:")), "a", "b:c:", ""},
		{"UTF-8", encode([]byte("bátman:密码")), "bátman", "密码", ""},
		{"empty both", encode([]byte(":")), "", "", ""},
		{"nothing", "", "", "", "there are no credentials"},
		{"not base64", "batman:robin", "", "", "not base64"},
		{"base64url", "_-8=", "", "", "not base64"},
		{"no padding", strings.TrimRight(encode([]byte("batman:r")), "="), "", "", "not base64"},
		{"bits behind the end", "YTpiY1==", "", "", "not base64"},
		{"line break", "YTpi\nYw==", "", "", "not base64"},
		{"two", encode([]byte("a:b")) + " " + encode([]byte("a:b")), "", "", "not base64"},
		{"no colon", encode([]byte("batman")), "", "", "no colon"},
		{"not UTF-8", encode([]byte("b\xe1tman:a")), "", "", "not UTF-8"},
		{"control character", encode([]byte("a\x00:b")), "", "", "control characters"},
		{"line break inside", encode([]byte("a:b\r\nX: y")), "", "", "control characters"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			user, password, err := UserPassword(tc.value)
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.user, user)
			assert.Equal(t, tc.password, password)
		})
	}
}

func TestChallenge(t *testing.T) {
	assert.Equal(t, "Bearer", Challenge("Bearer"))
	assert.Equal(t, "Bearer", Challenge("Bearer", "realm", ""))
	assert.Equal(t, `Basic realm="a", charset="UTF-8"`, Challenge("Basic", "realm", "a", "charset", "UTF-8"))
	assert.Equal(t, `Bearer error="it's'", scope="a b??"`, Challenge("Bearer", "realm", "", "error", `it"s\`, "scope", "a b\nä"))
}

func TestIsScope(t *testing.T) {
	for _, s := range []string{"a", "crimes:write", "https://gotham.city/a", "!#[]~"} {
		assert.True(t, IsScope(s), s)
	}
	for _, s := range []string{"", "a b", `a"`, `a\`, "ä", "a\n", "\x7f"} {
		assert.False(t, IsScope(s), s)
	}
}

func FuzzAuthorization(f *testing.F) {
	for _, s := range []string{"Bearer abc", "Basic YTpi", "Basic", "", " ", "Bearer  a=b", "\x00", "Basic YTpi\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, field string) {
		a, ok, err := Parse([]string{field})
		if (err == nil) != ok {
			t.Fatalf("%q: one header is one, or an error", field)
		}
		if err != nil {
			return
		}
		if strings.ContainsAny(a.Scheme, " \t\r\n") || a.Scheme == "" {
			t.Fatalf("%q: the scheme is %q", field, a.Scheme)
		}
		if CheckToken(a.Value) == nil && strings.ContainsFunc(a.Value, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == ',' }) {
			t.Fatalf("%q passes as a token", a.Value)
		}
		if user, password, err := UserPassword(a.Value); err == nil {
			if base64.StdEncoding.EncodeToString([]byte(user+":"+password)) != a.Value {
				t.Fatalf("%q is not the only text for %q and %q", a.Value, user, password)
			}
		}
	})
}
