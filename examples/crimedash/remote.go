package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"time"
)

const (
	remoteBase    = "https://api.example.com/data/"
	remoteTimeout = 3 * time.Second
	remoteMost    = 64 << 10 // bytes of a reply that are read
)

// fetch asks the remote service for one record and returns its JSON on a single
// line. Whatever goes wrong, a status that is no success and a body that is no
// JSON included, is an error fit to be shown.
func fetch(ctx context.Context, client *http.Client, i int) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, remoteBase+strconv.Itoa(i), nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, remoteMost))
	if err != nil {
		return "", err
	}
	var line bytes.Buffer
	if err := json.Compact(&line, body); err != nil {
		return "", fmt.Errorf("unreadable reply: %w", err)
	}
	return line.String(), nil
}

// remoteClient is an HTTP client whose every request is answered by handler,
// within the program: the example works without a network, and what stands
// for the service can be as unreliable as a real one.
func remoteClient(handler http.Handler) *http.Client {
	return &http.Client{Transport: inProcess{handler}, Timeout: remoteTimeout}
}

// inProcess is a transport without a wire.
type inProcess struct{ handler http.Handler }

// RoundTrip runs the handler and hands over what it wrote.
func (t inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	reply := &reply{status: http.StatusOK, header: http.Header{}}
	t.handler.ServeHTTP(reply, req)
	if err := req.Context().Err(); err != nil {
		return nil, err // the handler was cut short
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", reply.status, http.StatusText(reply.status)), StatusCode: reply.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: reply.header, Request: req,
		Body: io.NopCloser(&reply.body), ContentLength: int64(reply.body.Len()),
	}, nil
}

// reply collects what a handler writes.
type reply struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (r *reply) Header() http.Header         { return r.header }
func (r *reply) WriteHeader(status int)      { r.status = status }
func (r *reply) Write(p []byte) (int, error) { return r.body.Write(p) }

// standIn plays api.example.com: it takes its time, and record 2 is always out
// of order, so that failure can be seen, and tested.
type standIn struct{}

// ServeHTTP answers GET /data/:i.
func (standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !pause(r.Context(), 120*time.Millisecond) {
		return
	}
	i, err := strconv.Atoi(path.Base(r.URL.Path))
	switch {
	case err != nil:
		http.Error(w, "no such record", http.StatusNotFound)
	case i == 2:
		http.Error(w, "the archive is on fire again", http.StatusServiceUnavailable)
	default:
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"id": i, "source": "GCPD", "patrols_on_duty": 12 + 7*i%5})
	}
}
