package jetstream

import (
	"fmt"
	"os"
	"strings"
)

// The environment is where a process finds the server of the one that started it. It
// is as secret as the program's memory: only the same user can read it.

// announce lets the processes that are started from now on find the server. If another
// server of this process is to be found in that variable, it stays so.
func (e *embedded) announce(variable string) {
	if pid, _ := parseAnnouncement(os.Getenv(variable)); pid == os.Getpid() {
		return
	}
	if os.Setenv(variable, e.announcement()) == nil {
		e.announced = variable
	}
}

func (e *embedded) announcement() string { return fmt.Sprintf("%d %s", os.Getpid(), e.url) }

func (e *embedded) withdraw() {
	if e.announced != "" && os.Getenv(e.announced) == e.announcement() {
		os.Unsetenv(e.announced)
	}
}

// announced returns the URL of a server that another process runs, which lives, or "".
func announced(variable string) string {
	pid, url := parseAnnouncement(os.Getenv(variable))
	if pid == 0 || pid == os.Getpid() || !alive(pid) {
		return ""
	}
	return url
}

func parseAnnouncement(value string) (pid int, url string) {
	if n, err := fmt.Sscanf(value, "%d %s", &pid, &url); n != 2 || err != nil || !strings.HasPrefix(url, "nats://") {
		return 0, ""
	}
	return pid, url
}
