// Package readme holds the README to its word: its programs are built and run,
// and its commands print what it says they print.
package readme

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../.."

// block is a fenced block of the README.
type block struct {
	line       int
	kind, text string
}

func readBlocks(t *testing.T) (blocks []block) {
	file, err := os.Open(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	var open *block
	for n := 1; lines.Scan(); n++ {
		fence, isFence := strings.CutPrefix(lines.Text(), "```")
		switch {
		case isFence && open == nil:
			open = &block{line: n, kind: fence}
		case isFence:
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.text += lines.Text() + "\n"
		}
	}
	require.NoError(t, lines.Err())
	require.Nil(t, open, "a fence is not closed")
	return blocks
}

func TestProgramsPrintWhatTheReadmeSays(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the README's programs; skipped by -short")
	}
	blocks := readBlocks(t)
	programs, outputs := 0, 0
	for i, b := range blocks {
		if b.kind != "go" || !strings.HasPrefix(b.text, "package main") {
			continue
		}
		programs++
		addr := start(t, b)
		for _, session := range blocks[i+1:] {
			if session.kind != "console" {
				break
			}
			outputs++
			checkSession(t, addr, session)
		}
	}
	assert.GreaterOrEqual(t, programs, 3)
	assert.GreaterOrEqual(t, outputs, 3)
}

// fragmentFrame is what a fragment of the README takes for granted.
const fragmentFrame = `package main

import (
	"io/fs"
	"net/http"
	"time"

	"github.com/redstart-go/redstart"
	"github.com/redstart-go/redstart/middleware"
	"github.com/redstart-go/redstart/sse"
)

var (
	_ = sse.NewHub
	_ = http.MethodGet
	_ = time.Second
	_ = middleware.Recover
)

func main() {}

func fragment(t redstart.TestingT, app *redstart.App, crime redstart.Handler, anyNetHTTPMiddleware func(http.Handler) http.Handler, assets fs.FS) {
%s
}
`

func TestFragmentsCompile(t *testing.T) {
	fragments := 0
	for _, b := range readBlocks(t) {
		if b.kind != "go" || strings.HasPrefix(b.text, "package main") {
			continue
		}
		fragments++
		main := filepath.Join(t.TempDir(), "main.go")
		require.NoError(t, os.WriteFile(main, fmt.Appendf(nil, fragmentFrame, b.text), 0o600))
		build := exec.Command("go", "vet", main)
		build.Dir = root
		out, err := build.CombinedOutput()
		assert.NoError(t, err, "the fragment at line %d: %s", b.line, out)
	}
	assert.Positive(t, fragments)
}

// start builds the program with an address of its own and runs it until the test
// ends.
func start(t *testing.T, program block) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr = l.Addr().String()
	require.NoError(t, l.Close())

	dir := t.TempDir()
	source := strings.ReplaceAll(program.text, "127.0.0.1:8080", addr)
	require.Contains(t, source, addr, "the program at line %d serves on 127.0.0.1:8080", program.line)
	main := filepath.Join(dir, "main.go")
	require.NoError(t, os.WriteFile(main, []byte(source), 0o600))
	binary := filepath.Join(dir, "program")
	build := exec.Command("go", "build", "-o", binary, main)
	build.Dir = root
	out, err := build.CombinedOutput()
	require.NoError(t, err, "the program at line %d: %s", program.line, out)

	ctx, stop := context.WithCancel(t.Context())
	run := exec.CommandContext(ctx, binary)
	run.Cancel = func() error { return run.Process.Signal(os.Interrupt) }
	run.WaitDelay = 20 * time.Second
	require.NoError(t, run.Start())
	t.Cleanup(func() {
		stop()
		err := run.Wait()
		if !errors.Is(err, context.Canceled) {
			assert.NoError(t, err, "the program at line %d stops in order", program.line)
		}
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, 20*time.Second, 20*time.Millisecond, "the program at line %d does not listen", program.line)
	return addr
}

var argument = regexp.MustCompile(`'[^']*'|\S+`)

// checkSession does what each curl command would, and compares what it prints.
func checkSession(t *testing.T, addr string, session block) {
	command, want, _ := strings.Cut(session.text, "\n")
	args := argument.FindAllString(strings.TrimPrefix(command, "$ "), -1)
	require.Equal(t, "curl", args[0], "line %d", session.line)
	method, url, body, header := http.MethodGet, "", "", http.Header{}
	for i := 1; i < len(args); i++ {
		arg := strings.Trim(args[i], "'")
		switch arg {
		case "-N":
		case "-X":
			i++
			method = args[i]
		case "-d":
			i++
			body = strings.Trim(args[i], "'")
		case "-H":
			i++
			name, value, _ := strings.Cut(strings.Trim(args[i], "'"), ": ")
			header.Set(name, value)
		default:
			url = strings.ReplaceAll(arg, "127.0.0.1:8080", addr)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header = header
	reply, err := http.DefaultClient.Do(req)
	require.NoError(t, err, "line %d", session.line)
	defer reply.Body.Close()
	got, err := io.ReadAll(reply.Body)
	require.NoError(t, err, "line %d", session.line)
	assert.Equal(t, settled(want), settled(string(got)), "line %d: %s", session.line, command)
}

var requestID = regexp.MustCompile(`"request_id":"[0-9a-v]{8}-[0-9a-v]+"`)

// settled leaves out what differs each time.
func settled(output string) string {
	return requestID.ReplaceAllString(strings.TrimSuffix(output, "\n"), `"request_id":"…"`)
}

func TestTheTwoProgramsStandBeforeLine60(t *testing.T) {
	var first []block
	for _, b := range readBlocks(t) {
		if b.line < 60 && b.kind == "go" && strings.HasPrefix(b.text, "package main") {
			first = append(first, b)
		}
	}
	require.Len(t, first, 2)
	assert.Contains(t, first[1].text, "SSEResponse")
}

var (
	code = regexp.MustCompile("(?s)```.*?```|`[^`]*`")
	link = regexp.MustCompile(`\]\(([^)#:]+)\)`)
)

func TestLinksLeadToFiles(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(string(text), ""), -1) {
		_, err := os.Stat(filepath.Join(root, m[1]))
		assert.NoError(t, err)
	}
}
