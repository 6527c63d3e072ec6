package testclient

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
)

// Result is a whole reply.
type Result struct {
	Status int
	Header http.Header
	Body   string
	// Err says that the body broke off. Of a single call to an app it is also why there
	// is no reply at all.
	Err error
}

// JSON decodes the body. The error has the beginning of one that is none.
func (r Result) JSON(v any) error {
	if err := json.Unmarshal([]byte(r.Body), v); err != nil {
		return fmt.Errorf("the body of the reply with status %d is not the JSON that is wanted: %w: %s", r.Status, err, excerpt(r.Body))
	}
	return nil
}

// Cookie returns the last cookie of this name that the reply sets, or nil.
func (r Result) Cookie(name string) (found *http.Cookie) {
	for _, c := range (&http.Response{Header: r.Header}).Cookies() {
		if c.Name == name {
			found = c
		}
	}
	return found
}

func excerpt(text string) string {
	const most = 200
	if text = strings.TrimSpace(text); len(text) > most {
		return fmt.Sprintf("%.*q and %d bytes more", most, text, len(text)-most)
	}
	return fmt.Sprintf("%q", text)
}

// encode makes a request's body: text, bytes and a reader as they are, url.Values and a
// Form as forms, anything else as JSON.
func encode(body any) (content io.Reader, contentType string, err error) {
	switch b := body.(type) {
	case nil:
		return nil, "", nil
	case string:
		if b == "" {
			return nil, "", nil
		}
		return strings.NewReader(b), "", nil
	case []byte:
		return bytes.NewReader(b), "", nil
	case io.Reader:
		return b, "", nil
	case url.Values:
		return strings.NewReader(b.Encode()), "application/x-www-form-urlencoded", nil
	case Form:
		return b.encode()
	}
	data, err := json.Marshal(body)
	if err != nil {
		return nil, "", fmt.Errorf("encoding the body: %w", err)
	}
	return bytes.NewReader(data), "application/json", nil
}

// Do sends a request and reads the reply. The target is a path, or a URL to ask another
// host than example.com. The body may be nil, a string, bytes or a reader, [url.Values]
// for a form, a [Form] for one with files, or anything else to be encoded as JSON. Headers
// are pairs of a name and a value. Redirects are not followed. Without a reply the test fails.
func (c *Client) Do(method, target string, body any, header ...string) Result {
	c.t.Helper()
	result := c.exchange(c.t.Context(), method, target, body, header)
	if result.Err != nil && result.Status == 0 {
		c.t.Fatalf("%s %s: %v", method, target, result.Err)
	}
	return result
}

// Get is Do with GET.
func (c *Client) Get(target string, header ...string) Result {
	c.t.Helper()
	return c.Do(http.MethodGet, target, nil, header...)
}

// Head is Do with HEAD.
func (c *Client) Head(target string, header ...string) Result {
	c.t.Helper()
	return c.Do(http.MethodHead, target, nil, header...)
}

// Post is Do with POST.
func (c *Client) Post(target string, body any, header ...string) Result {
	c.t.Helper()
	return c.Do(http.MethodPost, target, body, header...)
}

// Put is Do with PUT.
func (c *Client) Put(target string, body any, header ...string) Result {
	c.t.Helper()
	return c.Do(http.MethodPut, target, body, header...)
}

// Patch is Do with PATCH.
func (c *Client) Patch(target string, body any, header ...string) Result {
	c.t.Helper()
	return c.Do(http.MethodPatch, target, body, header...)
}

// Delete is Do with DELETE.
func (c *Client) Delete(target string, header ...string) Result {
	c.t.Helper()
	return c.Do(http.MethodDelete, target, nil, header...)
}

func (c *Client) exchange(ctx context.Context, method, target string, body any, header []string) (result Result) {
	late := fmt.Errorf("the reply was not complete within %v; a stream that goes on is for Stream", c.timeout())
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout(), late)
	defer cancel()
	explain := func(err error) error {
		if context.Cause(ctx) == late {
			return late
		}
		return err
	}
	resp, used, err := c.send(ctx, method, target, body, header)
	if err != nil {
		return Result{Err: explain(err)}
	}
	text, err := io.ReadAll(resp.Body)
	result = Result{Status: resp.StatusCode, Header: resp.Header, Body: string(text), Err: explain(err)}
	_ = resp.Body.Close()
	// The reply is there before the handler has returned, and written its log line.
	select {
	case <-used.far.served:
	case <-used.far.gone:
	case <-ctx.Done():
		if result.Err == nil {
			result.Err = fmt.Errorf("the handler has not returned within %v, though its reply is complete", c.timeout())
		}
	}
	return result
}

// send sends a request, and says on which connection.
func (c *Client) send(ctx context.Context, method, target string, body any, header []string) (resp *http.Response, used *near, err error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { used, _ = info.Conn.(*near) }})
	r, err := c.request(ctx, method, target, body, header)
	if err != nil {
		return nil, nil, err
	}
	r.URL.Scheme = "http" // the connection is plain whatever the target says
	resp, err = c.transport.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	resp.Request = r
	c.keepCookies(resp)
	return resp, used, nil
}
