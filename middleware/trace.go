package middleware

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
)

// Trace says where a piece of work stands in a distributed trace, as W3C Trace Context
// (https://www.w3.org/TR/trace-context/) has it. The zero value stands nowhere.
type Trace struct {
	ID     [16]byte // of the whole trace
	Span   [8]byte  // of this piece of work
	Parent [8]byte  // of the one that asked for it; zero for the first
	Flags  byte     // 1 when the trace is recorded
	State  string   // the header tracestate, which vendors may add to
}

// Recorded says whether the trace is recorded by whoever began it.
func (t Trace) Recorded() bool { return t.Flags&1 != 0 }

// String returns the value of the header traceparent, by which this piece of work asks
// for another.
func (t Trace) String() string {
	b := make([]byte, 0, traceparentSize)
	b = hex.AppendEncode(append(b, "00-"...), t.ID[:])
	b = hex.AppendEncode(append(b, '-'), t.Span[:])
	return string(hex.AppendEncode(append(b, '-'), []byte{t.Flags & knownFlags}))
}

// knownFlags are those of version 00: recorded, and, of level 2, that the id is random.
const knownFlags = 3

// Inject sets the headers traceparent and tracestate on a request to another service.
func (t Trace) Inject(h http.Header) {
	if t.ID == [16]byte{} {
		return
	}
	h["Traceparent"] = []string{t.String()}
	if t.State != "" {
		h["Tracestate"] = []string{t.State}
	}
}

const traceparentSize = len("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")

// ParseTraceparent reads the header traceparent (section 3.2): the Span is that of the
// asker. Of a later version than 00 it reads what this one has. Anything else than lower
// case digits of the right number, and ids of nothing but zeros, are errors.
func ParseTraceparent(text string) (Trace, error) {
	var t Trace
	if len(text) < traceparentSize {
		return Trace{}, fmt.Errorf("middleware: traceparent %q: want %d characters, got %d", text, traceparentSize, len(text))
	}
	var version, flags [1]byte
	for _, field := range []struct {
		name   string
		at     int
		into   []byte
		before byte
	}{{"version", 0, version[:], 0}, {"trace-id", 3, t.ID[:], '-'}, {"parent-id", 36, t.Span[:], '-'}, {"trace-flags", 53, flags[:], '-'}} {
		if field.at > 0 && text[field.at-1] != field.before {
			return Trace{}, fmt.Errorf("middleware: traceparent %q: want a hyphen before the %s", cut(text, 80), field.name)
		}
		digits := text[field.at : field.at+2*len(field.into)]
		if _, err := hex.Decode(field.into, []byte(digits)); err != nil || digits != strings.ToLower(digits) {
			return Trace{}, fmt.Errorf("middleware: traceparent %q: the %s has to be hexadecimal, in lower case", cut(text, 80), field.name)
		}
	}
	switch {
	case version[0] == 0xff:
		return Trace{}, errors.New("middleware: traceparent: the version ff is none")
	case version[0] == 0 && len(text) > traceparentSize, len(text) > traceparentSize && text[traceparentSize] != '-':
		return Trace{}, fmt.Errorf("middleware: traceparent %q: there is more than its version has", cut(text, 80))
	case t.ID == [16]byte{}:
		return Trace{}, fmt.Errorf("middleware: traceparent %q: the trace-id is zero", cut(text, 80))
	case t.Span == [8]byte{}:
		return Trace{}, fmt.Errorf("middleware: traceparent %q: the parent-id is zero", cut(text, 80))
	}
	t.Flags = flags[0]
	return t, nil
}

// traceOf reads the trace that a request belongs to. A header that is broken counts as
// none (section 3.2.4), and tracestate then does not count either.
func traceOf(h http.Header) (t Trace, ok bool) {
	parents := h["Traceparent"]
	if len(parents) != 1 {
		return Trace{}, false
	}
	t, err := ParseTraceparent(parents[0])
	if err != nil {
		return Trace{}, false
	}
	t.State = traceState(h["Tracestate"])
	return t, true
}

// traceState joins the lines of the header. What is longer than section 3.3.1.5 wants
// everyone to pass on, has characters that no member may have, or has too many
// members is dropped.
func traceState(lines []string) string {
	state := strings.Join(lines, ",")
	const mostBytes, mostMembers = 512, 32
	if len(state) > mostBytes || strings.Count(state, ",") >= mostMembers ||
		strings.ContainsFunc(state, func(r rune) bool { return r != '\t' && (r < ' ' || r > '~') }) {
		return ""
	}
	return state
}

// child is the trace of a piece of work that is asked for by t; of the zero value a
// trace of its own, which is recorded.
func (t Trace) child() Trace {
	c := t
	c.Parent = t.Span
	if t.ID == [16]byte{} {
		c.Flags = 3 // recorded, with a random id
		putRandom(c.ID[:])
	}
	putRandom(c.Span[:])
	return c
}

// putRandom fills an id. They have to be unlikely to meet, not hard to guess; zero has a
// meaning.
func putRandom(id []byte) {
	for i := range id {
		id[i] = byte(rand.Uint32())
	}
	id[0] |= 1
}

type traceKey struct{}

// WithTrace returns a context that has the trace, for a [Tracer] with ids of its own.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceOf returns the trace that the work with this context belongs to, and whether
// there is one. A call to another service passes it on:
//
//	if trace, ok := middleware.TraceOf(ctx); ok {
//		trace.Inject(request.Header)
//	}
func TraceOf(ctx context.Context) (Trace, bool) {
	t, ok := ctx.Value(traceKey{}).(Trace)
	return t, ok
}
