package form

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"sync"
)

// File is a file of a form that was read in full.
type File struct {
	Field       string
	Name        string // see [CleanName]
	ContentType string // as claimed
	Content
}

// Content is the bytes of a file, in memory or in the form's temporary file. It is
// safe for concurrent use.
type Content struct {
	at   io.ReaderAt
	Size int64
}

func (c Content) inMemory() int64 {
	if _, ok := c.at.(*bytes.Reader); ok {
		return c.Size
	}
	return 0
}

// Open returns a reader of its own, from the beginning. Closing it is not needed.
func (c Content) Open() (multipart.File, error) {
	at := c.at
	if at == nil {
		at = bytes.NewReader(nil)
	}
	if s, ok := at.(section); ok && s.spool.removed() {
		return nil, errRemoved
	}
	return reader{io.NewSectionReader(at, 0, c.Size)}, nil
}

type reader struct{ *io.SectionReader }

func (reader) Close() error { return nil }

// DetectType guesses the media type from the first 512 bytes, as browsers do
// (WHATWG MIME Sniffing). It is application/octet-stream for what it does not know.
func (c Content) DetectType() (string, error) {
	r, err := c.Open()
	if err != nil {
		return "", err
	}
	var head [512]byte
	n, err := io.ReadFull(r, head[:])
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	return http.DetectContentType(head[:n]), nil
}

// spool is the temporary file of a form. The zero spool has none.
type spool struct {
	mu   sync.Mutex
	file *os.File
	name string // what is left to delete, "" for nothing
	size int64
	over bool
}

var errRemoved = errors.New("form: the request is over, and its files are deleted")

// store appends what r yields.
func (s *spool) store(r io.Reader) (Content, error) {
	if s.file == nil {
		file, err := os.CreateTemp("", "redstart-upload-*")
		if err != nil {
			return Content{}, fmt.Errorf("form: %w", err)
		}
		s.file, s.name = file, file.Name()
		if os.Remove(s.name) == nil { // not on Windows, where an open file cannot be deleted
			s.name = ""
		}
	}
	w := &writer{file: s.file}
	n, err := io.Copy(w, r)
	if w.err != nil {
		err = fmt.Errorf("form: %w", w.err)
	}
	content := Content{section{s, s.size}, n}
	s.size += n
	return content, err
}

// writer tells errors of the disk from those of the body.
type writer struct {
	file *os.File
	err  error
}

func (w *writer) Write(p []byte) (n int, err error) {
	n, w.err = w.file.Write(p)
	return n, w.err
}

func (s *spool) removed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

func (s *spool) remove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.over = true
	if s.file != nil {
		_ = s.file.Close() // nothing is lost that anyone wants
		if s.name != "" {
			_ = os.Remove(s.name)
		}
	}
}

// section is a place in the spool. What ends it is the reader around it.
type section struct {
	spool *spool
	begin int64
}

func (s section) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.spool.file.ReadAt(p, s.begin+off)
	if errors.Is(err, os.ErrClosed) {
		err = errRemoved
	}
	return n, err
}
