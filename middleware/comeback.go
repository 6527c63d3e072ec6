package middleware

import (
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/internal/headers"
	"github.com/redstart-go/redstart/sse"
)

// wantsEvents says whether the client is one like EventSource, which reconnects by
// itself after a reply of status 200 and gives up for good after any other (WHATWG HTML
// section 9.2.3).
func wantsEvents(req *redstart.Request) bool {
	return req.Method() == http.MethodGet && headers.Listed(req.HTTP().Header["Accept"], eventStream)
}

// comeBack is the reply to such a client that is to try again later: an event as
// sse.Server sends it when it refuses a stream, and the end. The time is up to half as
// long again, so that those who were sent away do not all return at once.
func comeBack(reason string, after time.Duration) redstart.Response {
	bye := sse.Text(reason).WithEvent("sse.bye").WithRetry(after + rand.N(after/2+1))
	return redstart.SSEResponse(func(yield func(redstart.SSEMessage) bool) { yield(bye) })
}
