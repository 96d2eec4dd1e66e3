package localpg

import (
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is a started child. It is made by launch, of which each kind of system has its own.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // of Wait; set when exited is closed
}

// command prepares a program to run as the server's user.
func (h *home) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	// Ours may be a folder that the other user cannot enter.
	cmd.Dir = "/"
	// No more than this: PGPORT and its kin would change what the server does, and our secrets are none of its
	// business. The locale and the time zone are the same on every machine.
	cmd.Env = []string{"HOME=" + h.dir, "PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	// In a process group of its own it does not see a terminal's Ctrl-C, so that we can finish our work first.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if h.account.other {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: h.account.uid, Gid: h.account.gid}
	}
	// Wait also waits for the log, and so for the last backend. One that is stuck must not hold us up for ever.
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// ended waits for the process and returns how it ended, nil for exit status 0.
func (p *process) ended() error {
	<-p.exited
	return p.err
}

// end sends a signal, and a second one if the process has not gone after a while, and waits until it has.
func (p *process) end(first os.Signal, patience time.Duration, second os.Signal) {
	// An error of Signal means that it has gone already.
	_ = p.cmd.Process.Signal(first)
	select {
	case <-p.exited:
	case <-time.After(patience):
		_ = p.cmd.Process.Signal(second)
		<-p.exited
	}
}

// killGroup kills the process and the children that stayed in its group, and waits.
func (p *process) killGroup() {
	_ = syscall.Kill(-p.pid(), syscall.SIGKILL)
	<-p.exited
}
