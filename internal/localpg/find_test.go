package localpg

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeBin is a folder with programs that say they are of a version.
func fakeBin(t *testing.T, dir, version string) string {
	t.Helper()
	ok(t, os.MkdirAll(dir, 0o755))
	script := fmt.Sprintf("#!/bin/sh\necho 'postgres (PostgreSQL) %s (Debian)'\n", version)
	for _, name := range []string{"initdb", "postgres"} {
		ok(t, os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755))
	}
	return dir
}

func TestFind(t *testing.T) {
	root := t.TempDir()
	bin9 := fakeBin(t, filepath.Join(root, "postgresql/9/bin"), "9.6.24")
	bin14 := fakeBin(t, filepath.Join(root, "postgresql/14/bin"), "14.11")
	bin16 := fakeBin(t, filepath.Join(root, "postgresql/16/bin"), "16beta1")
	ok(t, os.MkdirAll(filepath.Join(root, "postgresql/17/bin"), 0o755)) // the client alone
	onPath := fakeBin(t, filepath.Join(root, "bin"), "15.2")
	places := []string{filepath.Join(root, "postgresql/*/bin")}

	t.Setenv("PATH", root+":/usr/bin:/bin")
	got, err := findAll("", places)
	ok(t, err)
	equal(t, "the highest first", strings.Join(got, " "), strings.Join([]string{bin16, bin14, bin9}, " "))

	t.Setenv("PATH", onPath+":/usr/bin:/bin")
	got, err = findAll("", places)
	ok(t, err)
	equal(t, "PATH before packages", got[0], onPath)

	t.Setenv("PG_BIN", bin14)
	bin, err := Find()
	ok(t, err)
	equal(t, "PG_BIN before all", bin, bin14)

	bin, err = matching(got, "", "/data")
	ok(t, err)
	equal(t, "for no data", bin, onPath)
	bin, err = matching(got, "14", "/data")
	ok(t, err)
	equal(t, "for data of 14", bin, bin14)
	_, err = matching(got, "13", "/data")
	errorWith(t, err, "/data was made by PostgreSQL 13", "15 ("+onPath+")", "16 ("+bin16+")")
}

func TestMissingBinaries(t *testing.T) {
	nowhere := t.TempDir()
	t.Setenv("PATH", nowhere)
	_, err := findAll("", []string{filepath.Join(nowhere, "*/bin")})
	errorWith(t, err, "PostgreSQL is not installed here", "install", "PG_BIN")
	oneLine(t, err)

	t.Setenv("PG_BIN", nowhere)
	_, err = Find()
	errorWith(t, err, nowhere, "correct PG_BIN")
	oneLine(t, err)
	dir := newDir(t)
	_, err = Start(t.Context(), Config{Dir: dir})
	errorWith(t, err, nowhere, "correct PG_BIN")
	oneLine(t, err)
	_, err = Start(t.Context(), Config{Dir: dir, Bin: "/nowhere"})
	errorWith(t, err, "/nowhere has no initdb")
}
