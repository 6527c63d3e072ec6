package settings

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/rs/zerolog"

	"github.com/redstart-go/redstart/internal/processes"
)

const (
	maxPort      = 65535
	maxProcesses = processes.Max
)

func parseNumber(text string, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most || text[0] == '+' {
		return 0, fmt.Errorf("want a number from 0 to %d", most)
	}
	return n, nil
}

func parseSwitch(text string) (bool, error) {
	on, err := strconv.ParseBool(text)
	if err != nil {
		return false, errors.New("want true or false")
	}
	return on, nil
}

// levels are the names of what can be asked for. The two above error, fatal and panic, are
// left out: no line of the framework's has them, so that they would be another way to
// write disabled.
func levels() []string { return []string{"trace", "debug", "info", "warn", "error", "disabled"} }

func parseLevel(text string) (zerolog.Level, error) {
	if !slices.Contains(levels(), text) {
		return 0, fmt.Errorf("want %s or disabled", strings.Join(levels()[:5], ", "))
	}
	return zerolog.ParseLevel(text)
}

// parseHost takes the name or the address of a host, and one of IPv6 also in brackets, as
// it stands in a URL.
func parseHost(text string) (string, error) {
	host := text
	if inner, ok := strings.CutPrefix(host, "["); ok && strings.HasSuffix(inner, "]") {
		host = strings.TrimSuffix(inner, "]")
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return host, nil
	}
	if strings.HasPrefix(text, "unix:") || strings.HasPrefix(text, "systemd:") || strings.HasPrefix(text, "fd:") {
		return "", errors.New("want a host name or an IP address: the program has to call App.Start for a socket")
	}
	if _, err := netip.ParseAddrPort(text); err == nil || hasPort(text) {
		return "", errors.New("want a host alone: the port is a setting of its own")
	}
	if text == "" || strings.ContainsFunc(text, isNoHostCharacter) {
		return "", errors.New("want a host name or an IP address, such as localhost, 127.0.0.1 or ::1; 0.0.0.0 for all of the machine's")
	}
	return text, nil
}

// hasPort says whether a text is the name of a host and a port.
func hasPort(text string) bool {
	host, port, ok := strings.Cut(text, ":")
	_, err := strconv.ParseUint(port, 10, 16)
	return ok && err == nil && !strings.ContainsFunc(host, isNoHostCharacter)
}

// isNoHostCharacter says what a name cannot have in it. Whether there is a host of that
// name is found out when the app listens.
func isNoHostCharacter(r rune) bool {
	letter := r|0x20 >= 'a' && r|0x20 <= 'z'
	return !letter && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
}
