package jetstream

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// lockName is a file in the directory of an embedded server. The process that has it
// locked owns the directory. While it does, the file says which process that is and
// since which start of the machine; after an orderly end it is empty.
const lockName = "redstart.lock"

type dirLock struct {
	file *os.File
	// doubtful says that the last owner did not end in order, and that the machine was
	// started anew since, or may have been: what was not yet written through to the
	// disk is lost.
	doubtful bool
}

var errLocked = errors.New("locked")

func lockDir(dir string) (*dirLock, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	content, _ := io.ReadAll(io.LimitReader(file, 1024))
	owner, boot, _ := strings.Cut(strings.TrimSpace(string(content)), " ")
	if err := tryLock(file); err != nil {
		file.Close()
		if errors.Is(err, errLocked) {
			return nil, fmt.Errorf("jetstream: directory %s is in use by process %s", dir, owner)
		}
		return nil, fmt.Errorf("jetstream: locking %s: %w", file.Name(), err)
	}
	l := &dirLock{file: file, doubtful: owner != "" && (boot == "" || boot != bootID())}
	if err := l.write(fmt.Sprintf("%d %s\n", os.Getpid(), bootID())); err != nil {
		return nil, errors.Join(fmt.Errorf("jetstream: %w", err), file.Close())
	}
	return l, nil
}

func (l *dirLock) write(content string) error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	if _, err := l.file.WriteAt([]byte(content), 0); err != nil {
		return err
	}
	// A mark that a loss of power takes along would not tell of it.
	return l.file.Sync()
}

// release marks the end as an orderly one. The lock goes with the file.
func (l *dirLock) release() error { return errors.Join(l.write(""), l.file.Close()) }

// bootID names the present run of the machine, where the system has such a name.
func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}
