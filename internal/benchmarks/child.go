//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// child is this program in another process: a server or a load client. It is called
// over its standard input and output with net/rpc. Should the parent be killed, its
// input ends, and so does it when the call that is under way is over.
type child struct {
	ctx   context.Context
	cmd   *exec.Cmd
	calls *rpc.Client
}

// pipes makes one stream of two.
type pipes struct {
	io.Reader
	io.WriteCloser
}

// start starts a child with the shared counter as its third file. It is killed when
// ctx ends. With a cpu of 0 or more it keeps to that one.
func start(ctx context.Context, counter *os.File, cpu int, args ...string) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.ExtraFiles = []*os.File{counter}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if cpu >= 0 {
		cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
		err = startOn(cmd, cpu)
	} else {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", strings.Join(args, " "), err)
	}
	return &child{ctx, cmd, rpc.NewClient(pipes{out, in})}, nil
}

// startOn starts a command on one CPU. A process inherits the CPUs of the thread that
// starts it, so this one is lent them for the moment.
func startOn(cmd *exec.Cmd, cpu int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, only unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	only.Set(cpu)
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return fmt.Errorf("keep to CPU %d: %w", cpu, err)
	}
	err := cmd.Start()
	if restore := unix.SchedSetaffinity(0, &before); err == nil {
		err = restore
	}
	return err
}

// call calls the child and waits no longer than a minute for the answer: whatever a
// child does is bounded by itself, so that this is only for one that hangs.
func (c *child) call(method string, args, reply any) error {
	pending := c.calls.Go(method, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-pending.Done:
		if pending.Error != nil {
			return fmt.Errorf("%s: %w", method, pending.Error)
		}
		return nil
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	case <-time.After(time.Minute):
		return fmt.Errorf("%s: no answer in a minute", method)
	}
}

// stop ends the child. There is nothing that it would have to tidy up.
func (c *child) stop() {
	_ = c.cmd.Process.Kill()
	_ = c.calls.Close()
	_ = c.cmd.Wait()
}

// memory is the child's resident memory in bytes.
func (c *child) memory() (int64, error) {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", c.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(statm))
	if len(fields) < 2 {
		return 0, fmt.Errorf("unexpected statm: %q", statm)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
