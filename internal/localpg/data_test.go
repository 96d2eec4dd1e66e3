package localpg

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// After a power cut the pid file may be there, naming a process of today, or empty.
func TestStalePIDFile(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: newDir(t)}
	s := start(t, cfg)
	path := filepath.Join(s.DataDir(), "postmaster.pid")
	content, err := os.ReadFile(path)
	ok(t, err)
	_, rest, _ := strings.Cut(string(content), "\n")
	ok(t, s.Stop())

	bystander, err := launch(s.home.command("/bin/sleep", "600")) // the server's own user, or the pid would not matter
	ok(t, err)
	defer bystander.killGroup()
	for what, stale := range map[string]string{
		"a bystander's": strconv.Itoa(bystander.pid()) + "\n" + rest,
		"empty":         "",
		"cut off":       "\x00\x00\x00",
	} {
		ok(t, os.WriteFile(path, []byte(stale), 0o600))
		ok(t, s.home.own(path))
		again, err := Start(t.Context(), cfg)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		ok(t, again.Stop())
	}
	select {
	case <-bystander.exited:
		t.Error("the bystander was hurt")
	default:
	}
}

func TestOtherMajorVersion(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	data := filepath.Join(dir, "data")
	ok(t, os.MkdirAll(data, 0o755))
	ok(t, os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("9\n"), 0o600))
	ok(t, os.WriteFile(filepath.Join(data, "precious"), []byte("rows"), 0o600))
	before := listing(t, data)
	bin, err := Find()
	ok(t, err)
	installed, err := binMajor(bin)
	ok(t, err)

	_, err = Start(t.Context(), Config{Dir: dir})
	errorWith(t, err, data, "made by PostgreSQL 9", installed+" ("+bin+")", "pg_upgrade")
	oneLine(t, err)
	equal(t, "the data", listing(t, data), before)
}

func TestNotADataDirectory(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	data := filepath.Join(dir, "data")
	ok(t, os.MkdirAll(data, 0o755))
	ok(t, os.WriteFile(filepath.Join(data, "diary"), []byte("dear"), 0o600))
	before := listing(t, data)
	_, err := Start(t.Context(), Config{Dir: dir})
	errorWith(t, err, "not a PostgreSQL data directory")
	equal(t, "the folder", listing(t, data), before)
}

// listing tells every file's name, mode, size and time.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	ok(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(&b, path, info.Mode(), info.Size(), info.ModTime())
		return err
	}))
	return b.String()
}

func TestSocketLinkElsewhere(t *testing.T) {
	t.Parallel()
	precious := t.TempDir()
	for _, elsewhere := range []string{precious, "/tmp", socketPrefix + "../" + filepath.Base(precious)} {
		h := home{dir: t.TempDir()}
		ok(t, os.Symlink(elsewhere, h.socketLink()))
		_, err := h.makeSocketDir()
		errorWith(t, err, "which localpg did not make")
	}
	_, err := os.Stat(precious)
	ok(t, err)
}
