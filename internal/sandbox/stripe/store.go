package stripe

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// Scope says whose objects are meant: those of an account, in one mode.
type Scope struct {
	Account  string
	Livemode bool
}

// header is what every object begins with. JSON names with a leading underscore
// are the sandbox's own: they are kept, and never answered.
type header struct {
	ID       string `json:"id"`
	Created  int64  `json:"created"` // Unix seconds by the clock the object lives in
	Livemode bool   `json:"livemode"`
	Account  string `json:"_account"`
	Seq      int64  `json:"_seq"` // the order of creation, which seconds don't tell
}

func (h *header) head() *header { return h }
func (h *header) scope() Scope  { return Scope{h.Account, h.Livemode} }

// object is anything that is kept. kind is Stripe's value of the field "object";
// it works on a nil pointer.
type object interface {
	kind() string
	head() *header
	scope() Scope
}

// store holds every object of every scope.
type store struct {
	seq   int64
	kinds map[string]map[Scope]*table
}

// table is the objects of one kind and scope, oldest first.
type table struct {
	byID map[string]object
	list []object
}

func newStore() *store { return &store{kinds: map[string]map[Scope]*table{}} }

func (s *store) table(kind string, at Scope) *table {
	scopes := s.kinds[kind]
	if scopes == nil {
		scopes = map[Scope]*table{}
		s.kinds[kind] = scopes
	}
	tb := scopes[at]
	if tb == nil {
		tb = &table{byID: map[string]object{}}
		scopes[at] = tb
	}
	return tb
}

// insert keeps the order of Seq: objects of a journal come in any order.
func (tb *table) insert(o object) {
	tb.byID[o.head().ID] = o
	at, _ := slices.BinarySearchFunc(tb.list, o.head().Seq, func(x object, seq int64) int { return cmp.Compare(x.head().Seq, seq) })
	tb.list = slices.Insert(tb.list, at, o)
}

func (tb *table) remove(o object) {
	delete(tb.byID, o.head().ID)
	at, found := slices.BinarySearchFunc(tb.list, o.head().Seq, func(x object, seq int64) int { return cmp.Compare(x.head().Seq, seq) })
	if found {
		tb.list = slices.Delete(tb.list, at, at+1)
	}
}

// work is what one operation has done so far, so that it can be saved or undone.
type work struct {
	s       *Server
	before  map[object][]byte // the objects changed, as they were; nil for a new one
	order   []object          // the same objects, in order
	removed map[object]bool
}

// tx is an operation in one scope at one time, run while the server's mutex is
// held. at, in and during give the same operation elsewhere.
type tx struct {
	*work
	Scope
	now  int64 // Unix seconds
	from requestInfo
}

// requestInfo is what an event tells of the request that caused it.
type requestInfo struct {
	ID             string
	IdempotencyKey string
}

// in is the operation in another scope.
func (t *tx) in(sc Scope) *tx {
	other := *t
	other.Scope = sc
	return &other
}

// at is the operation in the object's scope and time.
func (t *tx) at(o object) *tx { return t.in(o.scope()).during(t.s.clockOf(o)) }

// during is the operation in the time of a test clock; "" is the sandbox's.
func (t *tx) during(clockID string) *tx {
	other := *t
	other.now = t.s.nowOf(clockID)
	return &other
}

// get finds an object of the scope; nil if there is none.
func get[T object](t *tx, id string) T {
	var none T
	if o, ok := t.s.store.table(none.kind(), t.Scope).byID[id]; ok {
		return o.(T)
	}
	return none
}

// all are the scope's objects of a type, oldest first. The slice is a copy.
func all[T object](t *tx) []T {
	var none T
	rows := t.s.store.table(none.kind(), t.Scope).list
	list := make([]T, len(rows))
	for i, o := range rows {
		list[i] = o.(T)
	}
	return list
}

// everywhere finds an object in any scope; nil if there is none.
func everywhere[T object](t *tx, id string) T {
	var none T
	for _, tb := range t.s.store.kinds[none.kind()] {
		if o, ok := tb.byID[id]; ok {
			return o.(T)
		}
	}
	return none
}

// add keeps a new object. An empty id is filled with a random one of the prefix.
func (t *tx) add(o object, prefix string) {
	h := o.head()
	if h.ID == "" {
		h.ID = t.newID(prefix)
	}
	t.s.store.seq++
	h.Seq, h.Account, h.Livemode = t.s.store.seq, t.Account, t.Livemode
	if h.Created == 0 {
		h.Created = t.now
	}
	t.s.store.table(o.kind(), t.Scope).insert(o)
	t.before[o] = nil
	t.order = append(t.order, o)
}

// edit must come before an object is changed: it is how the change gets saved,
// and undone if the operation fails.
func (t *tx) edit(o object) {
	if _, ok := t.before[o]; ok {
		return
	}
	t.before[o] = encode(o)
	t.order = append(t.order, o)
}

// remove forgets an object.
func (t *tx) remove(o object) {
	t.edit(o)
	t.s.store.table(o.kind(), o.scope()).remove(o)
	t.removed[o] = true
}

// undo puts everything back.
func (w *work) undo() {
	for _, o := range slices.Backward(w.order) {
		tb := w.s.store.table(o.kind(), o.scope())
		was := w.before[o]
		if was == nil {
			if !w.removed[o] {
				tb.remove(o)
			}
			continue
		}
		reflect.ValueOf(o).Elem().SetZero()
		decode(was, o)
		if w.removed[o] {
			tb.insert(o)
		}
	}
	w.before, w.order, w.removed = map[object][]byte{}, nil, map[object]bool{}
}

// encode writes what is kept of an object. Our own types always encode.
func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("stripe sandbox: %T doesn't encode: %v", v, err))
	}
	return raw
}

func decode(raw []byte, into any) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		panic(fmt.Sprintf("stripe sandbox: %T doesn't decode: %v", into, err))
	}
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// randomID is a prefix and random letters and digits, as many as Stripe has.
func randomID(prefix string, letters int) string {
	id := []byte(prefix)
	raw := make([]byte, 2*letters)
	for len(id) < len(prefix)+letters {
		_, _ = rand.Read(raw) // never fails
		for _, b := range raw {
			if int(b) < 4*len(alphabet) && len(id) < len(prefix)+letters {
				id = append(id, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(id)
}

func (t *tx) newID(prefix string) string {
	if prefix == "cs_" {
		if t.Livemode {
			return randomID("cs_live_a1", 56)
		}
		return randomID("cs_test_a1", 56)
	}
	if prefix == "cus_" || prefix == "prod_" {
		return randomID(prefix, 14)
	}
	return randomID(prefix, 24)
}

func ptr[T any](v T) *T { return &v }

// val is the value, or the zero value for nil.
func val[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// isNil is whether an object of a pointer type is nil.
func isNil(o object) bool { return o == nil || reflect.ValueOf(o).IsNil() }
