package bind

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	playground "github.com/go-playground/validator/v10"
)

// checkTag finds a tag that is not written as key:"value" key:"value": package reflect
// sees nothing of it, and the field would be taken for one without tags.
func checkTag(tag reflect.StructTag) error {
	rest := strings.TrimLeft(string(tag), " ")
	for rest != "" {
		key, after, ok := strings.Cut(rest, ":")
		quoted, err := strconv.QuotedPrefix(after)
		if !ok || key == "" || strings.ContainsAny(key, "\" \t") || err != nil || after[0] != '"' {
			return fmt.Errorf("has a malformed tag at %q: want key:\"value\", with a blank between two", rest)
		}
		rest = after[len(quoted):]
		if rest != "" && rest[0] != ' ' {
			return fmt.Errorf("has a malformed tag at %q: want key:\"value\", with a blank between two", rest)
		}
		rest = strings.TrimLeft(rest, " ")
	}
	return nil
}

// checkDefaults finds defaults that break the rules of their fields: a client would be
// told that what it did not send is wrong.
func (in *Input) checkDefaults() error {
	for _, list := range [][]Field{in.Params, in.defaults} {
		for i := range list {
			if err := in.checkDefaultRules(&list[i]); err != nil {
				return fmt.Errorf("%s has the default %q, which %w", list[i].Struct.Name, list[i].Default, err)
			}
		}
	}
	return nil
}

func (in *Input) checkDefaultRules(p *Field) error {
	if !p.HasDefault {
		return nil
	}
	v := reflect.New(p.Type).Elem()
	p.assign(v, p.defaults())
	checks, here := checksOf(p.Struct)
	if c := broken(checks, v); c != nil {
		f := filling{in: in}
		f.violate(c, v, Violation{})
		return errors.New(f.violations[0].Detail)
	}
	rest := libraryRules(p.Struct)
	if here || rest == "" || rest == "-" || hasRelation(rest) || in.rules == nil {
		return nil
	}
	faults, _ := errors.AsType[playground.ValidationErrors](in.rules.validate.Var(v.Interface(), rest))
	if len(faults) > 0 {
		return errors.New(message(faults[0].Tag(), faults[0].Param(), faults[0].Type()))
	}
	return nil
}

// checkRelatives finds rules about a field beside it that there is not.
func checkRelatives(t reflect.Type, rest string) error {
	for rule := range strings.SplitSeq(rest, ",") {
		name, param, _ := strings.Cut(rule, "=")
		if rule == "dive" {
			return nil
		}
		if !isRelation(name) || strings.Contains(name, "cs") || strings.HasPrefix(name, "validateFn") {
			continue
		}
		words := strings.Fields(param)
		for i, word := range words {
			if word, _, _ = strings.Cut(word, "."); i%2 == 1 && (strings.HasSuffix(name, "_if") || strings.HasSuffix(name, "_unless")) {
				continue
			}
			if _, ok := t.FieldByName(word); !ok {
				return fmt.Errorf("there is no field %s in %s", word, t)
			}
		}
	}
	return nil
}
