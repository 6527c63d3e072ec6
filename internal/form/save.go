package form

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

// SaveTo copies the content to a new file in a folder, which must exist. See the
// function [SaveTo].
func (c Content) SaveTo(dir, name string) (string, error) {
	r, err := c.Open()
	if err != nil {
		return "", err
	}
	return SaveTo(dir, name, r)
}

// SaveAs copies the content to a new file. See the function [SaveAs].
func (c Content) SaveAs(root *os.Root, name string) error {
	r, err := c.Open()
	if err != nil {
		return err
	}
	return SaveAs(root, name, r)
}

// SaveTo copies r to a new file in a folder and returns its path. The name is
// cleaned by [CleanName], and "file" when that leaves nothing. A file that is there
// already stays as it is: the new one then gets a number, as in "photo-2.jpg".
// Neither the name nor a symbolic link leads out of the folder. When copying fails
// the new file is deleted again.
func SaveTo(dir, name string, r io.Reader) (path string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", fmt.Errorf("form: saving a file: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if name = CleanName(name); name == "" {
		name = "file"
	}
	stem, extension := split(name)
	for try := 1; ; try++ {
		candidate := name
		switch {
		case try > 100:
			return "", fmt.Errorf("form: saving a file: no free name for %q in %s", name, dir)
		case try > 10: // a folder where many have the same name
			candidate = stem + "-" + strconv.FormatUint(rand.Uint64(), 36) + extension
		case try > 1:
			candidate = stem + "-" + strconv.Itoa(try) + extension
		}
		err := SaveAs(root, candidate, r)
		if errors.Is(err, fs.ErrExist) {
			continue // before anything was read
		}
		if err != nil {
			return "", err
		}
		return filepath.Join(dir, candidate), nil
	}
}

// SaveAs copies r to a new file within root. A name that is taken is an error that
// is [fs.ErrExist], and nothing of r is read; one that leads out of root is an error as well.
// When copying fails the new file is deleted again.
func SaveAs(root *os.Root, name string, r io.Reader) (err error) {
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("form: saving a file: %w", err)
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = root.Remove(name)
		}
	}()
	w := &writer{file: file}
	if _, err = io.Copy(w, r); err != nil {
		if w.err != nil {
			err = fmt.Errorf("form: saving a file: %w", w.err)
		}
		return err
	}
	if err = file.Close(); err != nil {
		return fmt.Errorf("form: saving a file: %w", err)
	}
	return nil
}
