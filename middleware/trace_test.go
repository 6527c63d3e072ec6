package middleware_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/middleware"
)

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func ExampleParseTraceparent() {
	trace, err := middleware.ParseTraceparent(parent)
	fmt.Printf("%x %x %v %v\n", trace.ID, trace.Span, trace.Recorded(), err)
	_, err = middleware.ParseTraceparent(strings.ToUpper(parent))
	fmt.Println(err)
	// Output:
	// 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 true <nil>
	// middleware: traceparent "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01": the trace-id has to be hexadecimal, in lower case
}

func TestParseTraceparent(t *testing.T) {
	const ids = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"
	for _, tc := range []struct{ name, text, err string }{
		{"sampled", "00-" + ids + "-01", ""},
		{"not sampled", "00-" + ids + "-00", ""},
		{"unknown flags", "00-" + ids + "-ff", ""},
		{"later version", "01-" + ids + "-01", ""},
		{"later version, with more", "cc-" + ids + "-01-what-ever", ""},
		{"later version, with more and no hyphen", "cc-" + ids + "-01.what", "more than its version has"},
		{"more", "00-" + ids + "-01-x", "more than its version has"},
		{"empty", "", "want 55 characters, got 0"},
		{"short", "00-" + ids + "-0", "want 55 characters, got 54"},
		{"no version", "ff-" + ids + "-01", "the version ff is none"},
		{"capitals in the version", "0A-" + ids + "-01", "the version has to be hexadecimal"},
		{"no hyphens", strings.ReplaceAll("00-"+ids+"-01", "-", "_"), "want a hyphen before the trace-id"},
		{"not hexadecimal", "00-" + strings.Replace(ids, "f067", "g067", 1) + "-01", "the parent-id has to be hexadecimal"},
		{"flags not hexadecimal", "00-" + ids + "-0x", "the trace-flags has to be hexadecimal"},
		{"zero trace", "00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01", "the trace-id is zero"},
		{"zero parent", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "the parent-id is zero"},
		{"space", " 0-" + ids + "-01", "the version has to be hexadecimal"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			trace, err := middleware.ParseTraceparent(tc.text)
			if tc.err == "" {
				require.NoError(t, err)
				assert.Equal(t, "00-"+ids, trace.String()[:len(ids)+3])
				return
			}
			assert.ErrorContains(t, err, tc.err)
			assert.Zero(t, trace)
		})
	}
}

func TestTraceInject(t *testing.T) {
	h := http.Header{}
	middleware.Trace{}.Inject(h)
	assert.Empty(t, h, "the zero value stands nowhere")
	trace, err := middleware.ParseTraceparent(parent)
	require.NoError(t, err)
	trace.State = "vendor=1"
	trace.Inject(h)
	assert.Equal(t, http.Header{"Traceparent": {parent}, "Tracestate": {"vendor=1"}}, h)
}

// What is read is written the same way, but for flags that nobody knows.
func FuzzParseTraceparent(f *testing.F) {
	f.Add(parent)
	f.Add("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-more")
	f.Add("00-00000000000000000000000000000000-0000000000000000-00")
	f.Add("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	f.Fuzz(func(t *testing.T, text string) {
		trace, err := middleware.ParseTraceparent(text)
		if err != nil {
			require.Zero(t, trace)
			return
		}
		require.NotZero(t, trace.ID)
		require.NotZero(t, trace.Span)
		written := trace.String()
		require.Equal(t, text[3:53], written[3:53])
		again, err := middleware.ParseTraceparent(written)
		require.NoError(t, err)
		require.Equal(t, trace.ID, again.ID)
		require.Equal(t, trace.Span, again.Span)
		require.Equal(t, trace.Recorded(), again.Recorded())
	})
}
