package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/redstart-go/redstart"
)

// node says who answers: which machine, and which of its processes.
type node struct {
	Name    string `json:"node"`
	Process int    `json:"process"` // from 1 to Of; both 0 if there is only one
	Of      int    `json:"of"`
}

// self is this process, on the node of that name.
func self(name string) node {
	slot, of := redstart.Process()
	return node{name, slot, of}
}

// String is for headers and logs.
func (n node) String() string {
	if n.Of == 0 {
		return n.Name
	}
	return fmt.Sprintf("%s, process %d of %d", n.Name, n.Process, n.Of)
}

// first says whether this process does what one per node does.
func (n node) first() bool { return n.Process <= 1 }

// named puts the node into a header of every reply, for people with curl.
func (n node) named() redstart.Option {
	return redstart.DefaultHeader("Served-By", url.PathEscape(n.Name)+strings.TrimPrefix(n.String(), n.Name))
}

// pageToken is how a page may call itself.
var pageToken = regexp.MustCompile(`^[a-z0-9]{1,16}$`)

// introduce tells the page that opens a stream who serves it. An EventSource shows its
// page no header of the reply but this one: a cookie. Its name is the page's own token,
// so that pages of several nodes on one host do not read each other's, and it is gone
// in a minute. So the stream stays the hub's alone, and needs no goroutine here.
func (n node) introduce(req *redstart.Request, resp redstart.Response) redstart.Response {
	token := req.Query("page")
	if !pageToken.MatchString(token) {
		return resp
	}
	text, err := json.Marshal(n)
	if err != nil {
		return redstart.Fail(err)
	}
	return resp.WithCookie(&http.Cookie{
		Name: "served-" + token, Value: base64.RawURLEncoding.EncodeToString(text),
		Path: "/", MaxAge: 60, SameSite: http.SameSiteStrictMode,
	})
}
