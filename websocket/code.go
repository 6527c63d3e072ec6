package websocket

import (
	"fmt"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// Code says why a connection was closed (RFC 6455 section 7.4, and the registry of
// IANA). 3000 to 3999 are for registered uses, 4000 to 4999 for the program's own.
type Code uint16

// The codes that are defined.
const (
	NormalClosure      Code = 1000
	GoingAway          Code = 1001 // the server shuts down, or the page was left
	ProtocolError      Code = 1002
	UnsupportedData    Code = 1003 // such as a binary message where only text is wanted
	NoStatus           Code = 1005 // never sent: the peer gave no code
	Abnormal           Code = 1006 // never sent: the connection broke
	InvalidPayload     Code = 1007 // such as text that is not UTF-8
	PolicyViolation    Code = 1008
	MessageTooBig      Code = 1009
	MandatoryExtension Code = 1010 // sent by clients only
	InternalError      Code = 1011
	ServiceRestart     Code = 1012
	TryAgainLater      Code = 1013
	BadGateway         Code = 1014
	TLSFailure         Code = 1015 // never sent
)

// maxReason is what fits into a control frame beside the code.
const maxReason = ws.MaxControlFramePayloadSize - 2

// sendable says whether a Close frame may carry the code. What the ranges 1016 to
// 2999 will mean is not known, so they are refused (section 7.4.2).
func (c Code) sendable() bool {
	switch {
	case c >= 3000 && c <= 4999:
		return true
	case c < NormalClosure || c > BadGateway:
		return false
	}
	return c != 1004 && c != NoStatus && c != Abnormal
}

// CloseError is the end of a connection, or the wish for it.
//
// [Conn.Read] and [Conn.Messages] give it when the connection is over, and it is the
// cause of the end of [Conn.Context]. A conversation that returns one chooses the code
// with which its connection is closed: see [Close].
type CloseError struct {
	Code   Code
	Reason string
	// Remote says that the peer closed, or vanished.
	Remote bool

	cause error
}

// Close is the error by which a conversation, when it returns it, closes its
// connection with another code than 1000. The reason is at most 123 bytes long;
// what is longer is cut. It is for programs rather than people: browsers do not
// show it. A code that may not be sent, such as 1006, is a fault of the program and
// becomes 1011.
func Close(code Code, reason string) error { return &CloseError{Code: code, Reason: reason} }

func (e *CloseError) Error() string {
	who := "closed"
	if e.Remote {
		who = "closed by the peer"
	}
	text := fmt.Sprintf("websocket: %s with %d", who, e.Code)
	if e.Reason != "" {
		text += fmt.Sprintf(" %q", e.Reason)
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap gives what led to the end, such as [ErrDraining], [ErrSilent], [ErrSlow] or
// [ErrGone].
func (e *CloseError) Unwrap() error { return e.cause }

// orderly says whether the connection was closed as conversations are meant to end.
// Browsers send 1001 when the page is left, and 1005 stands for a close without a code.
func (e *CloseError) orderly() bool {
	return e.Code == NormalClosure || e.Code == GoingAway || e.Remote && e.Code == NoStatus
}

// clip cuts a reason to what fits, between characters, and makes it UTF-8.
func clip(reason string) string {
	if utf8.ValidString(reason) && len(reason) <= maxReason {
		return reason
	}
	cut := make([]byte, 0, maxReason)
	for _, r := range reason { // what is no UTF-8 becomes U+FFFD
		if len(cut)+utf8.RuneLen(r) > maxReason {
			break
		}
		cut = utf8.AppendRune(cut, r)
	}
	return string(cut)
}

// closeBody is the payload of a Close frame.
func closeBody(code Code, reason string) []byte {
	if code == NoStatus {
		return nil
	}
	return ws.NewCloseFrameBody(ws.StatusCode(code), clip(reason))
}

// parseClose reads the payload of a Close frame (section 5.5.1).
func parseClose(p []byte) (code Code, reason string, fault string) {
	if len(p) == 0 {
		return NoStatus, "", ""
	}
	if len(p) == 1 {
		return 0, "", "a Close frame of one byte"
	}
	raw, text := ws.ParseCloseFrameData(p)
	if code = Code(raw); !code.sendable() {
		return 0, "", fmt.Sprintf("a Close frame with code %d", code)
	}
	if !utf8.ValidString(text) {
		return 0, "", badReason
	}
	return code, text, ""
}

const badReason = "a close reason that is not UTF-8"
