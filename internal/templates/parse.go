package templates

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"text/template/parse"
)

// parsed is a set at one moment. It does not change.
type parsed struct {
	// sets are what each name is executed in: the shared templates, for one of them,
	// and a copy of these with the page's own.
	sets map[string]*template.Template
}

func (s *Set) parse(names []string) (*parsed, error) {
	base := template.New("").Delims(s.options.Left, s.options.Right).Funcs(s.funcs)
	var shared, pages []string
	for _, name := range names {
		if s.shared(name) {
			shared = append(shared, name)
		} else {
			pages = append(pages, name)
		}
	}
	p := &parsed{sets: map[string]*template.Template{}}
	defined := map[string]string{} // by which shared file
	for _, name := range shared {
		blocks, err := s.add(base, name)
		if err != nil {
			return nil, err
		}
		for _, block := range blocks {
			if other, twice := defined[block]; twice {
				return nil, fmt.Errorf("templates: %s and %s both define %q: every page would have the last one", other, name, block)
			}
			defined[block] = name
		}
		p.sets[name] = base
	}
	for _, name := range pages {
		set, err := base.Clone() // before it is escaped, since then it could not be
		if err != nil {
			return nil, explain(err)
		}
		if _, err := s.add(set, name); err != nil {
			return nil, err
		}
		if err := escape(set, name); err != nil {
			return nil, s.whyMissing(err, names)
		}
		p.sets[name] = set
	}
	if err := escape(base, shared...); err != nil {
		return nil, s.whyMissing(err, names)
	}
	return p, nil
}

// add parses a file into a set, and returns the names of what it defines.
func (s *Set) add(set *template.Template, name string) (blocks []string, err error) {
	text, err := fs.ReadFile(s.fsys, path.Join(s.options.Dir, name))
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	// The trees of this file alone, to tell what is defined in it.
	trees, err := parse.Parse(name, string(text), s.options.Left, s.options.Right, builtins, s.funcs)
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	for block, tree := range trees {
		if parse.IsEmptyTree(tree.Root) && set.Lookup(block) != nil {
			// A block that a page leaves empty on purpose. The empty one itself would not
			// take the place of another.
			tree = mustParse(block, `{{""}}`)
		}
		if _, err := set.AddParseTree(block, tree); err != nil {
			return nil, fmt.Errorf("templates: %s: %w", name, err)
		}
		if block != name {
			blocks = append(blocks, block)
		}
	}
	return blocks, nil
}

// builtins are the names of the functions that html/template has by itself. Of these
// the parser wants to know only that they exist.
var builtins = func() map[string]any {
	names := map[string]any{}
	for name := range strings.FieldsSeq("and call html index slice js len not or print printf println urlquery eq ge gt le lt ne") {
		names[name] = true
	}
	return names
}()

// escape makes html/template look at templates now, instead of when they are executed
// first: for calls of templates that there are not, and for places in which nothing can
// be escaped. It does so by a template that calls them and is executed, but never gets
// to the calls. Nothing can be added to the set afterwards.
func escape(set *template.Template, names ...string) error {
	const check = "\x00check" // which no file can be called
	text := "{{if false}}"
	for _, name := range names {
		text += fmt.Sprintf("{{template %q .}}", name)
	}
	if _, err := set.AddParseTree(check, mustParse(check, text+"{{end}}")); err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	if err := set.ExecuteTemplate(io.Discard, check, nil); err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	return nil
}

// whyMissing says of a call of no template what the two usual mistakes are: a folder
// that is not left out of the names, as go:embed adds one, and a call of another page.
func (s *Set) whyMissing(err error, names []string) error {
	failed, ok := errors.AsType[*template.Error](err)
	if !ok || failed.ErrorCode != template.ErrNoSuchTemplate {
		return err
	}
	for _, name := range names {
		quoted := strconv.Quote(name)
		if strings.HasSuffix(failed.Description, " "+quoted) {
			return fmt.Errorf("%w: it is a page, and only what is in a shared folder can be called: %s", err, strings.Join(s.options.Shared, ", "))
		}
		for folder := path.Dir(name); folder != "."; folder = path.Dir(folder) {
			if strings.HasSuffix(failed.Description, " "+strconv.Quote(name[len(folder)+1:])) {
				return fmt.Errorf("%w, but %s: is the option Dir to be %q?", err, quoted, path.Join(s.options.Dir, folder))
			}
		}
	}
	return err
}

func mustParse(name, text string) *parse.Tree {
	trees, err := parse.Parse(name, text, "", "")
	if err != nil {
		panic(err) // the text is ours
	}
	return trees[name]
}
