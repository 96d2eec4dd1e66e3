package db

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// What we send for a list is, byte by byte, what pgx would.
func TestListsAreSentAsPgxWouldSendThem(t *testing.T) {
	t.Parallel()
	plain, ours := pgtype.NewMap(), pgtype.NewMap()
	registerLists(ours)
	now := time.Date(2026, 2, 28, 23, 59, 59, 999_999_999, time.FixedZone("east", 5*3600))
	for _, sent := range []struct {
		oid    uint32
		values any
	}{
		{pgtype.TextArrayOID, []string{"", "plt_1", "ünï", `"{},\`}},
		{pgtype.TextArrayOID, []string{}},
		{pgtype.TextArrayOID, []string(nil)},
		{pgtype.TextArrayOID, [][]string{{"a"}, {"b"}}},
		{pgtype.Int4ArrayOID, []int32{0, 1, -1, math.MaxInt32, math.MinInt32}},
		{pgtype.Int4ArrayOID, []int{7}},
		{pgtype.Int8ArrayOID, []int64{0, 1, -1, math.MaxInt64, math.MinInt64}},
		{pgtype.Int8ArrayOID, []int64{}},
		{pgtype.TimestamptzArrayOID, []time.Time{now, epoch, epoch.Add(-time.Microsecond), {}}},
		{pgtype.TimestamptzArrayOID, []*time.Time{&now, nil}},
	} {
		for _, format := range []int16{pgtype.BinaryFormatCode, pgtype.TextFormatCode} {
			want, err := plain.Encode(sent.oid, format, sent.values, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ours.Encode(sent.oid, format, sent.values, nil)
			if err != nil || !bytes.Equal(got, want) || (got == nil) != (want == nil) {
				t.Errorf("%v of type %d in format %d is sent as %x, want %x: %v", sent.values, sent.oid, format, got, want, err)
			}
		}
	}
}
