package demo

import (
	"math/rand/v2"
	"time"
)

// What is done about money is done in two spans of a day, so that what follows from it, which comes at the same minute of
// later days, does too: whoever carries the year out waits for it twice a day.
var working = [2][2]int{{8*60 + 10, 10*60 + 50}, {14*60 + 10, 16*60 + 50}}

// Windows are the spans of a day, in minutes, in which anything about money happens.
func Windows() [2][2]int { return working }

func workingMinute(r *rand.Rand) int {
	span := working[r.IntN(2)]
	return span[0] + r.IntN(span[1]-span[0])
}

// live makes up what a customer does about money.
func (y Year) live(r *rand.Rand, c *Customer) []Act {
	if r.Float64() > 0.17 {
		if r.Float64() < 0.015 { // a few ask to be deleted
			if gone := c.Day + 10 + r.IntN(120); gone < y.Days {
				c.last = gone
				return []Act{{Day: gone, Minute: workingMinute(r), Kind: Leave}}
			}
		}
		return nil
	}
	day := c.Day
	if r.Float64() > 0.35 {
		day += 1 + int(r.ExpFloat64()*20)
	}
	minute := workingMinute(r)
	if day == c.Day && minute <= c.Minute+5 {
		day++
	}
	life := &life{year: y, r: r, c: c, tier: "starter", interval: "month"}
	switch p := r.Float64(); {
	case p > 0.88:
		life.tier = "scale"
	case p > 0.5:
		life.tier = "pro"
	}
	if r.Float64() < 0.2 {
		life.interval = "year"
	}
	trial := 0
	if life.tier == "pro" {
		trial = 14
	}
	for day < y.Days {
		ended := life.subscribe(day, minute, trial)
		if ended >= y.Days || r.Float64() > 0.12 {
			break
		}
		day, minute, trial = ended+15+r.IntN(60), workingMinute(r), 0 // back again
	}
	return life.acts
}

// life is one that is being made up.
type life struct {
	year           Year
	r              *rand.Rand
	c              *Customer
	tier, interval string
	minute         int
	acts           []Act
}

func (l *life) act(day int, kind Kind) bool {
	if day >= l.year.Days {
		return false
	}
	act := Act{Day: day, Minute: workingMinute(l.r), Kind: kind}
	if kind == Subscribe || kind == Change {
		act.Tier, act.Interval = l.tier, l.interval
	}
	if kind == Subscribe {
		act.Minute = l.minute
	}
	l.acts = append(l.acts, act)
	return true
}

func (l *life) is(day int, tier string) { l.c.tiers = append(l.c.tiers, stay{day, tier}) }

// between is a day of a period, neither the first nor the last ones.
func (l *life) between(from, to int) int { return from + 2 + l.r.IntN(max(1, to-from-4)) }

// subscribe makes up a subscription from its checkout on, and answers the day on which it ends: beyond the year, where it
// does not.
func (l *life) subscribe(day, minute, trial int) (ended int) {
	l.minute = minute
	l.act(day, Subscribe)
	l.is(day, l.tier)
	never := l.year.Days
	anchor := day + trial
	if trial > 0 && l.r.Float64() < 0.3 { // who does not stay after the trial
		if l.act(day+1+l.r.IntN(11), Cancel) {
			l.is(anchor, "free")
			return anchor
		}
		return never
	}
	quiet := 0 // days at the beginning of the period in which a payment is late
	for n, from := 0, anchor; from < never; n++ {
		to := l.renewal(anchor, n+1)
		at := l.between(from+quiet, to)
		quiet = 0
		switch what := l.r.Float64(); {
		case at >= never:
			return never
		case what < l.leaving():
			l.act(at, Cancel)
			if back := at + 1 + l.r.IntN(3); l.r.Float64() < 0.15 && back < to-1 {
				l.act(back, Resume)
			} else {
				l.is(to, "free")
				return to
			}
		case what < 0.13 && l.interval == "month": // the card is refused at the renewal
			l.act(at, BreakCard)
			switch mended := to + 1 + l.r.IntN(6); {
			case to >= never:
				return never
			case l.r.Float64() < 0.7:
				l.act(mended, MendCard)
				quiet = 10
			default:
				l.is(to+8, "free") // after three more tries the subscription is cancelled
				return to + 16
			}
		case what < 0.19 && l.tier != "scale":
			l.tier = map[string]string{"starter": "pro", "pro": "scale"}[l.tier]
			l.act(at, Change)
			l.is(at, l.tier)
		case what < 0.205 && l.interval == "month" && at > anchor: // a year at once, from now on
			l.interval = "year"
			l.act(at, Change)
			anchor, n, to = at, -1, at
		case what < 0.225 && l.tier != "starter" && l.interval == "month": // from the next period on
			l.tier = map[string]string{"scale": "pro", "pro": "starter"}[l.tier]
			l.act(at, Change)
			l.is(to, l.tier)
		}
		from = to
	}
	return never
}

// leaving is how likely somebody cancels within a period.
func (l *life) leaving() float64 {
	if l.interval == "year" {
		return 0.09
	}
	return map[string]float64{"starter": 0.075, "pro": 0.05, "scale": 0.03}[l.tier]
}

// renewal is the day of the n-th renewal, as Stripe counts: a month that lacks the day ends on its last one.
func (l *life) renewal(anchor, n int) int {
	begin := l.year.Begin.AddDate(0, 0, anchor)
	if l.interval == "year" {
		n *= 12
	}
	y, m, d := begin.Date()
	last := time.Date(y, m+time.Month(n)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return int(time.Date(y, m+time.Month(n), min(d, last), 0, 0, 0, 0, time.UTC).Sub(l.year.Begin) / (24 * time.Hour))
}
