package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// pidFile is postmaster.pid, in which a server says what it is: the pid first, its state in the eighth line.
type pidFile struct {
	path  string
	pid   int
	lines []string
}

// errBadPIDFile is for a file that no server wrote to the end.
var errBadPIDFile = errors.New("no pid in it")

func readPIDFile(data string) (pidFile, error) {
	path := filepath.Join(data, "postmaster.pid")
	content, err := os.ReadFile(path)
	if err != nil {
		return pidFile{}, err
	}
	lines := strings.Split(string(content), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil {
		return pidFile{path: path}, errBadPIDFile
	}
	// A single-user server negates it.
	return pidFile{path: path, pid: max(pid, -pid), lines: lines}, nil
}

func (f pidFile) ready() bool {
	return len(f.lines) >= 8 && strings.TrimSpace(f.lines[7]) == "ready"
}

// A server whose parent was killed takes this long at most to end, if it isn't at work on much.
const formerPatience = 5 * time.Second

// settle deals with the pid file of an earlier server: it waits for a server that is ending, refuses if that
// goes on, and makes the file of a dead one harmless.
func (h *home) settle(ctx context.Context) error {
	deadline := time.Now().Add(formerPatience)
	for {
		f, err := readPIDFile(h.data())
		switch {
		case errors.Is(err, os.ErrNotExist):
			return nil
		case errors.Is(err, errBadPIDFile):
			// Left by a power cut. PostgreSQL would refuse to start; there is nothing in it to lose.
			if err := os.Remove(f.path); err != nil {
				return fmt.Errorf("localpg: %w", err)
			}
			return nil
		case err != nil:
			return fmt.Errorf("localpg: %w", err)
		case !serves(f.pid, h.data()):
			return f.disown()
		case time.Now().After(deadline):
			return h.inUse(f.pid, "a PostgreSQL server that another program started: stop that first")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("localpg: wait for the server of process %d to end: %w", f.pid, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// disown replaces the pid of a dead server with ours. After a restart of the machine the old number may be
// another process's, which PostgreSQL would take for a server; that of its own parent it does not. The rest of
// the file must stay: by it PostgreSQL notices if backends of the dead server are still at work.
func (f pidFile) disown() error {
	f.lines[0] = strconv.Itoa(os.Getpid())
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_TRUNC|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil // the server ended just now, and took it along
	}
	if err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	_, err = file.WriteString(strings.Join(f.lines, "\n"))
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	return nil
}
