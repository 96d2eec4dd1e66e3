// Package localpg runs a PostgreSQL server on this machine for `dreamapi dev` and for tests: it finds the
// installed binaries, makes the data directory, starts the server as a child that dies with this process, and
// stops it.
//
// It owns the folder Config.Dir and what is in it:
//
//	data/        PostgreSQL's data directory; nothing here ever deletes it
//	data.tmp-*   one that initdb has not finished; removed by the next Start
//	lock         flock'd by the process that runs the server, whose pid it names
//	socket       link to the folder of the server's unix socket, a private one in /tmp
//
// It does not install PostgreSQL (scripts/need does), connect to it, or know of roles, databases and migrations
// (package db does), and it is not for production: whoever can enter the socket's folder is superuser.
package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Config says what server to start. Only Dir is required.
type Config struct {
	// Dir is where the data lives, such as ".dreamapi/postgres"; it is created. A root whose server's user cannot
	// enter it (a repository in /root, testing.T.TempDir) gets a folder of /var/lib/dreamapi instead: see DataDir.
	Dir string
	// Durable false gives up safety from power cuts for speed: for tests only.
	Durable bool
	// Settings are configuration parameters of the server, such as max_connections.
	Settings map[string]string
	// Log receives what the server logs, from another goroutine until Stop returns; nil discards it.
	Log io.Writer
	// Bin is the folder of initdb and postgres; "" looks for it as Find does, preferring the version of the data.
	Bin string
}

// Server is a running server. Its methods may be called by several goroutines.
type Server struct {
	home   *home
	lock   *lockFile
	socket socketDir
	proc   *process

	stop func() error
}

// Start returns when the server accepts connections. Cancelling ctx later has no effect on it.
// The error wraps ErrInUse when another process runs the server of this Dir.
func Start(ctx context.Context, cfg Config) (_ *Server, err error) {
	log := newTail(cfg.Log)
	h, err := openHome(cfg.Dir, log.to)
	if err != nil {
		return nil, err
	}
	lock, err := h.acquire()
	if err != nil {
		return nil, err
	}
	s := &Server{home: h, lock: lock}
	s.stop = sync.OnceValue(s.shutdown)
	defer func() {
		if err != nil {
			_ = s.stop() // says no more than err and the log do
			err = log.explain(err)
		}
	}()

	bin, err := binFor(cfg.Bin, h.data())
	if err != nil {
		return nil, err
	}
	if err := h.settle(ctx); err != nil {
		return nil, err
	}
	if err := h.initialize(ctx, bin, cfg.Durable, log); err != nil {
		return nil, err
	}
	if s.socket, err = h.makeSocketDir(); err != nil {
		return nil, err
	}
	cmd := h.command(filepath.Join(bin, "postgres"), serverArgs(cfg, h.data(), s.socket)...)
	cmd.Stdout, cmd.Stderr = log, log
	if s.proc, err = launch(cmd); err != nil {
		return nil, fmt.Errorf("localpg: start the server: %w", err)
	}
	if err := h.awaitReady(ctx, s.proc); err != nil {
		return nil, err
	}
	return s, nil
}

// serverArgs puts ours last, where they win: Settings cannot open a port.
func serverArgs(cfg Config, data string, socket socketDir) []string {
	args := []string{"-D", data}
	for _, name := range slices.Sorted(maps.Keys(cfg.Settings)) {
		args = append(args, "-c", name+"="+cfg.Settings[name])
	}
	if !cfg.Durable {
		args = append(args, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	}
	return append(args, "-k", string(socket), "-p", port,
		"-c", "listen_addresses=", "-c", "log_destination=stderr", "-c", "logging_collector=off")
}

// awaitReady watches the state that the server keeps in its pid file, as pg_ctl does.
func (h *home) awaitReady(ctx context.Context, proc *process) error {
	for {
		f, err := readPIDFile(h.data())
		if err == nil && f.pid == proc.pid() && f.ready() {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("localpg: start the server: %w", ctx.Err())
		case <-proc.exited:
			return errors.Join(errors.New("localpg: the server ended while it started"), proc.ended())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// URL is a connection string for user and database, over the unix socket; the superuser is "postgres", and no
// user needs a password.
func (s *Server) URL(user, database string) string { return s.socket.url(user, database) }

// DataDir is PostgreSQL's data directory.
func (s *Server) DataDir() string { return s.home.data() }

// Exited is closed when the server has ended, whoever ended it. Stop is still due then.
func (s *Server) Exited() <-chan struct{} { return s.proc.exited }

// Stop ends the server, breaking off its connections, and waits until it has written everything. It returns an
// error if the server did not end in good order, now or earlier. Further calls return the same.
func (s *Server) Stop() error { return s.stop() }

// shutdown undoes as much of Start as was done.
func (s *Server) shutdown() error {
	var ended error
	if s.proc != nil {
		// The fast shutdown of pg_ctl. The immediate one, for a server that is stuck, loses nothing either:
		// the next start recovers.
		s.proc.end(syscall.SIGINT, time.Minute, syscall.SIGQUIT)
		if err := s.proc.ended(); err != nil {
			ended = fmt.Errorf("localpg: the server did not end in good order: %w", err)
		}
	}
	var removed error
	if s.socket != "" {
		removed = s.home.removeSocketDir()
	}
	return errors.Join(ended, removed, s.lock.release())
}
