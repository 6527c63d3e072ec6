package templates

import (
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Options refine a [Set]. The zero value takes all .html, .gohtml and .tmpl files.
type Options struct {
	// Dir is the folder of the file system in which the templates are; "" is all of it.
	Dir string
	// Extensions are those of templates. Other files are left alone.
	Extensions []string
	// Shared are the folders whose templates every page knows.
	Shared []string
	// Funcs are functions of the program, besides those that Load is given.
	Funcs map[string]any
	// Left and Right are the delimiters; "" stands for {{ and }}.
	Left, Right string
	// Reload looks for changed files before each rendering.
	Reload bool
}

// Set is a folder of templates. Make one with [New]; Load has to be called before
// Render. It is safe for concurrent use.
type Set struct {
	fsys    fs.FS
	options Options
	now     atomic.Pointer[parsed]

	mu    sync.Mutex // guards what follows: one goroutine reloads
	funcs template.FuncMap
	files stamps
	err   error // of the last reload
}

// New makes a set of the files in fsys.
func New(fsys fs.FS, o Options) *Set {
	if len(o.Extensions) == 0 {
		o.Extensions = []string{".html", ".gohtml", ".tmpl"}
	}
	o.Extensions = slices.Clone(o.Extensions)
	for i, extension := range o.Extensions {
		o.Extensions[i] = "." + strings.TrimPrefix(extension, ".")
	}
	if len(o.Shared) == 0 {
		o.Shared = []string{"layouts", "partials"}
	}
	o.Dir = path.Clean(cmp.Or(strings.Trim(o.Dir, "/"), "."))
	return &Set{fsys: fsys, options: o}
}

// Load reads and parses all files, which may call the functions and those of the
// options, which come first. Its errors name the file and the line. A file system without
// any template is an error too, unless there may be some later.
func (s *Set) Load(funcs map[string]any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fsys == nil {
		return errors.New("templates: the file system is nil: give one such as an embed.FS or os.DirFS(path)")
	}
	s.funcs = maps.Clone(template.FuncMap(funcs))
	if s.funcs == nil {
		s.funcs = template.FuncMap{}
	}
	maps.Copy(s.funcs, s.options.Funcs)
	if err := check(s.funcs); err != nil {
		return err
	}
	if err := s.load(); err != nil {
		return err
	}
	if len(s.files) == 0 && !s.options.Reload {
		return fmt.Errorf("templates: there are no templates in the folder %q of the file system: want files ending in %s",
			s.options.Dir, strings.Join(s.options.Extensions, ", "))
	}
	return nil
}

// check finds what html/template would panic about.
func check(funcs template.FuncMap) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("templates: Funcs: %v", v)
		}
	}()
	template.New("").Funcs(funcs)
	return nil
}

func (s *Set) load() error {
	files, err := s.stat()
	if err != nil {
		return err
	}
	p, err := s.parse(slices.Sorted(maps.Keys(files)))
	if err != nil {
		return err
	}
	s.files = files
	s.now.Store(p)
	return nil
}

// Render writes a template with its data. A failure may leave a part of it written.
func (s *Set) Render(w io.Writer, name string, data any) error {
	if s.options.Reload {
		if err := s.reload(); err != nil {
			return err
		}
	}
	p := s.now.Load()
	if p == nil {
		return errors.New("templates: the set was not loaded")
	}
	page, block, isBlock := strings.Cut(name, "#")
	t := p.sets[page]
	if t == nil {
		return unknown(page, slices.Sorted(maps.Keys(p.sets)))
	}
	if !isBlock {
		return explain(t.ExecuteTemplate(w, page, data))
	}
	if t.Lookup(block) == nil {
		return fmt.Errorf("templates: %q has no block %q", page, block)
	}
	return explain(t.ExecuteTemplate(w, block, data))
}

func explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("templates: %w", err)
}

// unknown says which names there are instead: the nearest first would need a guess.
func unknown(name string, known []string) error {
	const most = 20
	more := ""
	if len(known) > most {
		more = fmt.Sprintf(" and %d more", len(known)-most)
		known = known[:most]
	}
	if len(known) == 0 {
		return fmt.Errorf("templates: there is no template %q, nor any other", name)
	}
	return fmt.Errorf("templates: there is no template %q, but %s%s", name, strings.Join(known, ", "), more)
}

// shared says whether a file is in one of the shared folders.
func (s *Set) shared(name string) bool {
	return slices.ContainsFunc(s.options.Shared, func(folder string) bool {
		return strings.HasPrefix(name, strings.Trim(folder, "/")+"/")
	})
}

func (s *Set) wanted(name string) bool {
	return slices.Contains(s.options.Extensions, path.Ext(name))
}
