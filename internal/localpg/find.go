package localpg

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// patterns are the folders of binaries that packages leave off PATH. scripts/need looks in the same places.
var patterns = []string{
	"/usr/lib/postgresql/*/bin",                          // Debian
	"/usr/lib/postgresql*/bin",                           // SUSE
	"/usr/pgsql-*/bin",                                   // postgresql.org's packages for Red Hat
	"/usr/libexec/postgresql*",                           // Alpine
	"/opt/homebrew/opt/postgresql*/bin",                  // Homebrew
	"/usr/local/opt/postgresql*/bin",                     // Homebrew on Intel
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",     // Homebrew on Linux
	"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
}

// Find returns the folder of PostgreSQL's initdb and postgres: $PG_BIN, or else the one on PATH, or else the
// highest version among the places where packages put it. The error is one line that says what to install.
func Find() (string, error) {
	bins, err := findAll(os.Getenv("PG_BIN"), patterns)
	if err != nil {
		return "", err
	}
	return bins[0], nil
}

// findAll returns all the folders, best first; if the setting pgBin is there it alone counts.
func findAll(pgBin string, patterns []string) ([]string, error) {
	if pgBin != "" {
		if !isBin(pgBin) {
			return nil, fmt.Errorf("localpg: %s has no initdb and postgres: correct PG_BIN or unset it", pgBin)
		}
		abs, err := filepath.Abs(pgBin) // the programs start in another folder
		return []string{abs}, err
	}
	var bins []string
	if postgres, err := exec.LookPath("postgres"); err == nil && isBin(filepath.Dir(postgres)) {
		bins = append(bins, filepath.Dir(postgres))
	}
	var packaged []string
	for _, pattern := range patterns {
		matches, _ := filepath.Glob(pattern) // fails for a bad pattern only
		packaged = append(packaged, matches...)
	}
	slices.SortStableFunc(packaged, func(a, b string) int { return cmp.Compare(numberIn(b), numberIn(a)) })
	for _, bin := range packaged {
		if isBin(bin) {
			bins = append(bins, bin)
		}
	}
	if len(bins) == 0 {
		return nil, errors.New("localpg: PostgreSQL is not installed here: " + installHint() +
			", or set PG_BIN to the folder of initdb and postgres")
	}
	return bins, nil
}

func isBin(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

var digits = regexp.MustCompile(`[0-9]+`)

// numberIn is the version that a folder's name carries, its last number; 0 if none.
func numberIn(dir string) int {
	numbers := digits.FindAllString(dir, -1)
	if len(numbers) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(numbers[len(numbers)-1])
	return n
}

func installHint() string {
	if runtime.GOOS == "darwin" {
		return "brew install postgresql@17"
	}
	for _, m := range []struct{ manager, hint string }{
		{"apt-get", "apt-get install postgresql"},
		{"dnf", "dnf install postgresql-server"},
		{"apk", "apk add postgresql"},
		{"pacman", "pacman -S postgresql"},
		{"zypper", "zypper install postgresql-server"},
	} {
		if _, err := exec.LookPath(m.manager); err == nil {
			return m.hint
		}
	}
	return "install its server package"
}

// binFor chooses the binaries for a data directory: those of its major version, since no other can read it.
func binFor(bin, data string) (string, error) {
	pgBin := cmp.Or(bin, os.Getenv("PG_BIN"))
	bins, err := findAll(pgBin, patterns)
	if err != nil {
		return "", err
	}
	want, err := dataMajor(data)
	if err != nil {
		return "", err
	}
	return matching(bins, want, data)
}

// matching is the first of bins that can read the data, of major version want; "" means that there is none yet.
func matching(bins []string, want, data string) (string, error) {
	if want == "" {
		return bins[0], nil
	}
	var have []string
	for _, bin := range bins {
		major, err := binMajor(bin)
		if err != nil {
			return "", err
		}
		if major == want {
			return bin, nil
		}
		have = append(have, major+" ("+bin+")")
	}
	return "", fmt.Errorf("localpg: %s was made by PostgreSQL %s, but found here is %s: install PostgreSQL %s or set "+
		"PG_BIN to it, or upgrade the data with pg_upgrade, or move the folder away to start with an empty database",
		data, want, strings.Join(have, ", "), want)
}

// dataMajor is the major version that made a data directory, "" if there is none.
func dataMajor(data string) (string, error) {
	version, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if err == nil {
		return strings.TrimSpace(string(version)), nil
	}
	if _, statErr := os.Lstat(data); errors.Is(statErr, os.ErrNotExist) {
		return "", nil
	}
	return "", fmt.Errorf("localpg: %s is not a PostgreSQL data directory; it is left alone: %w", data, err)
}

var versionLine = regexp.MustCompile(`\(PostgreSQL\) ([0-9]+)`)

func binMajor(bin string) (string, error) {
	out, err := exec.Command(filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return "", fmt.Errorf("localpg: %s/postgres --version: %w", bin, err)
	}
	m := versionLine.FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("localpg: %s/postgres --version printed %q", bin, out)
	}
	return string(m[1]), nil
}
