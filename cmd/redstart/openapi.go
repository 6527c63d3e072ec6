package main

import (
	"fmt"
	"io"

	"github.com/redstart-go/redstart/internal/inspect"
)

const openapiHelp = `usage: redstart openapi [PACKAGE] [--yaml] [--version 3.1|3.2] [-- ARGUMENTS]

Prints the OpenAPI document of a program, as it serves it at /openapi.json. The
package and the arguments are those of "redstart routes".

  --yaml          as YAML
  --version 3.2   in version 3.2, which describes the events of streams in full;
                  the default is 3.1
`

func runOpenAPI(args []string, stdout io.Writer) error {
	flags := newFlags("openapi")
	asYAML := flags.Bool("yaml", false, "")
	version := flags.String("version", "3.1", "")
	target, err := parseTarget(flags, args)
	if err != nil {
		return err
	}
	forms := map[string][2]string{"3.1": {inspect.JSON, inspect.YAML}, "3.2": {inspect.JSON32, inspect.YAML32}}
	form, known := forms[*version]
	if !known {
		return &usageError{fmt.Sprintf("--version %s: want 3.1 or 3.2", *version), "Run \"redstart help openapi\" for its flags."}
	}
	what := form[0]
	if *asYAML {
		what = form[1]
	}
	text, err := target.ask(what)
	if err != nil {
		return err
	}
	_, err = stdout.Write(text)
	return err
}
