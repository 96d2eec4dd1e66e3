package usage

import (
	"time"

	"github.com/dream-api/dream-api/internal/usage/usagedb"
)

// sheetOf reads a row, whose counters are parallel arrays.
func sheetOf(row usagedb.TenantUsageUser) *sheet {
	s := &sheet{
		epoch: row.Epoch, settled: row.Settled, minute: row.Minute.UTC(), calls: int(row.Calls), day: row.Day.UTC(),
		slots: make([]slot, len(row.Slots)),
	}
	for i, name := range row.Slots {
		s.slots[i] = slot{
			name: name, span: span{row.Starts[i].UTC(), row.Ends[i].UTC()},
			count: row.Counts[i], extra: row.Extras[i], kept: row.Kept[i], today: row.Today[i],
		}
	}
	return s
}

// row is the sheet as it is kept.
func (s *sheet) row(who account) usagedb.WriteUserParams {
	row := usagedb.WriteUserParams{
		PlatformID: string(who.platform), UserID: who.user, Settled: s.settled, Minute: s.minute, Calls: int32(s.calls), Day: s.day,
		Slots: []string{}, Starts: []time.Time{}, Ends: []time.Time{}, // empty lists, where the user has only called too often
		Counts: []int64{}, Extras: []int64{}, Kept: []int64{}, Today: []int64{},
	}
	for _, x := range s.slots {
		row.Slots = append(row.Slots, x.name)
		row.Starts, row.Ends = append(row.Starts, x.span.starts), append(row.Ends, x.span.ends)
		row.Counts, row.Extras = append(row.Counts, x.count), append(row.Extras, x.extra)
		row.Kept, row.Today = append(row.Kept, x.kept), append(row.Today, x.today)
	}
	return row
}

// endedDays are the days that have ended since the sheet was read.
func (s *sheet) endedDays(who account) []usagedb.EndDayParams {
	days := make([]usagedb.EndDayParams, len(s.ended))
	for i, day := range s.ended {
		days[i] = usagedb.EndDayParams{
			PlatformID: string(who.platform), UserID: who.user, Meter: day.meter, Day: day.day, Count: day.count,
		}
	}
	return days
}
