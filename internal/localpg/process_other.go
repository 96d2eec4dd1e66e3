//go:build !linux || localpg_watcher

// Systems without Linux's parent-death signal. The tag localpg_watcher is for testing this file on Linux:
// go test -tags localpg_watcher ./internal/localpg/

package localpg

import (
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// launch starts cmd and beside it a shell that reads from a pipe of ours. The system closes the pipe when this
// process is gone, kill -9 included, and the shell then interrupts the child.
func launch(cmd *exec.Cmd) (*process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if err := cmd.Start(); err != nil {
		w.Close()
		return nil, err
	}
	watcher := exec.Command("/bin/sh", "-c", `read -r ended || kill -INT "$0"`, strconv.Itoa(cmd.Process.Pid))
	watcher.Stdin, watcher.Dir, watcher.Env, watcher.SysProcAttr = r, cmd.Dir, cmd.Env, cmd.SysProcAttr
	if err := watcher.Start(); err != nil {
		w.Close()
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait()
		return nil, err
	}
	p := &process{cmd: cmd, exited: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		// A word instead of the end of the pipe: the pid may be another process's by now.
		_, _ = io.WriteString(w, "ended\n")
		w.Close()
		_ = watcher.Wait()
		close(p.exited)
	}()
	return p, nil
}

// serves tells whether process pid is a server on the data directory, which is in the arguments of one that
// localpg or pg_ctl started.
func serves(pid int, data string) bool {
	args, err := exec.Command("ps", "-ww", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(args), data)
}
