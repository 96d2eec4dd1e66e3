package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

const unfinished = "data.tmp-"

// initialize makes the data directory if there is none. It gets its name when it is complete, so that no
// kill leaves half of one.
func (h *home) initialize(ctx context.Context, bin string, durable bool, log io.Writer) error {
	leftovers, _ := filepath.Glob(filepath.Join(h.dir, unfinished+"*")) // fails for a bad pattern only
	for _, dir := range leftovers {
		// Fails while an initdb whose parent was killed is still ending. The next Start tries again.
		_ = os.RemoveAll(dir)
	}
	if _, err := os.Lstat(h.data()); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	tmp, err := os.MkdirTemp(h.dir, unfinished)
	if err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	err = h.own(tmp)
	if err == nil {
		err = h.initdb(ctx, bin, tmp, durable, log)
	}
	if err == nil {
		err = os.Rename(tmp, h.data())
	}
	if err == nil && durable {
		err = syncDir(h.dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("localpg: make the data directory: %w", err), os.RemoveAll(tmp))
	}
	return nil
}

func (h *home) initdb(ctx context.Context, bin, dir string, durable bool, log io.Writer) error {
	// Bytewise order is the same on every machine, and fast. The first also knows letters beyond ASCII,
	// but not every system has it.
	locale := "C"
	if runtime.GOOS == "linux" {
		locale = "C.UTF-8"
	}
	args := []string{"-D", dir, "--username=postgres", "--encoding=UTF8", "--locale=" + locale,
		"--data-checksums", "--auth-local=trust", "--auth-host=reject"}
	if !durable {
		args = append(args, "--no-sync")
	}
	cmd := h.command(filepath.Join(bin, "initdb"), args...)
	cmd.Stderr = log
	proc, err := launch(cmd)
	if err != nil {
		return err
	}
	select {
	case <-proc.exited:
		if err := proc.ended(); err != nil {
			return fmt.Errorf("initdb: %w", err)
		}
		return nil
	case <-ctx.Done():
		proc.killGroup()
		return ctx.Err()
	}
}

// syncDir makes a rename in dir outlast a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}
