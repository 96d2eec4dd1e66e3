// Package demo invents a year of a small product: who came, on which day, what they paid, when they left, and how much
// they used. It owns the invention alone, which follows from a seed: the same seed gives the same year. Who carries it out,
// on the real program, is the command `dev --demo`. It imports nothing of ours.
package demo

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Kind is what somebody does.
type Kind string

// What customers do.
const (
	Subscribe Kind = "subscribe" // by a checkout
	Change    Kind = "change"    // to another tier or interval, on the portal's page that confirms it
	Cancel    Kind = "cancel"    // to the end of the period
	Resume    Kind = "resume"    // a cancellation is called off
	BreakCard Kind = "break"     // the next renewals fail
	MendCard  Kind = "mend"      // they go through again
	Leave     Kind = "leave"     // the account is deleted
)

// Act is something that a customer does, in the minute of a day. Days count from 0, the first of the year.
type Act struct {
	Day, Minute    int
	Kind           Kind
	Tier, Interval string // of Subscribe and Change
	Customer       int    // whose it is: a place in Year.Customers
}

// Customer is somebody invented.
type Customer struct {
	ID               string // the developer's own; empty for those who sign in with the shared Clerk app
	Email            string
	First, Last      string
	Day, Minute      int // when they came
	tiers            []stay
	weight, interest float64
	tokens           bool
	last             int // the day after which they use nothing any more
	seed             uint64
}

// stay is on which tier somebody is thought to be from a day on. What they may use is not decided by it.
type stay struct {
	from int
	tier string
}

// Use is what somebody uses of a meter at once.
type Use struct {
	Minute   int // of the day
	Meter    string
	Quantity int64
}

// Year is an invented year.
type Year struct {
	Seed      uint64
	Begin     time.Time // midnight (UTC) of its first day
	Days      int
	Customers []Customer // in the order in which they came
	Acts      []Act      // in the order in which they happen
}

// The meters of the product.
const (
	Requests = "requests"
	Tokens   = "tokens"
)

// Tier is an entry of the product's price list. A limit of -1 is none; amounts are in cents.
type Tier struct {
	Name, DisplayName string
	Month, Year       int64
	TrialDays         int
	Requests, Tokens  int64 // a month
	RateLimit         int
	Features          []string
}

// Tiers is the price list with which the year begins.
var Tiers = []Tier{
	{Name: "free", DisplayName: "Free", Requests: 500, Tokens: 20_000, RateLimit: 60, Features: []string{"Community support"}},
	{Name: "starter", DisplayName: "Starter", Month: 900, Year: 9000, Requests: 10_000, Tokens: 400_000, RateLimit: 120,
		Features: []string{"Email support"}},
	{Name: "pro", DisplayName: "Pro", Month: 2900, Year: 29_000, TrialDays: 14, Requests: 100_000, Tokens: 4_000_000, RateLimit: 600,
		Features: []string{"Everything in Starter", "A shared workspace"}},
	{Name: "scale", DisplayName: "Scale", Month: 9900, Year: 99_000, Requests: -1, Tokens: 50_000_000, RateLimit: 3000,
		Features: []string{"Everything in Pro", "Support within a day"}},
}

// Dearer are the prices of Pro from the middle of the year on.
var Dearer = struct{ Month, Year int64 }{3900, 39_000}

// Invent makes up a year of so many days and customers, which begins at a midnight (UTC).
func Invent(seed uint64, customers int, begin time.Time, days int) Year {
	y := Year{Seed: seed, Begin: begin, Days: days, Customers: make([]Customer, customers)}
	r := rand.New(rand.NewPCG(seed, 0))
	rush := y.rush(r)
	for i := range y.Customers {
		c := &y.Customers[i]
		c.Day, _ = slices.BinarySearch(rush, r.Float64()*rush[days-1])
		c.Day, c.Minute = min(c.Day, days-1), minuteOf(r)
	}
	slices.SortFunc(y.Customers, func(a, b Customer) int { return (a.Day-b.Day)*24*60 + a.Minute - b.Minute })
	for i := range y.Customers {
		c := &y.Customers[i]
		c.seed = seed ^ (uint64(i)+1)*0x9e3779b97f4a7c15
		own := rand.New(rand.NewPCG(c.seed, 1))
		c.name(own, i)
		c.weight = math.Exp(own.NormFloat64() * 0.8)
		c.interest = 0.15 + 0.45*own.Float64()
		c.tokens = own.Float64() < 0.45
		c.last = days
		for _, act := range y.live(own, c) {
			act.Customer = i
			y.Acts = append(y.Acts, act)
		}
	}
	slices.SortStableFunc(y.Acts, func(a, b Act) int { return (a.Day-b.Day)*24*60 + a.Minute - b.Minute })
	return y
}

// rush is how many came up to the end of each day, as a share: more each month, on weekdays, and after something was written
// about the product.
func (y Year) rush(r *rand.Rand) []float64 {
	sums, sum := make([]float64, y.Days), 0.0
	talk := map[int]float64{y.Days / 5: 4, y.Days * 11 / 20: 6}
	echo := 0.0
	for day := range sums {
		echo = echo*0.6 + talk[day]
		sum += (0.4 + 2.2*float64(day)/float64(y.Days)) * y.season(day) * (1 + echo) * (0.75 + 0.5*r.Float64())
		sums[day] = sum
	}
	return sums
}

// season is how busy a day is: weekends are quiet, and so are the summer and the last week of the year.
func (y Year) season(day int) float64 {
	at := y.Begin.AddDate(0, 0, day)
	busy := 1.0
	switch at.Weekday() {
	case time.Saturday:
		busy = 0.5
	case time.Sunday:
		busy = 0.42
	case time.Friday:
		busy = 0.88
	default:
	}
	switch month, d := at.Month(), at.Day(); {
	case month == time.July:
		busy *= 0.88
	case month == time.August:
		busy *= 0.8
	case month == time.December && d > 22, month == time.January && d < 3:
		busy *= 0.5
	case month == time.October, month == time.November:
		busy *= 1.12
	}
	return busy
}

// minuteOf is a minute of a day: most are in the middle of it.
func minuteOf(r *rand.Rand) int {
	hour := 14.2 + 4.4*r.NormFloat64()
	for hour < 0 {
		hour += 24
	}
	return int(math.Mod(hour, 24) * 60)
}

// Uses is what a customer uses on a day, in the order of the day.
func (y Year) Uses(customer, day int) []Use {
	c := &y.Customers[customer]
	if day < c.Day || day >= c.last {
		return nil
	}
	r := rand.New(rand.NewPCG(c.seed, uint64(day)+2))
	tier, pays := c.on(day), false
	base, times, chance := 14.0, 1, c.interest*(0.12+0.88*math.Exp(-float64(day-c.Day)/45))
	switch tier {
	case "starter":
		base, pays = 190, true
	case "pro":
		base, pays = 1700, true
	case "scale":
		base, pays = 7000, true
	}
	if pays {
		times, chance = 2, 0.5+c.interest*0.7
	}
	if day == c.Day {
		chance = 0.8
	}
	if r.Float64() > chance*math.Min(1, 0.25+0.75*y.season(day)) {
		return nil
	}
	growth := 0.8 + 0.5*float64(day-c.Day)/float64(y.Days)
	amount := base * c.weight * growth * y.season(day) * math.Exp(r.NormFloat64()*0.45)
	with := c.tokens && r.Float64() < 0.6
	var uses []Use
	for range times {
		minute := minuteOf(r)
		if day == c.Day {
			minute = c.Minute + int(r.Float64()*float64(24*60-c.Minute))
		}
		n := int64(amount/float64(times)) + 1
		uses = append(uses, Use{minute, Requests, n})
		if with {
			uses = append(uses, Use{minute, Tokens, n * (25 + r.Int64N(30))})
		}
	}
	slices.SortStableFunc(uses, func(a, b Use) int { return a.Minute - b.Minute })
	return uses
}

// on is the tier on which the customer is thought to be.
func (c *Customer) on(day int) string {
	tier := "free"
	for _, s := range c.tiers {
		if s.from <= day {
			tier = s.tier
		}
	}
	return tier
}
