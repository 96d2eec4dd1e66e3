package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// process is a program that runs beside this one until it is ended.
type process struct {
	name   string
	cmd    *exec.Cmd
	in     io.WriteCloser
	stdout io.ReadCloser
	out    *bufio.Reader // of stdout
	log    *os.File      // what it says on standard error
	exited chan struct{}
}

// start starts a program with an environment of these variables alone. Its log goes to a file, as a server's does in
// production.
func start(dir, name string, variables map[string]string, program string, args ...string) (_ *process, err error) {
	p := &process{name: name, cmd: exec.Command(program, args...), exited: make(chan struct{})}
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	for name, value := range variables {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	// In a process group of its own it does not see a terminal's Ctrl-C, which is for us to act on.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(p.cmd.SysProcAttr)
	// Appending, so that the file can be emptied while it is written.
	if p.log, err = os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	p.cmd.Stderr = p.log
	if p.stdout, err = p.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(p.stdout)
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_, _ = p.cmd.Process.Wait() // that it has ended is all that matters
		close(p.exited)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// end kills the process: nothing that any of them keeps is needed any more.
func (p *process) end() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.exited
	for _, f := range []io.Closer{p.in, p.stdout, p.log} {
		_ = f.Close()
	}
}

// line is the next line of what the process prints.
func (p *process) line() (string, error) {
	text, err := p.out.ReadString('\n')
	if errors.Is(err, io.EOF) {
		<-p.exited
		return "", p.explain(errors.New("it ended"))
	}
	return strings.TrimSuffix(text, "\n"), err
}

// awaitServing returns where a server listens, as its log says.
func (p *process) awaitServing() (addr string, err error) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for line := range strings.Lines(p.said()) {
			var entry struct{ Msg, Addr string }
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "serving" {
				return entry.Addr, nil
			}
		}
		select {
		case <-p.exited:
			return "", p.explain(errors.New("it ended while it started"))
		default:
		}
	}
	return "", p.explain(errors.New("it does not say within a minute that it serves"))
}

// forget empties the log, which would fill the disk.
func (p *process) forget() error { return p.log.Truncate(0) }

// said is the log.
func (p *process) said() string {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// explain adds the end of the log to an error.
func (p *process) explain(err error) error {
	text := p.said()
	return fmt.Errorf("%s: %w; the end of its log:\n%s", p.name, err, text[max(0, len(text)-2000):])
}
