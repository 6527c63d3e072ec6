package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// explainAccess adds to an error of SQLite which file or folder the program may
// not write, because SQLite says only that it could not open or write something.
// Any other error, and one for which everything proves writable, stays as it is.
func explainAccess(abs string, err error) error {
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch failure.Code() & 0xff { // the higher bits tell variants apart
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
	default:
		return err
	}
	if why := checkAccess(abs); why != nil {
		return fmt.Errorf("%w: %w", why, err)
	}
	return err
}

// checkAccess tries what SQLite has to do with the file at abs: write it, write
// the files of its log, and create all of them in its folder. Asking the system
// beats reading permission bits, which know nothing of access lists and of file
// systems mounted read-only. It leaves nothing behind.
func checkAccess(abs string) error {
	for _, name := range []string{abs, abs + "-wal", abs + "-shm"} {
		file, err := os.OpenFile(name, os.O_RDWR, 0)
		switch {
		case err == nil:
			file.Close() // nothing was written
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("the file %s cannot be read and written (%w)", name, reason(err))
		}
	}
	folder := filepath.Dir(abs)
	probe, err := os.CreateTemp(folder, ".crimedash-*")
	if err != nil {
		return fmt.Errorf("no files can be created in the folder %s (%w)", folder, reason(err))
	}
	probe.Close()
	return os.Remove(probe.Name())
}

// reason is what the system said, without the call and the name around it.
func reason(err error) error {
	if failure, ok := errors.AsType[*fs.PathError](err); ok {
		return failure.Err
	}
	return err
}
