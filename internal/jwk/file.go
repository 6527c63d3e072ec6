package jwk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// File is a key set in a file, which may be replaced while it is used. It is safe for
// concurrent use.
type File struct {
	path string

	mu     sync.Mutex
	data   []byte
	keys   []Key
	looked time.Time
}

const (
	// lookEvery is how long a set counts before the file is read again. The whole file is
	// compared: its time may not tell of a change, as behind a symbolic link.
	lookEvery = time.Second
	maxFile   = 1 << 20
)

// Open reads a file.
func Open(path string) (*File, error) {
	f := &File{path: path, looked: time.Now()}
	var err error
	if f.data, err = f.read(); err != nil {
		return nil, err
	}
	if f.keys, err = ParseSet(f.data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Keys returns the set as it is in the file, or was a second ago. When the file cannot be
// read, or is broken, it is the set that was read before, and an error once for each
// such try.
func (f *File) Keys() (keys []Key, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if now.Sub(f.looked) < lookEvery {
		return f.keys, nil
	}
	f.looked = now
	data, err := f.read()
	if err != nil || bytes.Equal(data, f.data) {
		return f.keys, err
	}
	changed, err := ParseSet(data)
	if err != nil {
		return f.keys, fmt.Errorf("%s: %w", f.path, err)
	}
	f.data, f.keys = data, changed
	return f.keys, nil
}

func (f *File) read() (data []byte, err error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	data, err = io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s: a key set of more than %d bytes", f.path, maxFile)
	}
	return data, err
}
