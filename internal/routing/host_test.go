package routing

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestHostName(t *testing.T) { // features: R8
	for host, want := range map[string]string{
		"API.Gotham.City": "api.gotham.city", "gotham.city:8080": "gotham.city", "gotham.city.": "gotham.city", "[::1]:80": "::1", "[::1]": "::1", "": "",
	} {
		assert.Equal(t, want, HostName(host), host)
	}
}

func TestCheckHost(t *testing.T) { // features: R8
	for _, fine := range []string{"", "localhost", "api.gotham.city", "my_host", "127.0.0.1", "::1", "fe80::1%eth0", "xn--bcher-kva.example", "API.Gotham.City:8080", "[::1]:80", "gotham.city."} {
		assert.Empty(t, CheckHost(fine), fine)
	}
	for name, want := range map[string]string{
		"*.gotham.city":       "no pattern",
		":tenant.gotham.city": "no pattern",
		"http://gotham.city":  "without a scheme or a path",
		"gotham.city/api":     "without a scheme or a path",
		"a b":                 "has no ' '",
		"bücher.example":      "ASCII form",
		"gotham.city?x":       "has no '?'",
	} {
		assert.Contains(t, CheckHost(name), want, name)
	}
}
