// Package files serves files over HTTP: single files as replies, and whole
// folders as static assets.
//
// Every access goes through an [os.Root] or an [fs.FS], so no name reaches a
// file outside its folder, neither by ".." nor by a symbolic link that leads
// out. Errors are returned before anything is written, so that the caller can
// answer them in its own way; [fs.ErrNotExist] covers every name that does not
// lead to a regular file, because telling the reasons apart would only help
// someone who is probing for them.
package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Root is a folder of files, on disk or in an [fs.FS]. It is safe for
// concurrent use; make one with [Dir] or [FS].
type Root struct {
	fsys fs.FS
	disk *os.Root // nil for a Root made by FS
	tags tagCache
}

// Dir opens a folder on disk. It stays open, and is the folder that is served
// even if it is renamed meanwhile, until Close. The error says whether the
// folder is missing, is not a folder or may not be read.
func Dir(path string) (*Root, error) {
	if path == "" {
		return nil, errors.New(`files: no folder was named: write "." for the one that the program was started in`)
	}
	disk, err := os.OpenRoot(path)
	if err != nil {
		return nil, explainDir(path, err)
	}
	return &Root{fsys: disk.FS(), disk: disk}, nil
}

// explainDir names the folder the way the process looked for it: the usual
// mistake is a relative path and another working directory than expected.
func explainDir(path string, err error) error {
	where := strconv.Quote(path)
	if absolute, absErr := filepath.Abs(path); absErr == nil && absolute != path {
		where = fmt.Sprintf("%q (%s)", path, absolute)
	}
	if info, statErr := os.Stat(path); statErr == nil && !info.IsDir() {
		return fmt.Errorf("files: %s is not a folder: %w", where, syscall.ENOTDIR)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("files: the folder %s does not exist: %w", where, fs.ErrNotExist)
	}
	return fmt.Errorf("files: cannot open the folder %s: %w", where, err)
}

// FS serves from a file system such as an [embed.FS]. Files without a
// modification time, which is what an embed.FS has, are taken never to change.
// It panics if fsys is nil.
func FS(fsys fs.FS) *Root {
	if fsys == nil {
		panic("files: FS(nil): give a file system, such as an embed.FS or os.DirFS(path)")
	}
	return &Root{fsys: fsys}
}

// Close releases a folder opened by [Dir]; later requests fail. For a Root
// made by [FS] it does nothing.
func (r *Root) Close() error {
	if r.disk == nil {
		return nil
	}
	return r.disk.Close()
}

// stat finds the file or folder of that name. The error is fs.ErrNotExist for
// everything that could not be served anyway.
func (r *Root) stat(name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) || strings.IndexByte(name, 0) >= 0 {
		return nil, missing(name, "is not a valid name")
	}
	info, err := fs.Stat(r.fsys, name)
	if err != nil {
		return nil, r.explain(name, err)
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return nil, missing(name, "is not a regular file")
	}
	return info, nil
}

// open opens a regular file. It looks before it opens, because opening a named
// pipe would wait for somebody to write into it.
func (r *Root) open(name string) (fs.File, fs.FileInfo, error) {
	info, err := r.stat(name)
	if err != nil {
		return nil, nil, err
	}
	if info.IsDir() {
		return nil, nil, missing(name, "is a folder")
	}
	file, err := r.fsys.Open(name)
	if err != nil {
		return nil, nil, r.explain(name, err)
	}
	// The name may mean another file by now: only what is open counts.
	if info, err = file.Stat(); err == nil && !info.Mode().IsRegular() {
		err = missing(name, "is not a regular file")
	}
	if err != nil {
		return nil, nil, errors.Join(r.explain(name, err), file.Close())
	}
	return file, info, nil
}

// explain turns the many ways in which a name can lead nowhere into
// fs.ErrNotExist, and leaves real failures (permissions, too many open files,
// a broken disk, a closed Root) as they are.
func (r *Root) explain(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("files: %q: %w", name, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrClosed):
	case errors.Is(err, fs.ErrInvalid),
		errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.ELOOP):
		return missing(name, err.Error())
	case r.disk != nil && !fromSystem(err):
		// What os.Root refuses by itself: a way out of the folder.
		return missing(name, err.Error())
	}
	return fmt.Errorf("files: %q: %w", name, err)
}

// fromSystem reports whether the operating system reported the error.
func fromSystem(err error) bool {
	_, ok := errors.AsType[syscall.Errno](err)
	return ok
}

func missing(name, why string) error {
	return fmt.Errorf("files: %q %s: %w", name, why, fs.ErrNotExist)
}
