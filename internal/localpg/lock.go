package localpg

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ErrInUse is wrapped by the error of Start when a server already runs on the folder; the error names the
// process that holds it.
var ErrInUse = errors.New("in use")

func (h *home) inUse(pid int, why string) error {
	return fmt.Errorf("localpg: %s is %w by process %d, %s", h.dir, ErrInUse, pid, why)
}

// lockFile is held by the process that runs the server, and by the kernel's doing only as long as that lives.
// The file stays: removing one that another process may be about to lock would let two in.
type lockFile struct{ f *os.File }

func (h *home) acquire() (*lockFile, error) {
	path := filepath.Join(h.dir, "lock")
	// The folder may belong to another user, whose links root must not follow.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("localpg: %w: another user, perhaps root, ran the server here before: "+
			"be that user again, or move the folder away", err)
	}
	if err != nil {
		return nil, fmt.Errorf("localpg: %w", err)
	}
	if err := h.lock(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	return &lockFile{f}, nil
}

func (h *home) lock(f *os.File) error {
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		holder := make([]byte, 32)
		n, _ := f.ReadAt(holder, 0)
		pid, _ := strconv.Atoi(strings.TrimSpace(string(holder[:n])))
		return h.inUse(pid, "which runs its server: stop that first")
	case err != nil:
		return fmt.Errorf("localpg: lock %s: %w", f.Name(), err)
	}
	if h.account.other {
		if err := f.Chown(int(h.account.uid), int(h.account.gid)); err != nil {
			return fmt.Errorf("localpg: %w", err)
		}
	}
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	return nil
}

// release ends the lock and closes the file. To close it alone would not do: a process that is being forked at the moment
// has a copy of the file until it becomes another program, and would hold the lock so long.
func (l *lockFile) release() error {
	return errors.Join(syscall.Flock(int(l.f.Fd()), syscall.LOCK_UN), l.f.Close())
}
