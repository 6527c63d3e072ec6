package templates

import (
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"time"
)

// stamps tell whether the files of a set have changed.
type stamps map[string]stamp

type stamp struct {
	modified time.Time
	size     int64
}

// stat looks at the files that are templates.
func (s *Set) stat() (stamps, error) {
	files := stamps{}
	err := fs.WalkDir(s.fsys, s.options.Dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !s.wanted(name) {
			return err
		}
		info, err := fs.Stat(s.fsys, name) // of what a symbolic link leads to
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() {
			files[strings.TrimPrefix(name, s.options.Dir+"/")] = stamp{info.ModTime(), info.Size()}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("templates: looking for templates in the folder %q of the file system: %w", s.options.Dir, err)
	}
	return files, nil
}

// reload parses anew what has changed. What cannot be parsed is an error until it has
// changed again: the page as it was would only confuse.
func (s *Set) reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	files, err := s.stat()
	if err != nil {
		return err
	}
	if !maps.Equal(files, s.files) {
		s.err = s.load()
		s.files = files
	}
	return s.err
}
