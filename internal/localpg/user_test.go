package localpg

import (
	"bytes"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// As root, runs all the other tests again as an ordinary user. (As one, they have run.)
func TestAsOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		return
	}
	// The tests' own binary is where only root can read it.
	binary := filepath.Join(filepath.Dir(filepath.Dir(newDir(t))), "localpg.test")
	content, err := os.ReadFile(os.Args[0])
	ok(t, err)
	ok(t, os.WriteFile(binary, content, 0o755))

	cmd := exec.Command(binary, "-test.v", "-test.skip=^TestAsOrdinaryUser$", "-test.timeout=5m")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credentialOf(t, "nobody")}
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestKilledParentLeavesNoServer")) {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}

func credentialOf(t *testing.T, name string) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup(name)
	ok(t, err)
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	ok(t, err)
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	ok(t, err)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// A folder that only root can enter holds no data of another user's server. For an ordinary user there is none.
func TestUnreachableDir(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	ok(t, os.MkdirAll(filepath.Dir(dir), 0o755))
	ok(t, os.Chmod(filepath.Dir(dir), 0o700))
	var log bytes.Buffer
	s := start(t, Config{Dir: dir, Log: &log})
	if os.Geteuid() != 0 {
		equal(t, "data", s.DataDir(), filepath.Join(dir, "data"))
		return
	}
	t.Cleanup(func() { ok(t, os.RemoveAll(filepath.Dir(s.DataDir()))) })
	execute(t, s.URL("postgres", "postgres"), "create table kept as select 'yes' as v")
	ok(t, s.Stop())
	if !strings.HasPrefix(s.DataDir(), fallback+"/") || !strings.Contains(log.String(), filepath.Dir(s.DataDir())) {
		t.Errorf("the data is in %s; the log says:\n%s", s.DataDir(), log.String())
	}

	ok(t, os.Chmod(filepath.Dir(dir), 0o755)) // must not bring up a new, empty database
	s = start(t, Config{Dir: dir})
	equal(t, "kept", query(t, s.URL("postgres", "postgres"), "select v from kept"), "yes")
}

// Data that an ordinary user made stays that user's when root runs the server.
func TestRootAdoptsTheOwnerOfData(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	s := start(t, Config{Dir: dir})
	ok(t, s.Stop())
	if os.Geteuid() != 0 {
		return
	}
	nobody := credentialOf(t, "nobody")
	chownAll := exec.Command("chown", "-R", strconv.Itoa(int(nobody.Uid))+":"+strconv.Itoa(int(nobody.Gid)), dir)
	ok(t, chownAll.Run())
	s = start(t, Config{Dir: dir})
	ok(t, s.Stop())
	for _, name := range []string{"data/postgresql.conf", "data/pg_wal", "lock"} {
		info, err := os.Stat(filepath.Join(dir, name))
		ok(t, err)
		equal(t, "owner of "+name, info.Sys().(*syscall.Stat_t).Uid, nobody.Uid)
	}
}
