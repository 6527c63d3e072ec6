package jetstream

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/redstart-go/redstart/sse"
	"github.com/redstart-go/redstart/sse/brokertest"
)

func openEmbedded(t *testing.T, dir string, opts ...Option) *Broker {
	t.Helper()
	b, err := Embedded(dir, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func TestEmbeddedConformance(t *testing.T) {
	t.Parallel()
	brokertest.Run(t, func(t *testing.T) brokertest.Subject { return brokertest.Subject{Broker: openEmbedded(t, "")} })
}

func TestEmbeddedKeepsMessages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "for", "it")
	b := openEmbedded(t, dir)
	first := publish(t, b, "crimes", "before")
	require.NoError(t, b.Close())
	b = openEmbedded(t, dir)
	second := publish(t, b, "crimes", "after")
	assert.Equal(t, first.Epoch(), second.Epoch())
	entries, _ := follow(t, b, 0)
	assert.Equal(t, first, next(t, entries).Cursor)
	assert.Equal(t, second, next(t, entries).Cursor)
}

func TestEmbeddedInMemory(t *testing.T) {
	b := openEmbedded(t, "")
	dir := b.server.dir
	require.DirExists(t, dir)
	first := publish(t, b, "crimes", "x")
	// Another one in the same process is a server of its own.
	other := openEmbedded(t, "")
	assert.NotEqual(t, first.Epoch(), publish(t, other, "crimes", "x").Epoch())
	require.NoError(t, b.Close())
	assert.NoDirExists(t, dir)
}

func TestEmbeddedDirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	b := openEmbedded(t, dir)
	_, err := Embedded(dir)
	require.EqualError(t, err, fmt.Sprintf("jetstream: directory %s is in use by process %d", dir, os.Getpid()))
	publish(t, b, "crimes", "the first is none the worse for it")
	require.NoError(t, b.Close())
	openEmbedded(t, dir)
}

func TestEmbeddedCannotStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := Embedded(file)
	require.ErrorContains(t, err, "jetstream: mkdir "+file+": ")

	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "jetstream"), nil, 0o600))
	_, err = Embedded(dir)
	require.ErrorContains(t, err, "jetstream: embedded server: Can't start JetStream: ")
	require.NoError(t, os.Remove(filepath.Join(dir, "jetstream")))
	openEmbedded(t, dir) // the failure has left no lock

	_, err = Embedded("", Replicas(3))
	assert.EqualError(t, err, "jetstream: Replicas(3): an embedded server is one by itself")
	_, err = Embedded(t.TempDir(), Memory())
	assert.EqualError(t, err, "jetstream: Memory: leave out Embedded's directory to keep messages in memory")
}

// What was not written through is lost when the machine dies, so a position may have
// been given twice. When only the program was killed, nothing is lost.
func TestEmbeddedAfterACrash(t *testing.T) {
	for name, test := range map[string]struct {
		mark  string
		opts  []Option
		other bool
	}{
		"of nothing":                       {"", nil, false},
		"of the program":                   {"12345 " + bootID(), nil, bootID() == ""},
		"of the machine":                   {"12345 another-start", nil, true},
		"of the machine, but with Sync(0)": {"12345 another-start", []Option{Sync(0)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := openEmbedded(t, dir, test.opts...)
			before := publish(t, b, "crimes", "x")
			require.NoError(t, b.Close())
			mark, err := os.ReadFile(filepath.Join(dir, lockName))
			require.NoError(t, err)
			require.Empty(t, mark, "the end was an orderly one")
			require.NoError(t, os.WriteFile(filepath.Join(dir, lockName), []byte(test.mark), 0o600))
			after := publish(t, openEmbedded(t, dir, test.opts...), "crimes", "x")
			assert.Equal(t, test.other, after.Epoch() != before.Epoch())
			assert.Equal(t, before.Sequence()+1, after.Sequence())
		})
	}
}

func TestEmbeddedServerLog(t *testing.T) {
	var mu sync.Mutex
	var lines []string
	b := openEmbedded(t, "", ServerLog(func(level slog.Level, line string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, level.String()+" "+line)
	}))
	require.NoError(t, b.Close())
	assert.Contains(t, lines, "INFO Server is ready")
	assert.NotContains(t, strings.Join(lines, "\n"), b.server.url[len("nats://"):len("nats://")+26], "the password is in the log")
}

func TestEmbeddedListensForNobodyElse(t *testing.T) {
	b := openEmbedded(t, "")
	assert.Equal(t, "127.0.0.1", strings.Split(b.server.server.Addr().String(), ":")[0])
	_, err := Connect(t.Context(), "nats://"+b.server.server.Addr().String())
	assert.ErrorContains(t, err, "Authorization Violation")
}

func TestEmbeddedMaxPayload(t *testing.T) {
	b := openEmbedded(t, "", MaxPayload(1<<20))
	_, err := b.Publish(patient(t), "crimes", sse.Text(strings.Repeat("x", 1<<20)))
	assert.ErrorIs(t, err, sse.ErrTooLong)
	publish(t, b, "crimes", strings.Repeat("x", 1<<20-200))
}

// childVariable makes the test's own program a child that opens the directory, says
// what it did, and stays until its input ends.
const childVariable = "JETSTREAM_TEST_CHILD"

func childMain(dir string) {
	b, err := Embedded(dir)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for range 100 {
		ack, err := b.Publish(context.Background(), "crimes", sse.Text("from the child"))
		fmt.Println(ack.Cursor, err)
	}
	fmt.Println("server:", b.server != nil)
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	if err := b.Close(); err != nil {
		fmt.Println(err)
	}
}

// startChild returns the child, and what it says up to whether it runs a server.
func startChild(t *testing.T, dir string) (*exec.Cmd, []string) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+dir)
	in, err := child.StdinPipe()
	require.NoError(t, err)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	child.Stderr = os.Stderr
	require.NoError(t, child.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = child.Wait() // its state is looked at where it matters
	})
	var lines []string
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		lines = append(lines, scanner.Text())
		if strings.HasPrefix(scanner.Text(), "server:") {
			break
		}
	}
	return child, lines
}

func TestEmbeddedIsSharedWithChildren(t *testing.T) {
	for _, dir := range []string{t.TempDir(), ""} {
		b := openEmbedded(t, dir, Stream(DefaultStream))
		entries, _ := follow(t, b, 0)
		_, lines := startChild(t, dir)
		require.Equal(t, "server: false", lines[len(lines)-1], "%q", lines)
		for i := range 100 {
			e := next(t, entries)
			assert.Equal(t, "from the child", e.Message.Data)
			assert.Equal(t, e.Cursor.String()+" <nil>", lines[i])
		}
		require.NoError(t, b.Close())
	}
}

// A child that is killed loses nothing it had an acknowledgement for, and the directory
// is free at once.
func TestEmbeddedProgramIsKilled(t *testing.T) {
	dir := t.TempDir()
	child, lines := startChild(t, dir)
	require.Equal(t, "server: true", lines[len(lines)-1], "%q", lines)
	_, err := Embedded(dir)
	require.EqualError(t, err, fmt.Sprintf("jetstream: directory %s is in use by process %d", dir, child.Process.Pid))
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()

	b := openEmbedded(t, dir)
	read, err := b.Read(patient(t), 0, 1000)
	require.NoError(t, err)
	require.Len(t, read, 100)
	for i, e := range read {
		assert.Equal(t, e.Cursor.String()+" <nil>", lines[i])
	}
}

// A variable that a program inherited from one that has ended does no harm.
func TestEmbeddedIgnoresTheDead(t *testing.T) {
	dead := exec.Command(os.Args[0], "-test.run", "^$")
	require.NoError(t, dead.Run())
	for value, want := range map[string]string{
		"":    "",
		"xyz": "",
		fmt.Sprintf("%d nats://p@127.0.0.1:1", os.Getpid()):      "",
		fmt.Sprintf("%d nats://p@127.0.0.1:1", dead.Process.Pid): "",
		fmt.Sprintf("%d nats://p@127.0.0.1:1", os.Getppid()):     "nats://p@127.0.0.1:1",
		fmt.Sprintf("%d http://evil.example", os.Getppid()):      "",
	} {
		t.Setenv("REDSTART_BROKER_TEST", value)
		assert.Equal(t, want, announced("REDSTART_BROKER_TEST"), value)
	}
}
