package openapi

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// closure matches the names that the compiler gives to functions without one.
var closure = regexp.MustCompile(`^(func)?\d+$|^gowrap\d+$|^init$`)

// functionName returns the last word of a function's name, "" if it has none of its
// own.
func functionName(full string) string {
	if strings.HasSuffix(full, "]") || strings.Contains(full, "[...]") {
		return "" // an adapter's, such as NoInput: it says nothing of the function in it
	}
	name := full[strings.LastIndexAny(full, "./")+1:]
	if closure.MatchString(name) {
		return ""
	}
	return name
}

// words takes a name in camel case or with underscores apart.
func words(name string) []string {
	var out []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			out = append(out, string(word))
		}
		word = nil
	}
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
			continue
		case unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			flush()
		}
		word = append(word, r)
	}
	flush()
	return out
}

// summary makes a heading of a function's name.
func summary(name string) string {
	list := words(name)
	for i, w := range list {
		if utf8.RuneCountInString(w) == 1 || strings.ToUpper(w) != w {
			list[i] = strings.ToLower(w)
		}
	}
	return capital(strings.Join(list, " "))
}

func capital(text string) string {
	r, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(r)) + text[size:]
}

// camel makes one word of several, with a small letter at the front.
func camel(list []string) string {
	var b strings.Builder
	for i, w := range list {
		if i == 0 {
			b.WriteString(strings.ToLower(w))
		} else {
			b.WriteString(capital(w))
		}
	}
	return b.String()
}

// pathID makes an operationId of the method and the path: getCrimesById.
func pathID(method string, t *template) string {
	list := []string{method}
	for s := range strings.SplitSeq(t.path, "/") {
		if name, is := strings.CutPrefix(s, "{"); is {
			list = append(list, "by")
			s = name
		}
		list = append(list, words(s)...)
	}
	return camel(list)
}

// unique returns the name, with a number if it is taken already.
func unique(taken map[string]bool, name string) string {
	candidate := name
	for n := 2; taken[candidate]; n++ {
		candidate = name + strconv.Itoa(n)
	}
	taken[candidate] = true
	return candidate
}

// operationID chooses the id of an operation.
func (b *builder) operationID(r *Route, method string, t *template) string {
	suffix := ""
	if t.absent != "" {
		suffix = "Without" + capital(camel(words(t.absent)))
	}
	if r.Doc.ID != "" {
		return unique(b.ids, r.Doc.ID+suffix)
	}
	for _, name := range []string{r.Name, functionName(r.Function)} {
		if id := camel(words(name)); id != "" {
			if r.Method == anyMethod {
				suffix = capital(strings.ToLower(method)) + suffix
			}
			if id += suffix; !b.ids[id] {
				return unique(b.ids, id)
			}
		}
	}
	return unique(b.ids, pathID(method, t))
}

var general = regexp.MustCompile(`^(api|v\d+)$`)

// tagsOf returns the headings of a route.
func (b *builder) tagsOf(r *Route) []string {
	if len(r.Doc.Tags) > 0 {
		return r.Doc.Tags
	}
	for _, g := range slices.Backward(r.Groups) {
		if g.Tag != "" {
			return []string{g.Tag}
		}
		for _, s := range slices.Backward(strings.Split(g.Prefix, "/")) {
			if s != "" && s[0] != ':' && s[0] != '*' && !general.MatchString(s) {
				return []string{s}
			}
		}
	}
	return nil
}

// typeName makes the name of a component: PageOfCrime for Page[store.Crime].
func typeName(t reflect.Type) string {
	name := t.Name()
	base, args, generic := strings.Cut(name, "[")
	if generic {
		base += "Of"
		for i, arg := range splitArguments(strings.TrimSuffix(args, "]")) {
			if i > 0 {
				base += "And"
			}
			base += argumentName(arg)
		}
	}
	return capital(strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-", r)) {
			return r
		}
		if unicode.IsLetter(r) { // keys of components are ASCII
			return 'x'
		}
		return -1
	}, base))
}

// splitArguments takes the arguments of a generic type apart at its own commas.
func splitArguments(text string) (args []string) {
	depth, from := 0, 0
	for i, r := range text {
		switch r {
		case '[', '{', '(':
			depth++
		case ']', '}', ')':
			depth--
		case ',':
			if depth == 0 {
				args, from = append(args, text[from:i]), i+1
			}
		}
	}
	return append(args, text[from:])
}

// argumentName names one argument, which is written with the whole path of its package.
func argumentName(arg string) string {
	switch {
	case strings.HasPrefix(arg, "[]"):
		return "ListOf" + argumentName(arg[2:])
	case strings.HasPrefix(arg, "*"):
		return argumentName(arg[1:])
	case strings.HasPrefix(arg, "map["):
		return "Map"
	}
	base, args, generic := strings.Cut(arg, "[")
	base = base[strings.LastIndexAny(base, "/")+1:]
	base = capital(base[strings.LastIndex(base, ".")+1:])
	if i := strings.Index(base, "·"); i >= 0 { // of a function's own type
		base = base[:i]
	}
	if generic {
		for _, inner := range splitArguments(strings.TrimSuffix(args, "]")) {
			base += "Of" + argumentName(inner)
		}
	}
	return base
}
