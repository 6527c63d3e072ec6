package files

import (
	"net/http"
	"path/filepath"
)

// ServePath is [Root.ServeFile] for a file on disk whose path the program chose.
func ServePath(w http.ResponseWriter, req *http.Request, name string, o Options) error {
	root, err := Dir(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return root.ServeFile(w, req, filepath.Base(name), o)
}
