package settings

import (
	"fmt"
	"strings"
)

// help tells all there is to know. The defaults are those of the program.
func help(program string, code Settings) string {
	var b strings.Builder
	fmt.Fprintf(&b, "usage: %s [FLAGS]\n\n", program)
	b.WriteString("Serves until it is told to stop by SIGINT (Ctrl-C) or SIGTERM, and then lets requests\n" +
		"finish. A second signal stops it at once.\n\n")
	for _, s := range known() {
		lines := strings.Split(s.about, "\n")
		if s.argument != "" || s.show(&code) != "false" { // a switch is off unless it says so
			lines[len(lines)-1] += " (default " + s.show(&code) + ")"
		}
		row(&b, strings.TrimSpace("--"+s.name+" "+s.argument), lines)
	}
	row(&b, "--version", []string{"print the versions of the program and of Redstart"})
	row(&b, "--help", []string{"print this"})

	fmt.Fprintf(&b, "\nThe same can be said by variables of the environment, or of the file %s in the\n"+
		"directory where the program is started, on lines such as REDSTART_PORT=9000:\n\n", FileName)
	for _, s := range known() {
		value := s.argument
		if value == "" {
			value = "true"
		}
		fmt.Fprintf(&b, "  %s=%s\n", s.variable(), value)
	}
	b.WriteString("\nFlags go before the environment, the environment before the file, and the file before\n" +
		"what is written in the program.\n")
	return b.String()
}

// row writes a flag and the lines about it beside it.
func row(b *strings.Builder, flag string, lines []string) {
	for _, line := range lines {
		fmt.Fprintf(b, "  %-19s  %s\n", flag, line)
		flag = ""
	}
}
