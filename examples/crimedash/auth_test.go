package main

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/examples/crimedash/store"
)

// passwords are those of the README.
var passwords = map[string]string{"batman": "i-am-the-night", "gordon": "light-the-signal", "robin": "holy-password"}

// browser is a client that keeps cookies and says where its requests come from.
func (d dashboard) browser(t *testing.T) *redstart.TestClient {
	t.Helper()
	client := d.TestClient(t)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client.Jar = jar
	client.Header.Set("Sec-Fetch-Site", "same-origin")
	return client
}

// as is a browser in which somebody has logged in.
func (d dashboard) as(t *testing.T, name string) *redstart.TestClient {
	t.Helper()
	client := d.browser(t)
	reply := client.Post("/login", url.Values{"name": {name}, "password": {passwords[name]}})
	require.Equal(t, http.StatusSeeOther, reply.Status, reply.Body)
	return client
}

// bearer gets a token and returns the header with it.
func (d dashboard) bearer(t *testing.T, name string) string {
	t.Helper()
	reply := d.ask(t, http.MethodPost, "/api/token", jsonType, `{"name":"`+name+`","password":"`+passwords[name]+`"}`)
	require.Equal(t, http.StatusOK, reply.Code, reply.Body)
	assert.Equal(t, "no-store", reply.Header().Get("Cache-Control"))
	granted := decode[token](t, reply)
	assert.Equal(t, token{granted.AccessToken, "Bearer", 3600}, granted)
	return "Bearer " + granted.AccessToken
}

func TestLogInAndOut(t *testing.T) {
	d := newDashboard(t)
	client := d.browser(t)
	var nobody visitor
	require.NoError(t, client.Get("/api/session").JSON(&nobody))
	assert.Equal(t, visitor{Scopes: []string{}}, nobody)

	reply := client.Post("/login", url.Values{"name": {"gordon"}, "password": {passwords["gordon"]}, "next": {"/?kind=arson"}})
	assert.Equal(t, http.StatusSeeOther, reply.Status)
	assert.Equal(t, "/?kind=arson", reply.Header.Get("Location"))
	cookie := reply.Header.Get("Set-Cookie")
	for _, attribute := range []string{sessionCookie + "=", "HttpOnly", "SameSite=Lax", "Path=/"} {
		assert.Contains(t, cookie, attribute)
	}

	var gordon visitor
	require.NoError(t, client.Get("/api/session").JSON(&gordon))
	assert.Equal(t, visitor{"gordon", "Commissioner Gordon", store.RoleCommissioner, []string{scopeStatus, scopeDelete, scopeLog}}, gordon)

	assert.Equal(t, http.StatusSeeOther, client.Post("/logout", nil).Status)
	var after visitor
	require.NoError(t, client.Get("/api/session").JSON(&after))
	assert.Equal(t, visitor{Scopes: []string{}}, after)
}

func TestLogInNeverLeadsAway(t *testing.T) {
	d := newDashboard(t)
	for _, next := range []string{"https://joker.example/", "//joker.example", `/\joker.example`, ""} {
		reply := d.browser(t).Post("/login", url.Values{"name": {"robin"}, "password": {passwords["robin"]}, "next": {next}})
		assert.Equal(t, "/", reply.Header.Get("Location"), next)
	}
}

// What was wrong is not said, and the password is not shown again.
func TestBadLogIn(t *testing.T) {
	d := newDashboard(t)
	for name, form := range map[string]url.Values{
		"wrong password":   {"name": {"batman"}, "password": {"i-am-the-<day>"}},
		"unknown user":     {"name": {"joker"}, "password": {"i-am-the-<day>"}},
		"nothing":          {},
		"another's":        {"name": {"robin"}, "password": {passwords["batman"]}},
		"too long to hash": {"name": {"batman"}, "password": {strings.Repeat("x", 73)}},
	} {
		reply := d.browser(t).Post("/login", form)
		assert.Equal(t, http.StatusUnauthorized, reply.Status, name)
		assert.Contains(t, reply.Body, `role="alert" data-i18n="login.wrong">The name or the password is wrong.`, name)
		assert.Equal(t, []string{challenge}, reply.Header.Values("WWW-Authenticate"), name)
		assert.Contains(t, reply.Body, `value="`+form.Get("name")+`"`, name)
		assert.NotContains(t, reply.Body, "&lt;day&gt;", name)
		assert.NotContains(t, reply.Header.Get("Set-Cookie"), sessionCookie, name)
	}
	reply := d.ask(t, http.MethodPost, "/api/token", jsonType, `{"name":"batman","password":"?"}`)
	assert.Equal(t, http.StatusUnauthorized, reply.Code)
	assert.Equal(t, []string{challenge}, reply.Header().Values("WWW-Authenticate"))
	assert.Equal(t, store.ErrLogin.Error(), decode[problem](t, reply).Detail)
	assert.Equal(t, http.StatusUnprocessableEntity, d.ask(t, http.MethodPost, "/api/token", jsonType, `{}`).Code)
}

// What else goes wrong with the form is said by a page as well, to people.
func TestALogInThatIsTooLargeIsExplained(t *testing.T) {
	d := newDashboard(t)
	form := url.Values{"name": {"batman"}, "password": {strings.Repeat("x", maxLogin)}}
	page := d.browser(t).Post("/login", form, "Accept", asBrowser)
	assert.Equal(t, http.StatusRequestEntityTooLarge, page.Status)
	assert.Contains(t, page.Body, `data-i18n="failure.413"`)
	reply := d.browser(t).Post("/login", form)
	assert.Equal(t, http.StatusRequestEntityTooLarge, reply.Status)
	assert.Equal(t, "application/problem+json", reply.Header.Get("Content-Type"))
}

// The tries of a form and of a program count together, for each client.
func TestLogInIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDashboard(t)
		try := func() *httptest.ResponseRecorder {
			return d.ask(t, http.MethodPost, "/login", formType, "name=joker&password=haha")
		}
		for range loginAttempts - 1 {
			require.Equal(t, http.StatusUnauthorized, try().Code)
		}
		require.Equal(t, http.StatusUnauthorized, d.ask(t, http.MethodPost, "/api/token", jsonType, `{"name":"joker","password":"haha"}`).Code)
		refused := try()
		assert.Equal(t, http.StatusTooManyRequests, refused.Code)
		assert.NotEmpty(t, refused.Header().Get("Retry-After"))
		assert.Contains(t, refused.Body.String(), `data-i18n="login.later"`, "a person is shown the form")
		assert.Contains(t, refused.Body.String(), `value="joker"`)
		assert.Equal(t, http.StatusTooManyRequests, d.ask(t, http.MethodPost, "/api/token", jsonType, `{"name":"gordon","password":"light-the-signal"}`).Code,
			"the right password does not help either")
		assert.Equal(t, http.StatusOK, d.get(t, "/api/crimes").Code, "reading is not limited")

		var buckets int
		require.NoError(t, d.store.DB().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM rate_limits").Scan(&buckets))
		assert.Equal(t, 1, buckets, "it is kept where all processes see it")

		time.Sleep(time.Minute)
		assert.Equal(t, http.StatusUnauthorized, try().Code)
	})
}

func TestAnotherSiteCannotLogAnybodyInOrOut(t *testing.T) {
	d := newDashboard(t)
	client := d.as(t, "gordon")
	client.Header.Set("Sec-Fetch-Site", "cross-site")
	assert.Equal(t, http.StatusForbidden, client.Post("/logout", nil).Status)
	assert.Equal(t, http.StatusForbidden, client.Post("/login", url.Values{"name": {"robin"}, "password": {passwords["robin"]}}).Status)
	assert.Equal(t, http.StatusForbidden, client.Delete("/api/crimes/1").Status)
	var still visitor
	require.NoError(t, client.Get("/api/session").JSON(&still))
	assert.Equal(t, "gordon", still.Name)
}

func TestTokens(t *testing.T) {
	d := newDashboard(t)
	client := d.TestClient(t)
	header := d.bearer(t, "batman")
	var batman visitor
	require.NoError(t, client.Get("/api/session", "Authorization", header).JSON(&batman))
	assert.Equal(t, visitor{"batman", "Batman", store.RoleVigilante, []string{scopeStatus}}, batman)

	reply := client.Get("/api/session", "Authorization", header+"x")
	assert.Equal(t, http.StatusUnauthorized, reply.Status, "a token that is none is no guest's")
	assert.Contains(t, reply.Header.Values("WWW-Authenticate")[0]+strings.Join(reply.Header.Values("WWW-Authenticate"), " "), "Bearer")

	// A token of another dashboard, which has another secret.
	other := newDashboard(t)
	assert.Equal(t, http.StatusUnauthorized, other.TestClient(t).Get("/api/session", "Authorization", header).Status)

	// Who is no user any more has lost what he was.
	_, err := d.store.DB().ExecContext(t.Context(), "DELETE FROM users WHERE name = 'batman'")
	require.NoError(t, err)
	assert.Equal(t, http.StatusUnauthorized, client.Get("/api/session", "Authorization", header).Status)
}

func TestATokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDashboard(t)
		header := d.bearer(t, "robin")
		ask := func() int {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/session", nil)
			req.Header.Set("Authorization", header)
			reply := httptest.NewRecorder()
			d.ServeHTTP(reply, req)
			return reply.Code
		}
		assert.Equal(t, http.StatusOK, ask())
		time.Sleep(tokenTime)
		assert.Equal(t, http.StatusUnauthorized, ask())
	})
}

// Processes with one file, and nodes with one secret, know each other's sessions.
func TestSessionsAreSharedByTheSecret(t *testing.T) {
	d := newDashboard(t)
	client := d.as(t, "gordon")
	cookies := client.Jar.Cookies(&url.URL{Scheme: "http", Host: "example.com", Path: "/"})
	require.NotEmpty(t, cookies)

	again, err := newApp(config{Store: d.store, Hub: d.hub})
	require.NoError(t, err)
	secret := []byte(strings.Repeat("s", minSecret))
	north, err := newApp(config{Store: d.store, Hub: d.hub, Secret: secret})
	require.NoError(t, err)
	south, err := newApp(config{Store: newDashboard(t).store, Hub: d.hub, Secret: secret})
	require.NoError(t, err)

	who := func(app *redstart.App, cookie *http.Cookie) string {
		var v visitor
		require.NoError(t, app.Test(http.MethodGet, "/api/session", nil, "Cookie", cookie.Name+"="+cookie.Value).JSON(&v))
		return v.Name
	}
	assert.Equal(t, "gordon", who(again, cookies[0]))
	assert.Empty(t, who(north, cookies[0]), "it was made with another secret")
	reply := north.Test(http.MethodPost, "/login", url.Values{"name": {"robin"}, "password": {passwords["robin"]}})
	made, err := http.ParseSetCookie(reply.Header.Get("Set-Cookie"))
	require.NoError(t, err)
	assert.Equal(t, "robin", who(south, made))
}

func TestPasswordsAreShownWhileEverybodyKnowsThem(t *testing.T) {
	d := newDashboard(t)
	page := d.get(t, "/login").Body.String()
	for name, password := range passwords {
		assert.Contains(t, page, "<dt>"+name+"</dt><dd><code>"+password+"</code>")
		assert.Contains(t, page, `data-i18n="login.can.`+name+`"`)
	}
	drawn, err := d.store.DrawPasswords(t.Context())
	require.NoError(t, err)
	require.Len(t, drawn, 3)
	page = d.get(t, "/login").Body.String()
	assert.NotContains(t, page, "demo")
	for _, password := range passwords {
		assert.NotContains(t, page, password)
	}
}

// What comes with the address does not become markup.
func TestTheLoginPageEscapes(t *testing.T) {
	d := newDashboard(t)
	page := d.get(t, "/login?next="+url.QueryEscape(`"><script>`)).Body.String()
	assert.NotContains(t, page, `"><script>`)
	assert.Equal(t, "no-store", d.get(t, "/login").Header().Get("Cache-Control"))
}
