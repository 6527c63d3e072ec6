package report

import (
	"fmt"
	"math"
	"strconv"
)

// Count prints a whole number with its thousands apart.
func Count(v float64) string {
	digits := strconv.FormatInt(int64(math.Round(math.Abs(v))), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + " " + digits[i:]
	}
	if v <= -0.5 {
		return "−" + digits
	}
	return digits
}

// Times prints a ratio with two or three significant digits.
func Times(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return Count(v)
}

// Kilobytes prints bytes in units of 1024.
func Kilobytes(v float64) string { return fmt.Sprintf("%.2f KB", v/(1<<10)) }

// Megabytes prints bytes in units of 1024 × 1024.
func Megabytes(v float64) string { return fmt.Sprintf("%.1f MB", v/(1<<20)) }

// Seconds prints seconds in the unit that suits them. An infinite time is one that
// had no end.
func Seconds(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "for good"
	case v < 1e-4:
		return fmt.Sprintf("%.1f µs", v*1e6)
	case v < 1e-3:
		return fmt.Sprintf("%.0f µs", v*1e6)
	case v < 1:
		return fmt.Sprintf("%.1f ms", v*1e3)
	}
	return fmt.Sprintf("%.2f s", v)
}

// Percent prints a share of one; nothing at all and all of it are told from almost
// nothing and almost all.
func Percent(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v == 1:
		return "100 %"
	case v < 0.0001 && v > 0:
		return "< 0.01 %"
	case v > 0.9999 && v < 1:
		return "> 99.99 %"
	}
	return fmt.Sprintf("%.2f %%", v*100)
}
