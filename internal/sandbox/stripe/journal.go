package stripe

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// The state is kept in two files. stripe.json is a snapshot; stripe.journal has
// what changed since, one line an operation, written before the operation is
// answered. So an operation costs what it changed, whatever there is besides.
// It survives the process being killed; a last line that a power failure has
// cut short is left out. Both have the same form, lines of journalEntry.
type journal struct {
	dir      string
	file     *os.File
	size     int64 // bytes in the journal since the snapshot
	snapshot int64 // bytes of the snapshot
}

// compactAt is the size of the journal at which a new snapshot is made, unless
// the last one was larger: writing it should stay rare beside what it saves.
const compactAt = 8 << 20

func (j *journal) long() bool { return j.size > max(compactAt, j.snapshot) }

type journalEntry struct {
	Put    []journalObject `json:"put,omitempty"`
	Delete []journalObject `json:"delete,omitempty"`
}

type journalObject struct {
	Kind string          `json:"kind"`
	Data json.RawMessage `json:"data"`
}

// makers make an empty object of each kind.
var makers = map[string]func() object{}

func register[T any, P interface {
	*T
	object
}]() {
	makers[P(nil).kind()] = func() object { return P(new(T)) }
}

func init() {
	register[account]()
	register[product]()
	register[price]()
	register[customer]()
	register[paymentMethod]()
	register[coupon]()
	register[promotionCode]()
	register[testClock]()
	register[subscription]()
	register[subscriptionSchedule]()
	register[invoice]()
	register[invoiceItem]()
	register[paymentIntent]()
	register[charge]()
	register[refund]()
	register[checkoutSession]()
	register[portalConfiguration]()
	register[portalSession]()
	register[webhookEndpoint]()
	register[event]()
	register[sandboxClock]()
	register[idempotentAnswer]()
	register[authorizationCode]()
}

// everything is every object that is kept.
func (s *store) everything() []object {
	var list []object
	for _, scopes := range s.kinds {
		for _, tb := range scopes {
			list = append(list, tb.list...)
		}
	}
	return list
}

func openJournal(dir string, into *store) (*journal, error) {
	j := &journal{dir: dir}
	if dir == "" {
		return j, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for _, name := range []string{"stripe.json", "stripe.journal"} {
		if err := replay(filepath.Join(dir, name), into); err != nil {
			return nil, fmt.Errorf("%s is damaged: %w", filepath.Join(dir, name), err)
		}
	}
	return j, nil
}

func replay(file string, into *store) error {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for r := bufio.NewReaderSize(f, 1<<20); ; {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil // what follows the last newline was never answered
		}
		if err != nil {
			return err
		}
		var e journalEntry
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		if err := into.apply(e); err != nil {
			return err
		}
	}
}

func (s *store) apply(e journalEntry) error {
	// A reset deletes what it makes again under the same id.
	for i, raw := range append(e.Delete, e.Put...) {
		maker := makers[raw.Kind]
		if maker == nil {
			return fmt.Errorf("unknown kind %q", raw.Kind)
		}
		o := maker()
		if err := json.Unmarshal(raw.Data, o); err != nil {
			return err
		}
		tb := s.table(raw.Kind, o.scope())
		if was := tb.byID[o.head().ID]; was != nil {
			tb.remove(was)
		}
		if i >= len(e.Delete) {
			tb.insert(o)
		}
		s.seq = max(s.seq, o.head().Seq)
	}
	return nil
}

// journalLine is a journalEntry, put together by hand: encoding it as one would
// go over each object a second time.
func journalLine(put, deleted []object) []byte {
	line := []byte(`{"put":[`)
	add := func(list []object) {
		for i, o := range list {
			if i > 0 {
				line = append(line, ',')
			}
			line = append(append(append(line, `{"kind":"`...), o.kind()...), `","data":`...)
			line = append(append(line, encode(o)...), '}')
		}
	}
	add(put)
	line = append(line, `],"delete":[`...)
	add(deleted)
	return append(line, "]}\n"...)
}

// write appends what an operation has done.
func (j *journal) write(w *work) error {
	if j.dir == "" || len(w.order) == 0 {
		return nil
	}
	var put, deleted []object
	for _, o := range w.order {
		switch {
		case !w.removed[o]:
			put = append(put, o)
		case w.before[o] != nil:
			deleted = append(deleted, o)
		}
	}
	line := journalLine(put, deleted)
	if j.file == nil {
		var err error
		j.file, err = os.OpenFile(filepath.Join(j.dir, "stripe.journal"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
	}
	if _, err := j.file.Write(line); err != nil {
		// Half a line would spoil those that follow.
		return errors.Join(err, j.file.Truncate(j.size))
	}
	j.size += int64(len(line))
	return nil
}

// compact writes a snapshot, whole and atomically, and empties the journal. If
// it is interrupted in between, the journal is merely applied again.
func (j *journal) compact(s *store) error {
	if j.dir == "" {
		return nil
	}
	temp, err := os.CreateTemp(j.dir, "stripe-*.json") // 0600
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(temp, 1<<20)
	size := int64(0)
	for _, o := range s.everything() {
		line := journalLine([]object{o}, nil)
		size += int64(len(line))
		_, _ = out.Write(line) // Flush tells
	}
	if err = out.Flush(); err == nil {
		err = temp.Sync()
	}
	err = errors.Join(err, temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), filepath.Join(j.dir, "stripe.json"))
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	if err := os.Truncate(filepath.Join(j.dir, "stripe.journal"), 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	j.size, j.snapshot = 0, size
	return nil
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}
