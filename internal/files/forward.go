package files

import (
	"errors"
	"io"
	"io/fs"
)

// seeker gives http.ServeContent the Seek it needs. Files on disk and embedded
// ones have it and are passed on as they are, which lets the kernel copy
// from disk to socket.
//
// A file without it (in a zip archive, say) is read forward only: a range is
// reached by reading up to it, and going back means opening the file again.
// That costs time, but no memory however large the file is.
func (r *Root) seeker(file fs.File, name string, size int64) io.ReadSeeker {
	if s, ok := file.(io.ReadSeeker); ok {
		return s
	}
	return &forwardReader{file: file, size: size, reopen: func() (fs.File, error) { return r.fsys.Open(name) }}
}

// forwardReader is an io.ReadSeeker over a file that can only be read. A Seek
// is free; the next Read pays for it.
type forwardReader struct {
	file   fs.File
	own    bool // whether file was reopened here and is closed here
	size   int64
	at     int64 // where file is
	target int64 // where the next Read begins
	reopen func() (fs.File, error)
}

var errSeek = errors.New("files: seek to a negative offset or with an unknown whence")

// Seek sets where the next Read begins.
func (f *forwardReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += f.target
	case io.SeekEnd:
		offset += f.size
	default:
		return 0, errSeek
	}
	if offset < 0 {
		return 0, errSeek
	}
	f.target = offset
	return offset, nil
}

// Read reads from where Seek pointed.
func (f *forwardReader) Read(p []byte) (int, error) {
	if f.target < f.at {
		file, err := f.reopen()
		if err != nil {
			return 0, err
		}
		if err := f.Close(); err != nil {
			return 0, errors.Join(err, file.Close())
		}
		f.file, f.own, f.at = file, true, 0
	}
	if f.at < f.target {
		n, err := io.CopyN(io.Discard, f.file, f.target-f.at)
		f.at += n
		if err != nil {
			return 0, err
		}
	}
	n, err := f.file.Read(p)
	f.at += int64(n)
	f.target = f.at
	return n, err
}

// Close closes the file if it was opened here; the first one is its opener's.
func (f *forwardReader) Close() error {
	if !f.own {
		return nil
	}
	f.own = false
	return f.file.Close()
}
