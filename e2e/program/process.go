package program

import (
	"errors"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/dream-api/dream-api/e2e/wait"
)

// Process is a program that runs until it is told otherwise, or the test ends.
type Process struct {
	Out Journal // standard output
	Log Journal // standard error

	cmd   *exec.Cmd
	ended chan struct{}
	err   error
}

// Start starts a program in a process group of its own, as a shell does. It is killed when the test ends, also if that
// is by kill -9 where the system knows how; its log is shown if the test failed.
func Start(t *testing.T, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.Out, &p.Log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	dieWithParent(cmd.SysProcAttr)
	started := make(chan error)
	go func() {
		// To the kernel the parent is this thread, which must live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s said:\n%s%s", strings.Join(cmd.Args, " "), p.Out.end(), p.Log.end())
		}
	})
	return p
}

// Run runs a program to its end.
func Run(t *testing.T, cmd *exec.Cmd) (code int, out, log string) {
	t.Helper()
	p := Start(t, cmd)
	code = p.ExitCode(t)
	return code, p.Out.String(), p.Log.String()
}

// Kill ends the process as kill -9 does, and returns when it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// PID is the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends what a terminal sends: to the whole group.
func (p *Process) Signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(-p.cmd.Process.Pid, s); err != nil {
		t.Fatal(err)
	}
}

// Interrupt is Ctrl-C, which a terminal sends to the program and to its PostgreSQL alike.
func (p *Process) Interrupt(t *testing.T) { t.Helper(); p.Signal(t, syscall.SIGINT) }

// ExitCode awaits the end.
func (p *Process) ExitCode(t *testing.T) int {
	t.Helper()
	wait.For(t, "the end of the process", p.IsOver)
	var exit *exec.ExitError
	if p.err != nil && !errors.As(p.err, &exit) {
		t.Fatal(p.err)
	}
	return p.cmd.ProcessState.ExitCode()
}

// IsOver is whether the process has ended.
func (p *Process) IsOver() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Await returns once ok does, and fails the test when the process ends without that.
func (p *Process) Await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	wait.For(t, what, func() bool {
		over := p.IsOver() // asked first, as it may have been the last thing that the process did
		if ok() {
			return true
		}
		if over {
			t.Fatalf("the process has ended, and there was no %s", what)
		}
		return false
	})
}
