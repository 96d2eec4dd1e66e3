package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

var quiet = log.New(io.Discard, "", 0)

// command is the program with arguments and an environment, which inherits nothing from ours.
func command(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env = env
	return cmd
}

// environ is what any program needs and the variables.
func environ(variables map[string]string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=/tmp"}
	for name, value := range variables {
		env = append(env, name+"="+value)
	}
	return env
}

// process is a program that runs until it is told otherwise, or the test ends.
type process struct {
	cmd   *exec.Cmd
	out   journal // standard output
	log   journal // standard error
	ended chan struct{}
	err   error
}

// start starts a program in a process group of its own, as a shell does. It is killed when the test ends, also if that
// is by kill -9 where the system knows how; its log is shown if the test failed.
func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.out, &p.log
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
		p.kill()
		if t.Failed() {
			t.Logf("%s said:\n%s%s", strings.Join(cmd.Args, " "), p.out.end(), p.log.end())
		}
	})
	return p
}

// kill ends the process as kill -9 does, and returns when it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// signal sends what a terminal sends: to the whole group.
func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(-p.cmd.Process.Pid, s); err != nil {
		t.Fatal(err)
	}
}

// exitCode awaits the end.
func (p *process) exitCode(t *testing.T) int {
	t.Helper()
	await(t, "the end of the process", p.isOver)
	var exit *exec.ExitError
	if p.err != nil && !errors.As(p.err, &exit) {
		t.Fatal(p.err)
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) isOver() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// awaitServing returns where a server listens, as its log says.
func (p *process) awaitServing(t *testing.T) (surfaces, ops string) {
	t.Helper()
	awaitOr(t, "line that says where it serves", p.ended, func() bool {
		for line := range strings.Lines(p.log.String()) {
			var entry struct{ Msg, Addr, Ops string }
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "serving" {
				_, port, _ := net.SplitHostPort(entry.Addr)
				surfaces, ops = "127.0.0.1:"+port, entry.Ops
				return true
			}
		}
		return false
	})
	return surfaces, ops
}

// run runs the program to its end.
func run(t *testing.T, cmd *exec.Cmd) (code int, out, log string) {
	t.Helper()
	p := start(t, cmd)
	code = p.exitCode(t)
	return code, p.out.String(), p.log.String()
}

// journal is what a process has said so far.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// end is the last of it, which is where a failure shows.
func (j *journal) end() string {
	all := strings.SplitAfter(j.String(), "\n")
	return strings.Join(all[max(0, len(all)-40):], "")
}

// folder is an empty folder that every user may use, unlike t.TempDir's.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "dreamapi-e2e-"+filepath.Base(t.Name())+"-")
	if err == nil {
		err = os.Chmod(dir, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
