package db

import (
	"encoding/binary"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// list sends a list of one of the types that batches are made of. pgx would look at each element by itself, behind several
// interfaces; that was a fiftieth of what the program did for a tracked call.
type list[T any] struct {
	pgtype.Codec        // for whatever else is asked of it
	element      uint32 // its OID
	add          func([]byte, T) []byte
}

// sendLists has a connection send lists so.
func sendLists(conn *pgx.Conn) { registerLists(conn.TypeMap()) }

func registerLists(m *pgtype.Map) {
	register(m, pgtype.TextArrayOID, pgtype.TextOID, func(to []byte, text string) []byte {
		return append(binary.BigEndian.AppendUint32(to, uint32(len(text))), text...)
	})
	register(m, pgtype.Int4ArrayOID, pgtype.Int4OID, func(to []byte, n int32) []byte {
		return binary.BigEndian.AppendUint32(append(to, 0, 0, 0, 4), uint32(n))
	})
	register(m, pgtype.Int8ArrayOID, pgtype.Int8OID, func(to []byte, n int64) []byte {
		return binary.BigEndian.AppendUint64(append(to, 0, 0, 0, 8), uint64(n))
	})
	register(m, pgtype.TimestamptzArrayOID, pgtype.TimestamptzOID, func(to []byte, t time.Time) []byte {
		return binary.BigEndian.AppendUint64(append(to, 0, 0, 0, 8), uint64(t.UnixMicro()-epoch.UnixMicro()))
	})
}

// epoch is the moment from which PostgreSQL counts.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func register[T any](m *pgtype.Map, oid, element uint32, add func([]byte, T) []byte) {
	known, ok := m.TypeForOID(oid)
	if !ok {
		return
	}
	m.RegisterType(&pgtype.Type{Name: known.Name, OID: oid, Codec: list[T]{known.Codec, element, add}})
}

// PlanEncode implements pgtype.Codec.
func (l list[T]) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.([]T); ok && format == pgtype.BinaryFormatCode {
		return l
	}
	return l.Codec.PlanEncode(m, oid, format, value)
}

// Encode implements pgtype.EncodePlan. The form is that of array_send of PostgreSQL: dimensions, whether there are NULLs, the type
// of the elements, how many there are and from which number they count, and then each with its length.
func (l list[T]) Encode(value any, buf []byte) ([]byte, error) {
	values := value.([]T)
	if values == nil {
		return nil, nil
	}
	buf = binary.BigEndian.AppendUint64(buf, 1<<32)
	buf = binary.BigEndian.AppendUint32(buf, l.element)
	buf = binary.BigEndian.AppendUint64(buf, uint64(len(values))<<32|1)
	for _, v := range values {
		buf = l.add(buf, v)
	}
	return buf, nil
}
