package main

import (
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/dream-api/dream-api/internal/localpg"
	"github.com/dream-api/dream-api/internal/secret"
)

//go:embed schema.sql
var schema string

// stage is where everything runs: a folder, a PostgreSQL, the stand-ins for third parties, and servers.
type stage struct {
	dir, program, self string
	pg                 *localpg.Server
	postmaster         int
	variables          map[string]string // of the program
	processes          []*process
}

// server is one that is measured.
type server struct {
	*process
	addr string
}

func newStage(ctx context.Context, program string) (_ *stage, err error) {
	st := &stage{}
	defer func() {
		if err != nil {
			err = errors.Join(err, st.close())
		}
	}()
	if st.program, err = filepath.Abs(program); err != nil {
		return nil, err
	}
	if st.self, err = os.Executable(); err != nil {
		return nil, err
	}
	// Not /tmp, which may be memory, where to make data safe costs nothing. Root's PostgreSQL runs as another user, who must
	// get in.
	if st.dir, err = os.MkdirTemp("/var/tmp", "dreamapi-bench-"); err != nil {
		return nil, err
	}
	if err = os.Chmod(st.dir, 0o755); err != nil {
		return nil, err
	}
	progress("starting PostgreSQL in %s", st.dir)
	if st.pg, err = startPostgres(ctx, st.dir); err != nil {
		return nil, err
	}
	if st.postmaster, err = postmaster(st.pg); err != nil {
		return nil, err
	}
	return st, st.startSandbox()
}

// startSandbox runs the stand-ins, and learns what the program must be given.
func (st *stage) startSandbox() error {
	sandbox, err := st.start("sandbox", nil, st.program, "sandbox")
	if err != nil {
		return err
	}
	st.variables = map[string]string{
		"PORT": "0", "OPS_ADDR": "127.0.0.1:0", "TEST_PLATFORM_CALLS": "0",
		"DEVELOPER_URL": "http://dashboard.localhost", "OAUTH_URL": "http://connect.localhost", "CUSTOMER_URL": "http://api.localhost",
		"SESSION_SIGNING_KEY": base64.StdEncoding.EncodeToString([]byte("session signing key of the bench")),
		"ENCRYPTION_KEY":      base64.StdEncoding.EncodeToString([]byte("encryption key of the benchmark.")),
	}
	for {
		line, err := sandbox.line()
		if err != nil {
			return err
		}
		if strings.HasPrefix(line, "#") { // which says that it is ready
			return nil
		}
		if name, value, ok := strings.Cut(line, "="); ok {
			st.variables[name] = value
		}
	}
}

func (st *stage) start(name string, variables map[string]string, program string, args ...string) (*process, error) {
	p, err := start(st.dir, name, variables, program, args...)
	if err == nil {
		st.processes = append(st.processes, p)
	}
	return p, err
}

// startProgram runs the program on a database, as in production but for the stand-ins.
func (st *stage) startProgram(name string, url secret.Text) (server, error) {
	variables := maps.Clone(st.variables)
	variables["DATABASE_URL"] = url.Reveal()
	p, err := st.start(name, variables, st.program, "serve", "--unsafe-sandbox")
	if err != nil {
		return server{}, err
	}
	addr, err := p.awaitServing()
	if err != nil {
		return server{}, err
	}
	_, port, err := net.SplitHostPort(addr) // it listens on all addresses
	return server{p, "127.0.0.1:" + port}, err
}

// startOther runs a server that the program is compared with.
func (st *stage) startOther(kind string, t told) (server, error) {
	p, err := st.start(kind, map[string]string{"GOGC": "400"}, st.self, "serve", kind) // as the program has it
	if err != nil {
		return server{}, err
	}
	if err := json.NewEncoder(p.in).Encode(t); err != nil {
		return server{}, p.explain(err)
	}
	addr, err := p.awaitServing()
	return server{p, addr}, err
}

// makeOthersTables makes the tables of those servers, with a row for each user.
func makeOthersTables(ctx context.Context, url secret.Text, c crowd) error {
	conn, err := pgx.Connect(ctx, url.Reveal())
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, schema)
	_ = conn.Close(ctx)
	if err != nil {
		return fmt.Errorf("make the tables of the other servers: %w", err)
	}
	var hashes [][]byte
	var platforms []string
	for hash, platform := range keysOf(c.Platforms) {
		hashes, platforms = append(hashes, []byte(hash)), append(platforms, platform)
	}
	err = execute(ctx, url, func(b *pgx.Batch) {
		b.Queue("INSERT INTO bench.keys SELECT unnest($1::bytea[]), unnest($2::text[])", hashes, platforms)
		b.Queue("INSERT INTO bench.tiers SELECT unnest($1::text[]), $2, $3, $4", c.ids(), plan, rateLimit, most)
		const users = " FROM unnest($1::text[]) platform, generate_series(0, $2) n"
		b.Queue("INSERT INTO bench.windows SELECT platform, 'u' || n, '-infinity', 0"+users, c.ids(), c.Users-1)
		b.Queue("INSERT INTO bench.counters SELECT platform, 'u' || n, 'requests', date_trunc('month', now(), 'UTC'), 0"+users,
			c.ids(), c.Users-1)
		b.Queue("INSERT INTO bench.users SELECT platform, 'u' || n, 'requests', '-infinity', 0, '-infinity', 0"+users, c.ids(), c.Users-1)
	})
	if err != nil {
		return err
	}
	return rewrite(ctx, url, "bench.windows, bench.counters, bench.users")
}

// close ends all that runs, newest first, and removes the folder.
func (st *stage) close() error {
	for i := len(st.processes) - 1; i >= 0; i-- {
		st.processes[i].end()
	}
	var err error
	if st.pg != nil {
		err = errors.Join(st.pg.Stop(), os.RemoveAll(filepath.Dir(st.pg.DataDir())))
	}
	return errors.Join(err, os.RemoveAll(st.dir))
}

// progress tells whoever waits what is being done.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
