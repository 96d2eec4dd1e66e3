package torture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// wire stands between the servers and PostgreSQL. It understands as much of the protocol as it takes to know a commit,
// and can cut a connection there: where a proxy of bytes alone would cut is left to chance.
type wire struct {
	addr string

	mu   sync.Mutex
	to   string // the URL of the PostgreSQL behind
	cut  func() cut
	open map[net.Conn]bool
}

// cut is what becomes of a connection that commits.
type cut int

const (
	leave  cut = iota
	before     // PostgreSQL does not get the commit
	after      // PostgreSQL has committed, and nobody hears of it
	amid       // it gets the commit, and the connection ends: who knows
)

// newWire makes a wire to the PostgreSQL of a URL.
func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{addr: l.Addr().String(), to: to, open: map[net.Conn]bool{}}
	w.set(to, nil)
	var under sync.WaitGroup
	under.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			under.Go(func() { w.lead(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.cutAll()
		under.Wait()
	})
	return w
}

// url is the one that leads through the wire, for the role and the database.
func (w *wire) url(role, database string) string {
	return "postgres://" + role + "@" + w.addr + "/" + database + "?sslmode=disable"
}

// set has the wire lead to the PostgreSQL of a URL, and says what becomes of commits, which wait for it; nil leaves them.
func (w *wire) set(to string, decide func() cut) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to, w.cut = to, decide
}

// decide is what becomes of a commit.
func (w *wire) decide() cut {
	w.mu.Lock()
	decide := w.cut
	w.mu.Unlock()
	if decide == nil {
		return leave
	}
	return decide()
}

// cutAll cuts every connection.
func (w *wire) cutAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for conn := range w.open {
		_ = conn.Close()
	}
}

// lead carries a connection until one of its ends is gone.
func (w *wire) lead(client net.Conn) {
	w.mu.Lock()
	to := w.to
	w.open[client] = true
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.open, client)
		w.mu.Unlock()
		_ = client.Close()
	}()
	cfg, err := pgconn.ParseConfig(to)
	if err != nil {
		return
	}
	network, address := pgconn.NetworkAddress(cfg.Host, cfg.Port)
	server, err := net.Dial(network, address)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()

	talk := &talk{client: client, server: server, decide: w.decide, commits: map[string]bool{}, answered: make(chan struct{}, 1)}
	var back sync.WaitGroup
	back.Go(func() {
		talk.answers()
		_ = client.Close()
	})
	_ = talk.requests()
	_ = server.Close()
	back.Wait()
}

// talk is a connection on its way.
type talk struct {
	client, server net.Conn
	decide         func() cut
	commits        map[string]bool // the names of prepared statements that commit
	mu             sync.Mutex
	silent         bool          // the client hears no more
	answered       chan struct{} // told when the server is ready for the next query after that
}

var errCut = errors.New("cut off")

// requests carries what the client says, message by message.
func (l *talk) requests() error {
	if err := l.start(); err != nil {
		return err
	}
	var held bytes.Buffer // since the last message after which the server answers
	var commits bool
	for {
		kind, text, err := message(l.client)
		if err != nil {
			return err
		}
		name, rest, _ := bytes.Cut(text[4:], []byte{0})
		switch kind {
		case 'P': // prepares a statement
			sql, _, _ := bytes.Cut(rest, []byte{0})
			l.commits[string(name)] = string(sql) == "commit"
		case 'B': // binds one, by the second name, so that it can be executed
			statement, _, _ := bytes.Cut(rest, []byte{0})
			commits = commits || l.commits[string(statement)]
		case 'Q':
			commits = commits || string(name) == "commit"
		}
		held.WriteByte(kind)
		held.Write(text)
		if kind != 'S' && kind != 'Q' && kind != 'H' && kind != 'X' && kind != 'p' {
			continue
		}
		what := leave
		if commits {
			what = l.decide()
		}
		if what == before {
			return errCut
		}
		if what == after {
			l.mu.Lock()
			l.silent = true
			l.mu.Unlock()
		}
		if _, err := l.server.Write(held.Bytes()); err != nil || what == amid {
			return errCut
		}
		if what == after {
			<-l.answered
			return errCut
		}
		held.Reset()
		commits = false
	}
}

// start carries the first message, which has no kind.
func (l *talk) start() error {
	var size [4]byte
	if _, err := io.ReadFull(l.client, size[:]); err != nil {
		return err
	}
	rest := make([]byte, binary.BigEndian.Uint32(size[:])-4)
	if _, err := io.ReadFull(l.client, rest); err != nil {
		return err
	}
	_, err := l.server.Write(append(size[:], rest...))
	return err
}

// answers carries what the server says.
func (l *talk) answers() {
	defer close(l.answered)
	for {
		kind, text, err := message(l.server)
		if err != nil {
			return
		}
		l.mu.Lock()
		silent := l.silent
		l.mu.Unlock()
		if !silent {
			if _, err := l.client.Write(append([]byte{kind}, text...)); err != nil {
				return
			}
		} else if kind == 'Z' {
			return
		}
	}
}

// message reads one, with its length.
func message(from io.Reader) (kind byte, text []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return 0, nil, err
	}
	text = make([]byte, binary.BigEndian.Uint32(head[1:]))
	copy(text, head[1:])
	_, err = io.ReadFull(from, text[4:])
	return head[0], text, err
}
