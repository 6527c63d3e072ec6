package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// photos is the folder of the pictures that come with reports. A picture is a file that
// is named by its content: it never changes, and the same one is kept once.
type photos struct {
	folder string

	mu   sync.Mutex
	root *os.Root
}

// photosBeside names the folder beside the database, for gotham.db gotham-photos.
func photosBeside(database string) string {
	return strings.TrimSuffix(database, filepath.Ext(database)) + "-photos"
}

var photoName = regexp.MustCompile(`^[0-9a-f]{64}\.(?:jpg|png|gif|webp)$`)

// extensions are those of the kinds of pictures that every browser shows.
var extensions = map[string]string{"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp"}

// PhotoName returns the name for a picture of that media type and content. The type is
// what was found in the content, not what somebody says; one that is unknown returns "".
func PhotoName(mediaType string, content io.Reader) (string, error) {
	extension, known := extensions[mediaType]
	if !known {
		return "", nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, content); err != nil {
		return "", fmt.Errorf("read a picture: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)) + "." + extension, nil
}

// IsPhotoName says whether a name is one that [PhotoName] makes.
func IsPhotoName(name string) bool { return photoName.MatchString(name) }

// Photos returns the folder that pictures are in, which is made if it is missing. Nothing
// in it leads out of it. It is the store's to close.
func (s *Store) Photos() (*os.Root, error) {
	p := &s.photos
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.root != nil {
		return p.root, nil
	}
	if err := os.Mkdir(p.folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make the folder for photos: %w", err)
	}
	root, err := os.OpenRoot(p.folder)
	if err != nil {
		return nil, fmt.Errorf("open the folder for photos: %w", err)
	}
	p.root = root
	return root, nil
}

// dropPhoto deletes a picture that no report shows any more.
func (s *Store) dropPhoto(ctx context.Context, name string) error {
	if !IsPhotoName(name) {
		return nil
	}
	var shown bool
	if err := s.read.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM crimes WHERE photo = ?)", name).Scan(&shown); err != nil || shown {
		return err
	}
	root, err := s.Photos()
	if err != nil {
		return err
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) { // it may be another node's
		return err
	}
	return nil
}

func (p *photos) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.root == nil {
		return nil
	}
	err := p.root.Close()
	p.root = nil
	return err
}
