package logwriter_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/dream-api/dream-api/internal/logwriter"
)

func TestAWarningIsWrittenWhenItIsLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := &slow{letGo: make(chan error)}
		w := logwriter.New(file)
		log := slog.New(logwriter.NewHandler(w)).With("a", 1).WithGroup("g")
		log.Info("told") // and gone on
		warned := false
		go func() { log.Warn("warned", "b", 2); warned = true }()
		synctest.Wait()
		if warned {
			t.Error("the warning still waits")
		}
		close(file.letGo)
		synctest.Wait()
		if got := strings.Join(file.written(), ""); !warned || !strings.Contains(got, `"level":"WARN","msg":"warned","a":1,"g":{"b":2}}`+"\n") {
			t.Errorf("%v, %q", warned, got)
		}
	})
}

var (
	texts = []string{"", "a", "/api/data", `"`, `\`, "<b>", "a&b", "\n", "\x00", "\x7f", "é", "\u2028", "\xff", "~ !#[]^"}
	odd   = []slog.Value{
		slog.Float64Value(0), slog.Float64Value(1e-6), slog.Float64Value(9.9e-7), slog.Float64Value(-9.9e-7), slog.Float64Value(1e21),
		slog.Float64Value(9.9e20), slog.Float64Value(math.Inf(1)), slog.Float64Value(math.Copysign(0, -1)), slog.Float64Value(math.NaN()),
		slog.Int64Value(math.MinInt64), slog.Uint64Value(7), slog.BoolValue(true), slog.DurationValue(time.Second), slog.TimeValue(time.Unix(1, 2)),
		slog.AnyValue(errors.New(`a "cause"`)), slog.AnyValue(nil), slog.AnyValue([]string{"a"}), slog.GroupValue(slog.Int("a", 1)), slog.GroupValue(), {},
	}
	moments = []time.Time{
		{}, time.Now(), time.Unix(0, 0).UTC(), time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 7, 1, 1, 2, 3, 4000, time.FixedZone("", 3600)),
	}
)

// pair is a handler of ours and slog's, to which the same is done.
type pair struct {
	our, their   bytes.Buffer
	lines        *logwriter.Writer
	ours, theirs slog.Handler
}

func newPair() *pair {
	p := &pair{}
	p.lines = logwriter.New(&p.our)
	p.ours, p.theirs = logwriter.NewHandler(p.lines), slog.NewJSONHandler(&p.their, nil)
	return p
}

func (p *pair) mustAgree(t rapid.TB, r slog.Record) {
	t.Helper()
	mine, its := p.ours.Handle(context.Background(), r), p.theirs.Handle(context.Background(), r)
	p.lines.Flush()
	if p.our.String() != p.their.String() || (mine == nil) != (its == nil) {
		t.Fatalf("%sand not\n%s", p.our.String(), p.their.String())
	}
}

func TestALineIsThatOfSlog(t *testing.T) {
	t.Parallel()
	for _, value := range odd {
		r := slog.NewRecord(time.Now(), slog.LevelInfo, "told", 0)
		r.AddAttrs(slog.Attr{Key: "value", Value: value})
		newPair().mustAgree(t, r)
		p := newPair()
		p.ours, p.theirs = p.ours.WithAttrs([]slog.Attr{{Key: "value", Value: value}}), p.theirs.WithAttrs([]slog.Attr{{Key: "value", Value: value}})
		p.mustAgree(t, r)
	}
	for _, text := range texts {
		for _, attr := range []slog.Attr{slog.String(text, "a"), slog.String("a", text)} {
			r := slog.NewRecord(time.Now(), slog.LevelInfo, text, 0)
			newPair().mustAgree(t, r)
			r.AddAttrs(attr)
			newPair().mustAgree(t, r)
		}
		p := newPair()
		p.ours, p.theirs = p.ours.WithGroup(text), p.theirs.WithGroup(text)
		r := slog.NewRecord(time.Now(), slog.LevelInfo, "told", 0)
		r.AddAttrs(slog.Int("a", 1))
		p.mustAgree(t, r)
	}
	for _, moment := range moments {
		newPair().mustAgree(t, slog.NewRecord(moment, slog.LevelError, "told", 0))
	}
}

func TestLinesAreThoseOfSlogWhateverIsInThem(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.StringMatching(`[a-zA-Z0-9_./:-]{0,12}`), rapid.String(), rapid.SampledFrom(texts))
	value := rapid.OneOf(
		rapid.Map(text, slog.StringValue), rapid.Map(rapid.Int64(), slog.Int64Value), rapid.Map(rapid.Float64(), slog.Float64Value),
		rapid.Map(rapid.IntRange(0, 1<<20), func(n int) slog.Value { return slog.Float64Value(float64(n) / 1000) }), rapid.SampledFrom(odd),
	)
	attrs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) slog.Attr {
		return slog.Attr{Key: text.Draw(t, "key"), Value: value.Draw(t, "value")}
	}), 1, 8)
	rapid.Check(t, func(t *rapid.T) {
		p := newPair()
		for range rapid.IntRange(0, 3).Draw(t, "steps") {
			if rapid.IntRange(0, 4).Draw(t, "grouped") == 0 {
				name := text.Draw(t, "group")
				p.ours, p.theirs = p.ours.WithGroup(name), p.theirs.WithGroup(name)
				continue
			}
			with := attrs.Draw(t, "with")
			ours := p.ours.WithAttrs(with)
			_ = p.ours.WithAttrs([]slog.Attr{slog.String("beside", "which is seen in no other")})
			p.ours, p.theirs = ours, p.theirs.WithAttrs(with)
		}
		level := rapid.SampledFrom([]slog.Level{slog.LevelInfo, slog.LevelInfo + 1, slog.LevelError}).Draw(t, "level")
		r := slog.NewRecord(rapid.SampledFrom(moments).Draw(t, "time"), level, text.Draw(t, "message"), 0)
		r.AddAttrs(attrs.Draw(t, "attrs")...)
		p.mustAgree(t, r)
	})
}

// What the handlers of two parts of the program have in common is not changed by either.
func TestHandlersBesideEachOtherShareNothing(t *testing.T) {
	t.Parallel()
	p := newPair()
	for _, length := range []int{1, 10, 40, 100} { // of which some leave room behind them
		with := []slog.Attr{slog.String("part", strings.Repeat("x", length))}
		p.ours, p.theirs = p.ours.WithAttrs(with), p.theirs.WithAttrs(with)
		one, other := []slog.Attr{slog.Int("one", 1)}, []slog.Attr{slog.Int("other", 2)}
		ours := p.ours.WithAttrs(one)
		_ = p.ours.WithAttrs(other)
		r := slog.NewRecord(time.Now(), slog.LevelInfo, "told", 0)
		_ = ours.Handle(t.Context(), r)
		_ = p.theirs.WithAttrs(one).Handle(t.Context(), r)
		p.mustAgree(t, r)
	}
}

// ofRequest is the record of a request.
func ofRequest() slog.Record {
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "request", 0)
	r.AddAttrs(slog.String("requestId", "req_06h23rw1rhshn9pzrkjnqj7h74"), slog.String("method", "POST"), slog.String("path", "/api/data"),
		slog.Int("status", 200), slog.Float64("ms", 4.183), slog.String("ip", "192.0.2.1"))
	return r
}

// That the line of a request is not left to slog shows in what slog takes from the heap for it.
func TestTheLineOfARequestTakesNothingFromTheHeap(t *testing.T) {
	file := &slow{letGo: make(chan error)} // the first write is under way all the while, so that none begins
	w := logwriter.New(file)
	add(t, w, "before\n")
	r, handler := ofRequest(), logwriter.NewHandler(w).WithAttrs([]slog.Attr{slog.String("surface", "customer")})
	for range 1100 { // after which there is room for the others
		_ = handler.Handle(t.Context(), r)
	}
	taken := testing.AllocsPerRun(100, func() { _ = handler.Handle(t.Context(), r) })
	close(file.letGo)
	w.Flush()
	if taken != 0 {
		t.Errorf("a line takes %v allocations", taken)
	}
}

func BenchmarkLine(b *testing.B) {
	r := ofRequest()
	for name, handler := range map[string]slog.Handler{
		"ours": logwriter.NewHandler(logwriter.New(io.Discard)), "slog": slog.NewJSONHandler(io.Discard, nil),
	} {
		with := handler.WithAttrs([]slog.Attr{slog.String("surface", "customer")})
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_ = with.Handle(b.Context(), r)
			}
		})
	}
}
