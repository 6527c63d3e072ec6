package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/redstart-go/redstart/internal/inspect"
)

// target is a program to be asked about its app.
type target struct {
	command string // of redstart, for errors
	pkg     string
	args    []string
	// patience is how long it may take from its start to where it would serve.
	patience time.Duration
}

// parseTarget reads the flags of a command that asks a program. What stands behind "--" is
// for the program.
func parseTarget(flags *flag.FlagSet, args []string) (target, error) {
	t := target{command: flags.Name(), pkg: ".", patience: 30 * time.Second}
	if i := slices.Index(args, "--"); i >= 0 {
		args, t.args = args[:i], args[i+1:]
	}
	rest, err := parse(flags, args)
	switch {
	case err != nil:
		return t, err
	case len(rest) > 1:
		return t, &usageError{
			fmt.Sprintf("%s is about one package, but got %d: %s", t.command, len(rest), strings.Join(rest, " ")),
			"Arguments of the program itself go behind \"--\".",
		}
	case len(rest) == 1:
		t.pkg = rest[0]
	}
	return t, nil
}

// ask returns what the program says. A signal to stop ends the program too, and leaves no
// file behind.
func (t target) ask(what string) ([]byte, error) {
	ctx, done := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer done()
	text, err := t.buildAndAsk(ctx, what)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s: %w", t.command, context.Cause(ctx))
	}
	return text, err
}

// buildAndAsk builds the program and runs it until it has answered.
func (t target) buildAndAsk(ctx context.Context, what string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "redstart-")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.command, err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program := filepath.Join(dir, "program")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, t.pkg).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: building %s: %w\n%s", t.command, t.pkg, err, bytes.TrimSpace(out))
	}
	// Of another package go build makes an archive, which not all systems tell by its mode.
	if name, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Name}}", t.pkg).Output(); err != nil || string(bytes.TrimSpace(name)) != "main" {
		return nil, fmt.Errorf("%s: %s is no program: give the package of its main function", t.command, t.pkg)
	}
	answer := filepath.Join(dir, "answer")
	said, err := t.run(ctx, program, what+"="+answer, answer)
	text, missing := os.ReadFile(answer)
	switch {
	case missing == nil:
		return text, nil
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("%s: after %v %s has not come to Start, Run or Serve of an app%s", t.command, t.patience, t.pkg, said)
	case err != nil:
		return nil, fmt.Errorf("%s: %s has ended before it served an app: %w%s", t.command, t.pkg, err, said)
	}
	return nil, fmt.Errorf("%s: %s has ended without serving an app by Start, Run or Serve%s", t.command, t.pkg, said)
}

// run runs the program until it ends or has answered. It returns the last of what it has
// said on standard error.
func (t target) run(ctx context.Context, program, request, answer string) (said string, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, t.args...)
	cmd.Env = append(os.Environ(), inspect.Variable+"="+request)
	cmd.WaitDelay = time.Second // for what it has started itself, and left
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err = <-ended:
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			if text := last(stderr.Bytes(), 2000); text != "" {
				said = ":\n" + text
			}
			return said, err
		case <-look.C:
			if _, missing := os.Stat(answer); missing == nil {
				cancel() // it may go on with something else
				<-ended
				return "", nil
			}
		}
	}
}

// last returns the end of a text, from the beginning of a line.
func last(text []byte, most int) string {
	text = bytes.TrimSpace(text)
	if len(text) > most {
		text = text[len(text)-most:]
		if _, rest, ok := bytes.Cut(text, []byte("\n")); ok {
			text = rest
		}
	}
	return string(text)
}
