package settings

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// FileName is the file of settings, in the working directory.
const FileName = "redstart.env"

// maxFile bounds the file, in bytes. A larger one is something else by mistake.
const maxFile = 64 << 10

// entry is a line of the file that sets something.
type entry struct {
	line       int
	key, value string
}

// parseFile reads the text of the file: lines KEY=VALUE, empty lines, and those that begin
// with "#". Blanks around the key and the value do not count, and " #" behind a value
// begins a comment. A value in quotes is taken as it is: in single ones all of it, in
// double ones all but \" and \\, which are a quote and a backslash. Nothing is filled in
// for a $, and no value goes over lines: programs that read such files differ in that, and
// a setting needs neither.
//
// It returns what can be read, and an error for each line that is malformed.
func parseFile(text string) (entries []entry, faults []error) {
	text = strings.TrimPrefix(text, "\ufeff") // some editors begin a file with it
	number := 0
	wrong := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("%s:%d: %w", FileName, number, fmt.Errorf(format, args...)))
	}
	first := map[string]int{} // where a key is
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if !utf8.ValidString(line) {
			wrong("the line is not UTF-8")
			continue
		}
		key, rest, ok := strings.Cut(line, "=")
		key = strings.TrimSpace(key)
		if problem := checkKey(key); !ok || problem != "" {
			if !ok {
				problem = "there is no \"=\""
			}
			wrong("want KEY=VALUE: %s", problem)
			continue
		}
		value, err := parseValue(rest)
		switch {
		case err != nil:
			wrong("the value of %s: %w", key, err)
		case first[key] > 0:
			wrong("%s is on line %d already", key, first[key])
		default:
			first[key] = number
			entries = append(entries, entry{number, key, value})
		}
	}
	return entries, faults
}

// checkKey says what keeps a text from being the name of a variable.
func checkKey(key string) (problem string) {
	if key == "" {
		return "the key is missing"
	}
	if strings.HasPrefix(key, "export ") {
		return "leave out the word export"
	}
	for i, r := range key {
		if letter := r|0x20 >= 'a' && r|0x20 <= 'z' || r == '_'; !letter && (i == 0 || r < '0' || r > '9') {
			return fmt.Sprintf("%q is not allowed in a key", r)
		}
	}
	return ""
}

// parseValue reads what stands behind "=", and what follows on the value.
func parseValue(text string) (value string, err error) {
	trimmed := strings.TrimSpace(text)
	if trimmed == "" || trimmed[0] != '"' && trimmed[0] != '\'' {
		for i := 1; i < len(text); i++ {
			if text[i] == '#' && (text[i-1] == ' ' || text[i-1] == '\t') {
				return strings.TrimSpace(text[:i]), nil
			}
		}
		return trimmed, nil
	}
	quote, rest := trimmed[0], trimmed[1:]
	var out strings.Builder
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == quote:
			if tail := strings.TrimSpace(rest[i+1:]); tail != "" && tail[0] != '#' {
				return "", errors.New("there is more behind the closing quote")
			}
			return out.String(), nil
		case c == '\\' && quote == '"':
			i++
			if i == len(rest) || rest[i] != '"' && rest[i] != '\\' {
				return "", errors.New(`in double quotes a backslash stands before " or \ only; take single quotes`)
			}
			out.WriteByte(rest[i])
		default:
			out.WriteByte(c)
		}
	}
	return "", errors.New("the closing quote is missing")
}
