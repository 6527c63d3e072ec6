package settings

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOpener(t *testing.T) { // features: G3
	assert.Equal(t, []string{"xdg-open"}, opener("linux"))
	assert.Equal(t, []string{"xdg-open"}, opener("freebsd"))
	assert.Equal(t, []string{"open"}, opener("darwin"))
	assert.Equal(t, []string{"rundll32", "url.dll,FileProtocolHandler"}, opener("windows"))
}

// shell makes a browser of a script, which finds the address in $1.
func shell(t *testing.T, log *bytes.Buffer, script string) *Browser {
	t.Helper()
	path, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell")
	}
	b := NewBrowser(zerolog.New(log))
	t.Cleanup(b.Close)
	b.command = []string{path, "-c", script, "sh"}
	return b
}

func TestBrowserIsGivenTheAddress(t *testing.T) {
	var log bytes.Buffer
	file := filepath.Join(t.TempDir(), "opened")
	b := shell(t, &log, `printf %s "$1" > '`+file+`'`)
	b.Open("http://127.0.0.1:8080")
	b.opening.Wait()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "http://127.0.0.1:8080", string(text))
	assert.Empty(t, log.String())
}

func TestABrowserThatCannotBeOpenedIsOneLine(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(b *Browser)
		want    string
	}{
		"it fails":    {func(b *Browser) { b.command[2] = "exit 3" }, "exit status 3"},
		"none exists": {func(b *Browser) { b.command = []string{"/nonexistent/xdg-open"} }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			b := shell(t, &log, "")
			tt.prepare(b)
			b.Open("http://127.0.0.1:8080")
			b.opening.Wait()
			assert.Equal(t, 1, strings.Count(log.String(), "\n"), log.String())
			assert.Contains(t, log.String(), tt.want)
			assert.Contains(t, log.String(), `"url":"http://127.0.0.1:8080"`)
		})
	}
}

// The end of the program does not wait for a command that goes on, and is no failure.
func TestCloseEndsTheCommand(t *testing.T) {
	var log bytes.Buffer
	b := shell(t, &log, "exec sleep 600")
	b.Open("http://127.0.0.1:8080")
	b.Close()
	assert.Empty(t, log.String())
}
