// Package program builds the program under test and runs it as an operator would: in processes of its own, which are
// told what to do and watched from outside.
package program

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var binary string

// Build builds the program, which TestMain does before any test runs. It returns what is to be done in the end.
func Build() (remove func()) {
	// Not $TMPDIR: an ordinary user runs the program in one of the tests, and must get there.
	dir, err := os.MkdirTemp("/tmp", "dreamapi-e2e-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		binary = filepath.Join(dir, "dreamapi")
		build := exec.Command("go", "build", "-o", binary, "github.com/dream-api/dream-api/cmd/dreamapi")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		err = build.Run()
	}
	remove = func() { _ = os.RemoveAll(dir) }
	if err != nil {
		remove()
		fmt.Fprintln(os.Stderr, "the program does not build:", err)
		os.Exit(1)
	}
	return remove
}

// Command is the program with arguments and an environment of these variables, which inherits nothing from ours.
func Command(variables map[string]string, args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env = Environ(variables)
	return cmd
}

// Environ is what any program needs and the variables.
func Environ(variables map[string]string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=/tmp"}
	for name, value := range variables {
		env = append(env, name+"="+value)
	}
	return env
}

// Folder is an empty folder that every user may use, unlike t.TempDir's.
func Folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "dreamapi-e2e-"+filepath.Base(t.Name())+"-")
	if err == nil {
		err = os.Chmod(dir, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
