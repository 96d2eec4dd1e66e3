//go:build linux && !localpg_watcher

package localpg

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// launch starts cmd such that the kernel interrupts it when this process is gone, kill -9 included.
func launch(cmd *exec.Cmd) (*process, error) {
	cmd.SysProcAttr.Pdeathsig = syscall.SIGINT
	p := &process{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel's "parent" is the thread that forked, so this thread must live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// serves tells whether process pid is a server on the data directory: a server makes it its working directory.
// A process that we may not look at belongs to another user, and PostgreSQL runs only as the directory's owner.
func serves(pid int, data string) bool {
	cwd, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return false
	}
	dir, err := os.Stat(data)
	return err == nil && os.SameFile(cwd, dir)
}
