//go:build !linux

// Command benchmarks compares Redstart with a hand-written net/http server and with
// other frameworks. It runs on Linux only.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "benchmarks: runs on Linux only: its load client is an epoll loop, and memory is read from /proc")
	os.Exit(1)
}
