package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"regexp"
)

// Photo is a picture that comes with a report. It is in the same file as the reports, so
// that it comes and goes with them, and every process that has the file can show it.
type Photo struct {
	Type    string // image/jpeg, image/png, image/gif or image/webp
	Content []byte
}

var photoName = regexp.MustCompile(`^[0-9a-f]{64}\.(?:jpg|png|gif|webp)$`)

// extensions are those of the kinds of pictures that every browser shows.
var extensions = map[string]string{"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp"}

// Name is made of the content: the same picture is kept once, and what a name stands for
// never changes.
func (p Photo) Name() string {
	sum := sha256.Sum256(p.Content)
	return hex.EncodeToString(sum[:]) + extensions[p.Type]
}

// Photo returns the picture of that name, or [ErrNotFound].
func (s *Store) Photo(ctx context.Context, name string) (Photo, error) {
	if !photoName.MatchString(name) {
		return Photo{}, ErrNotFound
	}
	photo := Photo{Type: typeOf(name)}
	err := s.read.QueryRowContext(ctx, "SELECT content FROM photos WHERE name = ?", name).Scan(&photo.Content)
	switch {
	case errors.Is(err, sql.ErrNoRows): // another node may have it
		return Photo{}, ErrNotFound
	case err != nil:
		return Photo{}, fmt.Errorf("get photo %s: %w", name, err)
	}
	return photo, nil
}

func typeOf(name string) string {
	for mediaType, extension := range extensions {
		if path.Ext(name) == extension {
			return mediaType
		}
	}
	return ""
}

// keepPhoto writes a picture down, unless it is there, and returns its name.
func keepPhoto(ctx context.Context, tx *sql.Tx, photo *Photo) (string, error) {
	if photo == nil {
		return "", nil
	}
	name := photo.Name()
	if !photoName.MatchString(name) {
		return "", fmt.Errorf("a photo of the type %q", photo.Type)
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO photos (name, content) VALUES (?, ?) ON CONFLICT DO NOTHING", name, photo.Content)
	return name, err
}

// dropPhoto deletes a picture that no report shows any more.
func dropPhoto(ctx context.Context, tx *sql.Tx, name string) error {
	if name == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM photos WHERE name = ?1 AND NOT EXISTS (SELECT 1 FROM crimes WHERE photo = ?1)", name)
	return err
}
