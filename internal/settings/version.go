package settings

import (
	"fmt"
	"path"
	"runtime"
	"runtime/debug"
)

// modulePath is the framework's module.
const modulePath = "github.com/redstart-go/redstart"

// version tells the version of the program's module, as the go command has put it into the
// program, that of the framework and that of Go. A program that was built without a module
// knows of none but the last two.
func version(program string, build *debug.BuildInfo, framework string) string {
	own, redstart := "(unknown)", "v"+framework
	if build != nil {
		if build.Main.Version != "" {
			own = build.Main.Version
		}
		if build.Main.Path != "" && path.Base(build.Main.Path) != program {
			own += " of " + build.Main.Path
		}
		for _, m := range build.Deps {
			if m.Path == modulePath {
				redstart = m.Version
				if m.Replace != nil {
					redstart += " => " + m.Replace.Path
				}
			}
		}
	}
	return fmt.Sprintf("%s %s\nredstart %s\n%s %s/%s\n", program, own, redstart, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
