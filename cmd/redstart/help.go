package main

import (
	"fmt"
	"io"
	"strings"
)

const helpHelp = `usage: redstart help [COMMAND]

Lists the commands, or tells all about one of them.
`

func runHelp(args []string, stdout io.Writer) error {
	args, err := parse(newFlags("help"), args)
	switch {
	case err != nil:
		return err
	case len(args) == 0:
		fmt.Fprint(stdout, overview(styleFor(stdout)))
		return nil
	case len(args) > 1:
		return &usageError{fmt.Sprintf("help is about one command, not %d", len(args)), "usage: redstart help [COMMAND]"}
	}
	cmd, err := find(args[0])
	if err != nil {
		return err
	}
	fmt.Fprint(stdout, cmd.help)
	return nil
}

// overview lists the commands.
func overview(style style) string {
	var b strings.Builder
	b.WriteString("Redstart is a micro web framework for Go.\n\n")
	b.WriteString("usage: redstart COMMAND [ARGUMENTS]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %s  %s\n", style.strong(fmt.Sprintf("%-8s", c.name)), c.summary)
	}
	b.WriteString("\nRun \"redstart help COMMAND\" for more about one of them.\n")
	return b.String()
}
