package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/redstart-go/redstart"
)

var errNoCheckout = errors.New("this command was built from a checkout of Redstart that cannot be found any more; say where one is with --replace DIR")

// framework decides which Redstart the new app uses: the one that was asked for
// with --replace, the released version that this command is, or else the checkout
// it was built from, which is looked for around some places. A version is always
// named; a checkout comes on top.
func framework(b build, replace string, places ...string) (version, checkout string, err error) {
	version = "v" + redstart.Version
	switch {
	case replace != "":
		checkout, err = filepath.Abs(replace)
		if err == nil && !isCheckout(checkout) {
			err = &usageError{
				fmt.Sprintf("--replace %s: there is no go.mod of module %s", replace, modulePath),
				"It must be the root of a checkout of Redstart.",
			}
		}
		return version, checkout, err
	case b.released():
		return b.version, "", nil
	}
	for _, place := range places {
		if checkout := checkoutAround(place); checkout != "" {
			return version, checkout, nil
		}
	}
	return "", "", errNoCheckout
}

// checkoutPlaces are where the checkout may be: where the compiler read this file,
// and where the command runs.
func checkoutPlaces() (places []string) {
	if _, source, _, ok := runtime.Caller(0); ok {
		places = append(places, filepath.Dir(source)) // relative if built with -trimpath
	}
	if here, err := os.Getwd(); err == nil {
		places = append(places, here)
	}
	return places
}

// checkoutAround looks for the root of a checkout from dir upwards.
func checkoutAround(dir string) string {
	for filepath.IsAbs(dir) {
		if isCheckout(dir) {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return ""
}

// isCheckout says whether dir holds the go.mod of Redstart.
func isCheckout(dir string) bool {
	f, err := os.Open(filepath.Join(dir, "go.mod"))
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) >= 2 && fields[0] == "module" {
			return strings.Trim(fields[1], "\"`") == modulePath
		}
	}
	return false
}

// quoteForMod writes a path as go.mod wants it: quoted if it holds a blank or
// anything that has a meaning there (https://go.dev/ref/mod#go-mod-file-lexical).
func quoteForMod(path string) string {
	if strings.ContainsAny(path, " \t\"'`,()[]{}=\\") || strings.Contains(path, "//") {
		return strconv.Quote(path)
	}
	return path
}
