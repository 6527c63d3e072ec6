package middleware

import (
	"fmt"
	"net/url"
	"strings"
)

// origins is a set of web origins (RFC 6454 section 6.2).
type origins struct {
	any, null bool
	exact     map[string]bool
	patterns  []originPattern
}

// originPattern stands for the origins that have one label between its parts.
type originPattern struct{ scheme, domain string } // "https://", ".gotham.city:8443"

// parseOrigins panics for an entry that no browser could send.
func parseOrigins(list []string) origins {
	set := origins{exact: map[string]bool{}}
	for _, entry := range list {
		switch entry {
		case "*":
			if len(list) > 1 {
				misuse("CORS", `Origins: "*" allows every origin: leave out the others, or it`)
			}
			set.any = true
		case "null":
			set.null = true
		default:
			before, after, starred := strings.Cut(entry, "://*.")
			if problem := checkOrigin(entry, starred); problem != "" {
				misuse("CORS", "Origins: %q %s", entry, problem)
			}
			if starred {
				set.patterns = append(set.patterns, originPattern{before + "://", "." + after})
			} else {
				set.exact[entry] = true
			}
		}
	}
	return set
}

// checkOrigin says what is wrong with an entry, and the fix.
func checkOrigin(entry string, starred bool) string {
	plain := entry
	if starred {
		plain = strings.Replace(entry, "*", "x", 1)
	}
	u, err := url.Parse(plain)
	switch {
	case strings.Contains(plain, "*"):
		return `has a star elsewhere than in place of the first label: want "https://*.gotham.city"`
	case err != nil || u.Scheme == "" || u.Host == "" || u.Hostname() == "":
		return `is not an origin: want scheme, host and maybe port, such as "https://gotham.city"`
	case len(u.Scheme+"://"+u.Host) != len(plain):
		return "is more than an origin: leave out what is not scheme, host or port, a slash at the end included"
	case strings.ToLower(entry) != entry:
		return fmt.Sprintf("has capitals, which browsers do not send: want %q", strings.ToLower(entry))
	case strings.ContainsFunc(entry, func(r rune) bool { return r > '~' }):
		return `has letters that are not ASCII: write the host as browsers send it, in Punycode ("xn--...")`
	case strings.HasSuffix(u.Host, ":"), u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80":
		return "names the scheme's own port, which browsers leave out: leave it out"
	case starred && strings.Count(u.Hostname(), ".") < 2 && u.Hostname() != "x.localhost":
		return "would allow a whole top-level domain: name at least two labels after the star"
	}
	return ""
}

func (set *origins) has(origin string) bool {
	if origin == "null" {
		return set.null
	}
	if set.exact[origin] {
		return true
	}
	for _, p := range set.patterns {
		rest, ok := strings.CutPrefix(origin, p.scheme)
		if label, found := strings.CutSuffix(rest, p.domain); ok && found && isLabel(label) {
			return true
		}
	}
	return false
}

// isLabel says whether s is one label of a host name as browsers send it.
func isLabel(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != ""
}
