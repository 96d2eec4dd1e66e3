package server

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAChartDrawsWhatItsNumbersSay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		series := rapid.IntRange(1, 5).Draw(t, "series")
		c := chart{Write: short, Series: make([]string, series)}
		for range rapid.IntRange(1, 40).Draw(t, "columns") {
			c.Columns = append(c.Columns, chartColumn{Label: "x", Parts: rapid.SliceOfN(rapid.Int64Range(-1_000_000, 1_000_000_000), series, series).Draw(t, "parts")})
		}
		d := c.draw()
		if len(d.Bars) != len(c.Columns) || len(d.Ticks) < 2 || len(d.Ticks) > 12 {
			t.Fatalf("%d bars for %d columns, %d ticks", len(d.Bars), len(c.Columns), len(d.Ticks))
		}
		labels, zero := 0, -1.0
		for _, tick := range d.Ticks {
			if tick.Zero {
				zero = tick.Y
			}
		}
		for i, bar := range d.Bars {
			if bar.Label != "" {
				labels++
			}
			if bar.X < chartLeft || bar.X+bar.W > chartWidth+0.1 {
				t.Fatalf("bar %d is at %f, and %f wide", i, bar.X, bar.W)
			}
			for _, part := range bar.Parts {
				n := c.Columns[i].Parts[part.Series-1]
				if part.Y < chartTop-1 || part.Y+part.H > chartHeight-chartBottom+1.1 {
					t.Fatalf("%d is drawn from %f on, %f high", n, part.Y, part.H)
				}
				if n > 0 && part.Y > zero+0.1 || n < 0 && part.Y+part.H < zero-0.1 {
					t.Fatalf("%d is on the wrong side of zero (%f): %f, %f", n, zero, part.Y, part.H)
				}
			}
		}
		if labels > mostLabels {
			t.Fatalf("%d labels", labels)
		}
	})
}

func TestSharesOfAChartAreInProportion(t *testing.T) {
	t.Parallel()
	c := chart{Write: short, Series: []string{"a", "b"}, Columns: []chartColumn{{Name: "one", Parts: []int64{100, 300}}, {Name: "two", Parts: []int64{0, 0}}}}
	d := c.draw()
	a, b := d.Bars[0].Parts[0], d.Bars[0].Parts[1]
	if ratio := b.H / a.H; ratio < 2.95 || ratio > 3.05 {
		t.Errorf("300 is drawn %.2f times as high as 100", ratio)
	}
	if b.Y+b.H < a.Y-0.2 || b.Y+b.H > a.Y+0.2 {
		t.Errorf("the parts do not stand on one another: %v %v", a, b)
	}
	if c.Says(0) != "one: a 100, b 300" || c.Says(1) != "two: nothing" {
		t.Errorf("%q, %q", c.Says(0), c.Says(1))
	}
	if !(chart{Write: short, Series: []string{"a"}, Columns: []chartColumn{{Parts: []int64{0}}}}).draw().Empty {
		t.Error("nothing is drawn as something")
	}
}

func TestTicksAreRoundNumbers(t *testing.T) {
	t.Parallel()
	for high, want := range map[int64]string{0: "0 1", 3: "0 1 2 3", 7: "0 2 4 6 8", 100: "0 50 100", 1234: "0 500 1k 1.5k", 9_900_000: "0 5M 10M"} {
		var got []string
		for _, tick := range (chart{Write: short, Series: []string{"a"}, Columns: []chartColumn{{Parts: []int64{high}}}}).draw().Ticks {
			got = append(got, tick.Text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("up to %d: %s, want %s", high, got, want)
		}
	}
}
