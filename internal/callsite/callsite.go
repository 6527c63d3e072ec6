// Package callsite names places in the program, for messages about registrations.
package callsite

import (
	"path"
	"reflect"
	"runtime"
	"strconv"
	"strings"
)

// Package returns how the names of all functions of the package that declares T
// begin, for [Outside].
func Package[T any]() string { return reflect.TypeFor[T]().PkgPath() + "." }

// Outside finds the line that called into a package: its folder, file and line.
func Outside(pkg string) string {
	var callers [16]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers[:])])
	for {
		frame, more := frames.Next()
		if frame.Function != "" && !strings.HasPrefix(frame.Function, pkg) {
			return path.Join(path.Base(path.Dir(frame.File)), path.Base(frame.File)) + ":" + strconv.Itoa(frame.Line)
		}
		if !more {
			return "unknown"
		}
	}
}

// Name returns the name of a function, and of any other value that of its type.
func Name(f any) string {
	if t := reflect.TypeOf(f); t != nil && t.Kind() != reflect.Func {
		return t.String()
	}
	found := runtime.FuncForPC(reflect.ValueOf(f).Pointer())
	if found == nil {
		return ""
	}
	return strings.TrimSuffix(found.Name(), "-fm") // of a method's value
}
