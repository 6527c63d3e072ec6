package main

import (
	"context"
	"strconv"
	"time"
)

// pause waits, and says whether the stream goes on. A generator that slept
// instead would notice only afterwards that its client has gone.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// maxPosition is higher than any id these streams reach; one beyond it was made up.
const maxPosition = 1 << 30

// after gives the number behind the last one a client has seen. A client that
// has seen nothing, or claims nonsense, begins at 0: the id is text that anybody
// can send.
func after(lastEventID string) int {
	n, err := strconv.Atoi(lastEventID)
	if err != nil || n < 0 || n > maxPosition {
		return 0
	}
	return n + 1
}
