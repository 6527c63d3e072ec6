package jetstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"
)

// ReplacedError says that the stream is another one than that in which a position was
// given: it was deleted and made again, or it lost its latest messages. Positions of
// the one mean nothing in the other. Ask [Broker.State] what there is now.
type ReplacedError struct {
	Stream   string
	Was, Now string // epochs
}

func (e *ReplacedError) Error() string {
	return fmt.Sprintf("jetstream: stream %q was replaced: its epoch was %s, now it is %s", e.Stream, e.Was, e.Now)
}

// UnfitError says why an existing stream cannot be used. The stream is left as it is.
type UnfitError struct {
	Stream  string
	Reasons []string
}

func (e *UnfitError) Error() string {
	text := fmt.Sprintf("jetstream: stream %q exists but does not fit: ", e.Stream)
	for i, reason := range e.Reasons {
		if i > 0 {
			text += "; "
		}
		text += reason
	}
	return text
}

// unansweredError is what an outage ends with.
type unansweredError struct {
	doing string
	tried string
	err   error
}

func (e *unansweredError) Error() string {
	return fmt.Sprintf("jetstream: %s: no success within %s: %v", e.doing, e.tried, e.err)
}

func (e *unansweredError) Unwrap() error { return e.err }

var (
	errLinkLost = errors.New("the connection to NATS is lost")
	errNoAPI    = errors.New("nothing answers for JetStream: is it enabled on the server (nats-server -js) and for the account?")
)

// Codes of the server that say more than their status: whether what they tell passes
// by itself.
const (
	codeNoSuitablePeers    js.ErrorCode = 10005
	codeInsufficient       js.ErrorCode = 10023
	codeMemoryExceeded     js.ErrorCode = 10028
	codeNotForAccount      js.ErrorCode = 10039
	codeStorageExceeded    js.ErrorCode = 10047
	codeNotEnabled         js.ErrorCode = 10076
	codeNotStored          js.ErrorCode = 10077
	codeDuplicateInProcess js.ErrorCode = 10158
)

// passing says whether trying again may help.
func passing(err error) bool {
	for _, target := range []error{
		errLinkLost, errNoAPI, errMoved, errBehind, errGone, context.DeadlineExceeded, context.Canceled,
		nats.ErrNoResponders, nats.ErrTimeout, nats.ErrDisconnected, nats.ErrConnectionReconnecting,
		nats.ErrReconnectBufExceeded, nats.ErrNoServers, nats.ErrStaleConnection,
	} {
		if errors.Is(err, target) {
			return true
		}
	}
	if api := apiError(err); api != nil {
		switch api.ErrorCode {
		case codeNotForAccount, codeNotEnabled, codeInsufficient, codeMemoryExceeded, codeStorageExceeded, codeNotStored:
			return false
		case codeDuplicateInProcess, codeNoSuitablePeers:
			return true
		}
		return api.Code == 503 || api.Code == 408
	}
	return false
}

// apiError finds what the server itself said, if it did.
func apiError(err error) *js.APIError {
	var withCode js.JetStreamError
	if errors.As(err, &withCode) {
		return withCode.APIError()
	}
	return nil
}
