package files

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"sync"
	"time"
)

// A file with a modification time gets an ETag made of that time and its size:
// no file is read only to name it. RFC 9110 §8.8.1 calls a validator strong if
// it changes whenever the content does, and clocks are too coarse for that at
// first: a file written twice within one tick keeps its time. So, as §8.8.2.2
// does for Last-Modified, the tag is weak while the file is younger than
// settled and strong after that, when a further change could not have the same
// time. Strong matters, since only a strong tag lets a client resume a
// download (If-Range). The two tags differ in their text too, or a copy taken
// in the young phase would be taken for current later.
//
// A file without a modification time, as in an embed.FS, gets a hash of its
// content, always strong, computed once.

// settled is how old a file must be for its modification time to be a strong
// validator: two seconds, the coarsest tick in use (FAT, zip).
const settled = 2 * time.Second

// tag returns the ETag of a file, "" if it gets none. Encoded forms of a file
// get tags of their own (RFC 9110 §8.8.3.3).
func (r *Root) tag(name string, info fs.FileInfo, modified time.Time, encoding string) (string, error) {
	opaque := ""
	weak := false
	if modified.IsZero() {
		hash, err := r.tags.hash(r.fsys, name, info)
		if err != nil || hash == "" {
			return "", err
		}
		opaque = hash
	} else {
		opaque = strconv.FormatInt(modified.UnixNano(), 36) + "-" + strconv.FormatInt(info.Size(), 36)
		weak = time.Since(modified) < settled
	}
	if encoding != "" {
		opaque += "-" + encoding
	}
	if weak {
		return `W/"` + opaque + `-new"`, nil
	}
	return `"` + opaque + `"`, nil
}

const (
	// mostTags bounds the memory of a cache: about 200 bytes each.
	mostTags = 8192
	// largestHashed bounds the time the first request of a file may wait for
	// its hash, a fraction of a second. Larger files get no ETag.
	largestHashed = 64 << 20
)

// tagCache remembers content hashes. The zero value is empty.
type tagCache struct {
	mu    sync.Mutex
	known map[tagKey]func() (string, error)
}

// tagKey holds what is known of a file without reading it, so that an entry
// dies with what it describes as far as that can be seen.
type tagKey struct {
	name     string
	size     int64
	modified int64
}

// hash returns the base64 of a file's hash, "" for a file too large to hash.
// Requests that ask for the same file at the same time share one reading.
func (c *tagCache) hash(fsys fs.FS, name string, info fs.FileInfo) (string, error) {
	if info.Size() > largestHashed {
		return "", nil
	}
	key := tagKey{name, info.Size(), info.ModTime().UnixNano()}
	c.mu.Lock()
	compute, ok := c.known[key]
	if !ok {
		if c.known == nil {
			c.known = make(map[tagKey]func() (string, error))
		}
		if len(c.known) >= mostTags {
			for old := range c.known { // any one: the order of a map is random
				delete(c.known, old)
				break
			}
		}
		compute = sync.OnceValues(func() (string, error) { return hashFile(fsys, name) })
		c.known[key] = compute
	}
	c.mu.Unlock()
	hash, err := compute()
	if err != nil {
		// The next request tries again.
		c.mu.Lock()
		delete(c.known, key)
		c.mu.Unlock()
	}
	return hash, err
}

func hashFile(fsys fs.FS, name string) (string, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return "", fmt.Errorf("files: cannot hash %q: %w", name, err)
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(file, largestHashed)); err != nil {
		return "", fmt.Errorf("files: cannot hash %q: %w", name, err)
	}
	// Half of the hash is 128 bits: still no two contents share it by chance.
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16]), nil
}
