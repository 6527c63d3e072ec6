package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// templates is the app. Names end with .tmpl where there is something to fill in,
// or where the go command would otherwise take the file for one of its own.
//
//go:embed template
var templates embed.FS

// file is one file of the app, its name with slashes and relative to the app.
type file struct {
	name string
	data []byte
}

// render fills in the templates. All of it happens before the first file is
// written.
func render(a app) (files []file, err error) {
	root, err := fs.Sub(templates, "template")
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		target, filled := strings.CutSuffix(name, ".tmpl")
		if filled {
			t, err := template.New(name).Option("missingkey=error").Parse(string(data))
			if err != nil {
				return err
			}
			var out bytes.Buffer
			if err := t.Execute(&out, a); err != nil {
				return err
			}
			data = out.Bytes()
		}
		if target == "gitignore" {
			target = ".gitignore" // embedding leaves out names that begin with a dot
		}
		files = append(files, file{target, data})
		return nil
	})
	return files, err
}

// write makes dir with the files in it, or nothing. They are written into a
// directory beside dir, which is then renamed; if dir exists, and is empty, into
// one within it, from which they are moved up.
func write(dir string, files []file) (err error) {
	entries, err := os.ReadDir(dir)
	exists := err == nil
	switch {
	case exists && len(entries) > 0:
		return fmt.Errorf("the directory is not empty: it holds %q", entries[0].Name())
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		if info, statErr := os.Stat(dir); statErr == nil && !info.IsDir() {
			return errors.New("there is a file of that name")
		}
		return err
	}
	parent := dir
	if !exists {
		parent = filepath.Dir(dir)
		if made := firstMissing(parent); made != "" {
			defer func() {
				if err != nil {
					_ = os.RemoveAll(made)
				}
			}()
		}
		if err := os.MkdirAll(parent, 0o777); err != nil {
			return err
		}
	}
	temporary := filepath.Join(parent, fmt.Sprintf(".redstart-new-%d-%08x", os.Getpid(), rand.Uint32()))
	if err := os.Mkdir(temporary, 0o777); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temporary) }()
	for _, f := range files {
		path := filepath.Join(temporary, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.data, 0o666); err != nil {
			return err
		}
	}
	if !exists {
		return os.Rename(temporary, dir)
	}
	return moveUp(temporary, dir)
}

// moveUp moves what is in from to dir, or nothing.
func moveUp(from, dir string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for i, entry := range entries {
		if err := os.Rename(filepath.Join(from, entry.Name()), filepath.Join(dir, entry.Name())); err != nil {
			for _, moved := range entries[:i] {
				err = errors.Join(err, os.RemoveAll(filepath.Join(dir, moved.Name())))
			}
			return err
		}
	}
	return nil
}

// firstMissing returns the highest directory on the way to path that does not
// exist, or "".
func firstMissing(path string) (missing string) {
	for {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return missing
		}
		missing = path
		path = filepath.Dir(path)
	}
}
