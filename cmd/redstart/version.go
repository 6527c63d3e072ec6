package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/redstart-go/redstart"
)

const versionHelp = `usage: redstart version

Tells the version of this command, which is that of the framework it came with,
of the Go it was built by, and the revision of the sources when it is known.
`

func runVersion(args []string, stdout io.Writer) error {
	args, err := parse(newFlags("version"), args)
	if err != nil {
		return err
	}
	if len(args) > 0 {
		return &usageError{fmt.Sprintf("version takes no argument, but got %q", args[0]), "usage: redstart version"}
	}
	fmt.Fprint(stdout, describe(readBuild()))
	return nil
}

func describe(b build) string {
	var text strings.Builder
	if b.released() {
		fmt.Fprintf(&text, "redstart %s\n", b.version)
	} else {
		fmt.Fprintf(&text, "redstart v%s, built from a checkout\n", redstart.Version)
	}
	if b.revision != "" {
		changed := ""
		if b.modified {
			changed = ", with changes"
		}
		fmt.Fprintf(&text, "revision %s%s\n", b.revision, changed)
	}
	fmt.Fprintf(&text, "%s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return text.String()
}

// modulePath is the framework's module, which this command is part of.
const modulePath = "github.com/redstart-go/redstart"

// build is what the binary knows of its own making.
type build struct {
	version  string // "v0.1.0", "(devel)", or ""
	revision string // "" when unknown
	modified bool
}

func readBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path != modulePath {
		return build{}
	}
	b := build{version: info.Main.Version}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.revision = s.Value
		case "vcs.modified":
			b.modified = s.Value == "true"
		}
	}
	return b
}

// released says whether the command was installed as a version of the module,
// which others can download too. A build in a checkout may have a version as
// well, made up from its last commit, but then it also has a revision.
func (b build) released() bool {
	return strings.HasPrefix(b.version, "v") && b.revision == ""
}
