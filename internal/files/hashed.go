package files

import (
	"path"
	"strings"
)

// HashedName reports whether a file's name holds a hash of its content, as
// bundlers write it: app.3f2a9c1b.js, app-3f2a9c1b.js, app-5K3HJ2XQ.css.
//
// A name wrongly taken for a hash is cached for a year, a hash that is missed
// costs a revalidation. So only two forms count: eight or more lower-case
// hexadecimal digits, and the eight characters of upper-case base32 (esbuild);
// both must mix letters and digits, which keeps dates, version numbers and
// words out. For bundlers with other forms (Vite's are mixed-case base64) set
// [Static.Hashed], for instance to everything below "assets/".
func HashedName(name string) bool {
	base := path.Base(name)
	for {
		i := strings.LastIndexAny(base, ".-_")
		if i < 0 {
			return false // the first part is the name, never a hash
		}
		if looksHashed(base[i+1:]) {
			return true
		}
		base = base[:i]
	}
}

func looksHashed(part string) bool {
	const shortest = 8
	if len(part) < shortest {
		return false
	}
	hex, base32, digit, letter := true, len(part) == shortest, false, false
	for _, c := range []byte(part) {
		switch {
		case c >= '0' && c <= '9':
			digit = true
			base32 = base32 && c >= '2' && c <= '7'
		case c >= 'a' && c <= 'f':
			letter, base32 = true, false
		case c >= 'A' && c <= 'Z':
			letter, hex = true, false
		default:
			return false
		}
	}
	return digit && letter && (hex || base32)
}
