package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const newHelp = `usage: redstart new DIR [--module PATH] [--replace DIR]

Writes a small app into DIR, which must not exist yet or be empty: handlers, a
stream of Server-Sent Events, a page, and tests. It writes files and does nothing
else; it prints what to run next.

  --module PATH   the app's module path, such as example.com/me/app;
                  the default is the name of DIR
  --replace DIR   use the Redstart sources in DIR instead of a released version;
                  a command that was built from a checkout uses that by default
`

// app is what the templates are filled with.
type app struct {
	Name    string // the program's, as go build calls it
	Module  string
	Version string // of Redstart
	Replace string // how go.mod names the checkout to use, or ""
}

func runNew(args []string, stdout io.Writer) error {
	flags := newFlags("new")
	module := flags.String("module", "", "")
	replace := flags.String("replace", "", "")
	args, err := parse(flags, args)
	if err != nil {
		return err
	}
	if len(args) != 1 {
		text := "new needs a directory to write into"
		if len(args) > 1 {
			text = fmt.Sprintf("new writes into one directory, but got %d: %s", len(args), strings.Join(args, " "))
		}
		return &usageError{text, "usage: redstart new DIR [--module PATH] [--replace DIR]"}
	}
	dir, err := filepath.Abs(args[0])
	if err != nil {
		return fmt.Errorf("new %s: %w", args[0], err)
	}
	if *module == "" {
		*module = strings.ReplaceAll(strings.ToLower(filepath.Base(dir)), " ", "-")
		if checkModulePath(*module) != nil {
			return &usageError{
				fmt.Sprintf("new cannot make a module path of the name %q", filepath.Base(dir)),
				"Give one with --module, such as --module example.com/me/app.",
			}
		}
	} else if err := checkModulePath(*module); err != nil {
		return &usageError{err.Error(), "A module path looks like example.com/me/app."}
	}
	version, checkout, err := framework(readBuild(), *replace, checkoutPlaces()...)
	if err != nil {
		return err
	}
	files, err := render(app{Name: programName(*module), Module: *module, Version: version, Replace: quoteForMod(checkout)})
	if err != nil {
		return fmt.Errorf("new %s: %w", args[0], err)
	}
	if err := write(dir, files); err != nil {
		return fmt.Errorf("new %s: %w; nothing was written", args[0], err)
	}
	report(stdout, args[0], *module, checkout, files)
	return nil
}

// report says what was written and what to do next. That is left to the user, so
// that new works without a network and leaves nothing half done.
func report(stdout io.Writer, dir, module, checkout string, files []file) {
	style := styleFor(stdout)
	fmt.Fprintf(stdout, "Wrote the app %s, module %s:\n\n", style.strong(dir), module)
	for _, f := range files {
		fmt.Fprintf(stdout, "  %s\n", filepath.Join(dir, f.name))
	}
	if checkout != "" {
		fmt.Fprintf(stdout, "\nIts go.mod uses the Redstart sources in %s.\n", checkout)
	}
	fmt.Fprintf(stdout, "\nNext:\n\n")
	for _, step := range []string{"cd " + quoteForShell(dir), "go mod tidy", "go test ./...", "go run ."} {
		fmt.Fprintf(stdout, "  %s\n", style.strong(step))
	}
	fmt.Fprintf(stdout, "\nand open http://127.0.0.1:8080.\n")
}

// quoteForShell quotes a path that a shell would take apart.
func quoteForShell(path string) string {
	if strings.HasPrefix(path, "-") {
		path = "." + string(os.PathSeparator) + path
	}
	if !strings.ContainsAny(path, " \t\n'\"`$&|;<>()*?[]{}!#~\\") || os.PathSeparator == '\\' {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
