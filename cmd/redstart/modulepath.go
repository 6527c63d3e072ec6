package main

import (
	"fmt"
	"slices"
	"strings"
)

// checkModulePath says what the go command would refuse in a module path, before
// anything is written (https://go.dev/ref/mod#go-mod-file-ident).
func checkModulePath(path string) error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("module path %q: %s", path, fmt.Sprintf(format, args...))
	}
	if path == "" {
		return refuse("is empty")
	}
	if i := strings.IndexFunc(path, notInModulePath); i >= 0 {
		r := []rune(path[i:])[0]
		return refuse("%q is not allowed; letters, digits and - . _ ~ / are", r)
	}
	if path[0] == '-' {
		return refuse("it begins with -")
	}
	for element := range strings.SplitSeq(path, "/") {
		switch {
		case element == "":
			return refuse("it has a / too many")
		case strings.HasPrefix(element, "."), strings.HasSuffix(element, "."):
			return refuse("%q begins or ends with a dot", element)
		case reservedOnWindows(element):
			return refuse("%q is not a name that every system can have", element)
		}
	}
	first, _, _ := strings.Cut(path, "/")
	if first == "std" || first == "cmd" || path == modulePath {
		return refuse("it is taken")
	}
	if last := path[strings.LastIndexByte(path, '/')+1:]; last != path && badMajorVersion(last) {
		return refuse("%q is not a major version that a path may end with; /v2 and up are", last)
	}
	return nil
}

func notInModulePath(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return !strings.ContainsRune("-._~/", r)
}

// reservedOnWindows knows the names of devices there, with any ending, and short
// names such as PROGRA~1.
func reservedOnWindows(element string) bool {
	short, _, _ := strings.Cut(element, ".")
	if i := strings.LastIndexByte(short, '~'); i >= 0 && i < len(short)-1 && strings.Trim(short[i+1:], "0123456789") == "" {
		return true
	}
	short = strings.ToLower(short)
	if digit := strings.TrimLeft(short, "comlpt"); len(short) == 4 && len(digit) == 1 && digit >= "1" && digit <= "9" {
		return strings.HasPrefix(short, "com") || strings.HasPrefix(short, "lpt")
	}
	return slices.Contains([]string{"con", "prn", "aux", "nul"}, short)
}

// badMajorVersion says whether element looks like a major version but is none
// that a path ends with: v0, v1, v02, v2.1.
func badMajorVersion(element string) bool {
	digits, ok := strings.CutPrefix(element, "v")
	if !ok || digits == "" || strings.Trim(digits, "0123456789.") != "" || digits[0] == '.' {
		return false
	}
	return digits == "1" || digits[0] == '0' || strings.Contains(digits, ".")
}

// programName returns what go build calls the program of a module: the last
// element of its path that is not a major version.
func programName(module string) string {
	elements := strings.Split(module, "/")
	last := elements[len(elements)-1]
	if digits, ok := strings.CutPrefix(last, "v"); ok && len(elements) > 1 && digits != "" && strings.Trim(digits, "0123456789") == "" {
		return elements[len(elements)-2]
	}
	return last
}
