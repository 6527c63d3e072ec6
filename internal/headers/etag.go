package headers

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

// ETag makes a strong validator of a body.
func ETag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// NotModified compares If-None-Match weakly, as RFC 9110 section 13.1.2 wants.
func NotModified(r *http.Request, etag string) bool {
	candidates := r.Header["If-None-Match"]
	if m := r.Method; len(candidates) == 0 || etag == "" || m != http.MethodGet && m != http.MethodHead {
		return false
	}
	etag = strings.TrimPrefix(etag, "W/")
	for _, line := range candidates {
		for candidate := range strings.SplitSeq(line, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
				return true
			}
		}
	}
	return false
}
