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
// reached by reading up to it. That costs time, but no memory however large
// the file is.
func seeker(file fs.File, size int64) io.ReadSeeker {
	if s, ok := file.(io.ReadSeeker); ok {
		return s
	}
	return &forwardReader{file: file, size: size}
}

// forwardReader is an io.ReadSeeker over a reader that cannot seek. Seek only
// notes where to go; the next Read goes there, or fails if that means going back.
type forwardReader struct {
	file   io.Reader
	size   int64
	at     int64 // where file is
	target int64 // where the next Read begins
}

var (
	errSeek     = errors.New("files: seek to a negative offset or with an unknown whence")
	errBackward = errors.New("files: this file can only be read forward")
)

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
		return 0, errBackward
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
