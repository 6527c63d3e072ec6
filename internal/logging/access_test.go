package logging

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
)

func TestAccess(t *testing.T) {
	for want, line := range map[string]Access{
		`{"method":"GET","path":"/","status":200,"bytes":0,"took_ms":0,"ip":"","message":"request"}`: {Method: "GET", Path: "/", Route: "/", Status: 200},
		`{"method":"GET","path":"/a/1","status":500,"bytes":3,"took_ms":2,"ip":"::1","request_id":"x","route":"/a/:id","reason":"failed","error":"boom","stack":"at","message":"request"}`: {
			Method: "GET", Path: "/a/1", Route: "/a/:id", IP: "::1", ID: "x", Status: 500, Bytes: 3, Took: 2 * time.Millisecond,
			Reason: "failed", Stream: true, Err: errors.New("boom"), Stack: []byte("at"),
		},
		`{"method":"GET","path":"/","status":200,"bytes":0,"took_ms":0,"ip":"","events":7,"message":"stream"}`: {Method: "GET", Path: "/", Status: 200, Stream: true, Events: 7},
	} {
		var out bytes.Buffer
		logger := zerolog.New(&out)
		line.Write(logger.Log())
		assert.JSONEq(t, want, out.String())
	}
}
