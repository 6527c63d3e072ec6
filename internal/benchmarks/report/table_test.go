package report

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		name    string
		samples []float64
		want    float64
	}{
		{"one", []float64{3}, 3},
		{"odd, unsorted", []float64{9, 1, 4}, 4},
		{"even", []float64{4, 1, 9, 2}, 3},
		{"an outlier does not count", []float64{5, 5, 5000}, 5},
		{"two that never ended", []float64{math.Inf(1), math.Inf(1)}, math.Inf(1)},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, Median(tt.samples)) })
	}
	assert.True(t, math.IsNaN(Median(nil)))

	samples := []float64{2, 1}
	Median(samples)
	assert.Equal(t, []float64{2, 1}, samples, "the samples are left as they were")
}

func TestRatio(t *testing.T) {
	for _, tt := range []struct {
		name            string
		value, baseline float64
		better          Better
		want            float64 // NaN: none
	}{
		{"twice as many", 20, 10, Higher, 2},
		{"a tenth of the memory", 1, 10, Lower, 10},
		{"worse", 20, 10, Lower, 0.5},
		{"no direction", 20, 10, Neither, math.NaN()},
		{"no baseline", 20, math.NaN(), Higher, math.NaN()},
		{"nothing", 0, 10, Lower, math.NaN()},
		{"a negative slope", -1, 10, Lower, math.NaN()},
		{"never ended", math.Inf(1), 10, Lower, math.NaN()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Ratio(tt.value, tt.baseline, tt.better)
			if math.IsNaN(tt.want) {
				assert.True(t, math.IsNaN(got), got)
				return
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestTableIsMarkdown(t *testing.T) {
	table := Table{
		Title: "Fan-out", Note: "To 1 000.",
		Columns: []Column{
			{"rate", "deliveries/s", Count, Higher},
			{"longest", "longest call", Seconds, Lower},
			{"lost", "lost", Percent, Neither},
		},
	}
	var out strings.Builder
	require.NoError(t, table.Write(&out, "raw", []Row{
		{Server: "raw", Samples: []Sample{
			{"rate": 90_000, "longest": 0.002, "lost": 0.015},
			{"rate": 80_000, "longest": 0.004, "lost": 0.015},
			{"rate": 10, "longest": 3, "lost": 0.5},
		}},
		{Server: "fast", Samples: []Sample{{"rate": 1_000_000, "longest": 40e-6, "lost": 0}}},
		{Server: "stuck", Samples: []Sample{{"longest": math.Inf(1), "lost": 0.9}}},
		{Server: "broken", Failure: "connection refused"},
	}))
	assert.Equal(t, `### Fan-out

To 1 000.

| server | deliveries/s | × raw | longest call | × raw | lost |
| --- | ---: | ---: | ---: | ---: | ---: |
| raw | 80 000 | 1.00 | 4.0 ms | 1.00 | 1.50 % |
| fast | 1 000 000 | 12.5 | 40.0 µs | 100 | 0 |
| stuck | – | – | for good | – | 90.00 % |
| broken | – | – | – | – | – |

broken failed: connection refused

`, out.String())
}

func TestFormats(t *testing.T) {
	for _, tt := range []struct{ name, got, want string }{
		{"small count", Count(999), "999"},
		{"large count", Count(1234567.6), "1 234 568"},
		{"negative count", Count(-1234), "−1 234"},
		{"ratio below ten", Times(3.456), "3.46"},
		{"ratio below a hundred", Times(34.56), "34.6"},
		{"large ratio", Times(1234), "1 234"},
		{"KB", Kilobytes(1536), "1.50 KB"},
		{"MB", Megabytes(3 << 20), "3.0 MB"},
		{"seconds", Seconds(2.5), "2.50 s"},
		{"all", Percent(1), "100 %"},
		{"almost all", Percent(0.99999), "> 99.99 %"},
		{"almost none", Percent(0.00001), "< 0.01 %"},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, tt.got) })
	}
}
