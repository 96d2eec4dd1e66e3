package localpg

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// socketDir is the private folder of a server's unix socket. The path of a socket has room for about a hundred
// bytes, so it is not in the home but in /tmp, which unlike $TMPDIR is short and open to every user.
type socketDir string

const (
	socketPrefix = "/tmp/dreamapi-pg-"
	// port is in the socket's name, and stated wherever PGPORT could say otherwise.
	port = "5432"
)

// makeSocketDir makes a new one. The link to it comes first, so that a kill leaves none that nobody knows of.
func (h *home) makeSocketDir() (socketDir, error) {
	if err := h.removeSocketDir(); err != nil {
		return "", fmt.Errorf("localpg: remove the socket of an earlier server: %w", err)
	}
	dir := socketPrefix + strings.ToLower(rand.Text()[:12])
	err := os.Symlink(dir, h.socketLink())
	if err == nil {
		err = os.Mkdir(dir, 0o700) // fails if it exists: then it is somebody else's
	}
	if err == nil {
		err = h.own(dir)
	}
	if err != nil {
		return "", fmt.Errorf("localpg: make a folder for the socket: %w", err)
	}
	return socketDir(dir), nil
}

// removeSocketDir removes the one that the link names, of this server or of one that was killed.
func (h *home) removeSocketDir() error {
	dir, err := os.Readlink(h.socketLink())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// Whoever owns the home could have changed the link, but can't make us remove anything but sockets' folders.
	if !strings.HasPrefix(dir, socketPrefix) || strings.Contains(dir[len(socketPrefix):], "/") {
		return fmt.Errorf("%s leads to %s, which localpg did not make", h.socketLink(), dir)
	}
	return errors.Join(os.RemoveAll(dir), os.Remove(h.socketLink()))
}

func (h *home) socketLink() string { return filepath.Join(h.dir, "socket") }

func (d socketDir) url(user, database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.User(user),
		Path:     "/" + database,
		RawQuery: "host=" + string(d) + "&port=" + port,
	}
	return u.String()
}
