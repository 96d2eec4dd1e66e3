package localpg

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// fallback is where a root's servers keep the data of folders that the server's user cannot enter.
const fallback = "/var/lib/dreamapi"

// home is the folder of one server, and whose it is.
type home struct {
	dir     string // absolute
	account account
}

func (h *home) data() string { return filepath.Join(h.dir, "data") }

// account is the user that the server runs as.
type account struct {
	name     string // if it was looked up by name
	uid, gid uint32
	other    bool // not the one we run as, which is root: PostgreSQL refuses that
}

// openHome chooses the folder and the user, and makes the folder. Where data exists, its place and its owner
// are the answer: a change of permissions must not bring up an empty database beside the old one.
func openHome(dir string, log io.Writer) (*home, error) {
	if dir == "" {
		return nil, errors.New("localpg: Config.Dir is empty")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("localpg: %w", err)
	}
	if os.Geteuid() != 0 {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("localpg: %w", err)
		}
		return &home{dir: dir}, nil
	}
	away := filepath.Join(fallback, fmt.Sprintf("%x", sha256.Sum256([]byte(dir)))[:16])
	for _, d := range []string{dir, away} {
		if acct, ok := dataOwner(filepath.Join(d, "data")); ok {
			return &home{dir: d, account: acct}, nil
		}
	}
	acct, err := unprivileged()
	if err != nil {
		return nil, err
	}
	if !acct.canEnter(nearest(dir)) {
		_, _ = fmt.Fprintf(log, "localpg: user %s cannot enter %s: the data is in %s\n", acct.name, dir, away)
		dir = away
	}
	h := &home{dir: dir, account: acct}
	return h, h.make()
}

// dataOwner is the owner of a data directory, unless that is root.
func dataOwner(data string) (account, bool) {
	info, err := os.Lstat(data)
	if err != nil || !info.IsDir() {
		return account{}, false
	}
	st := info.Sys().(*syscall.Stat_t)
	return account{uid: st.Uid, gid: st.Gid, other: true}, st.Uid != 0
}

// unprivileged is the user to run as when we are root.
func unprivileged() (account, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return account{name: name, uid: uint32(uid), gid: uint32(gid), other: true}, nil
		}
	}
	return account{}, errors.New("localpg: PostgreSQL refuses to run as root, and there is no user postgres or nobody")
}

// canEnter asks the system itself, which knows of access lists and the like.
func (a account) canEnter(dir string) bool {
	cmd := exec.Command("/bin/sh", "-c", `cd -- "$0"`, dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: a.uid, Gid: a.gid}}
	return cmd.Run() == nil
}

// nearest is dir, or the first folder above it that exists.
func nearest(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// make makes the folder for the server's user. A folder that exists is left as it is.
func (h *home) make() error {
	if err := mkdirAll(filepath.Dir(h.dir)); err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	err := os.Mkdir(h.dir, 0o700)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err == nil {
		err = h.own(h.dir)
	}
	if err != nil {
		return fmt.Errorf("localpg: %w", err)
	}
	return nil
}

// own gives what we have just made to the server's user.
func (h *home) own(path string) error {
	if !h.account.other {
		return nil
	}
	return os.Lchown(path, int(h.account.uid), int(h.account.gid))
}

// mkdirAll is os.MkdirAll past the umask: that of a careful root would lock the server's user out.
func mkdirAll(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := mkdirAll(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		if errors.Is(err, os.ErrExist) {
			return nil // by another process, just now
		}
		return err
	}
	return os.Chmod(dir, 0o755)
}
