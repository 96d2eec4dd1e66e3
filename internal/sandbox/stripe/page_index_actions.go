package stripe

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// turn is a step of the clock that has a button.
type turn struct {
	Value, Text  string
	months, days int
	time         time.Duration
}

var turns = []turn{
	{Value: "hour", Text: "1 hour", time: time.Hour},
	{Value: "day", Text: "1 day", days: 1},
	{Value: "week", Text: "1 week", days: 7},
	{Value: "month", Text: "1 month", months: 1},
	{Value: "year", Text: "1 year", months: 12},
}

// maxDays is as far as the clock is turned at once: years of renewals take long.
const maxDays = 1000

// What the front page says has been done, by the word in its address.
var indexDone = map[string]string{
	"clock":   "The clock is turned.",
	"settle":  "The payment is settled.",
	"fail":    "The payment has failed.",
	"revoke":  "The access is revoked.",
	"charges": "The account is changed.",
	"faults":  "The faults are disarmed.",
}

func (p *site) turnClock(w http.ResponseWriter, r *http.Request) {
	v := newView("", r)
	chosen := slices.IndexFunc(turns, func(t turn) bool { return t.Value == r.PostFormValue("turn") })
	step := turn{}
	if chosen >= 0 {
		step = turns[chosen]
	} else {
		days, err := strconv.Atoi(typed(r, "days"))
		if err != nil || days < 1 || days > maxDays {
			v.Errors["days"] = "Enter a whole number of days from 1 to " + strconv.Itoa(maxDays) + "."
			p.showIndex(w, r, v)
			return
		}
		step.days = days
	}
	var now time.Time
	_ = p.s.view(func(t *tx) error {
		now = time.Unix(t.now, 0).UTC()
		return nil
	})
	err := p.s.Advance(now.AddDate(0, step.months, step.days).Add(step.time).Sub(now))
	p.back(w, r, "clock", err)
}

func (p *site) settle(w http.ResponseWriter, r *http.Request) {
	outcome, done := r.PostFormValue("outcome"), "settle"
	if outcome == "failed" {
		done = "fail"
	}
	p.act(w, r, done, func(t *tx) error { return t.settle(r.PathValue("id"), outcome) })
}

func (p *site) revoke(w http.ResponseWriter, r *http.Request) {
	p.act(w, r, "revoke", func(t *tx) error { return t.deauthorize(r.PathValue("id")) })
}

func (p *site) setCharges(w http.ResponseWriter, r *http.Request) {
	p.act(w, r, "charges", func(t *tx) error {
		return t.setChargesEnabled(r.PathValue("id"), r.PostFormValue("enabled") == "true")
	})
}

func (p *site) clearFaults(w http.ResponseWriter, r *http.Request) {
	p.s.ClearFaults()
	p.back(w, r, "faults", nil)
}

func (p *site) act(w http.ResponseWriter, r *http.Request, done string, do func(*tx) error) {
	p.back(w, r, done, p.s.change(do))
}

// back returns to the front page, or shows it with the error.
func (p *site) back(w http.ResponseWriter, r *http.Request, done string, err error) {
	if err != nil {
		v := newView("", r)
		v.Errors[""] = err.Error()
		if e := (*apiError)(nil); errors.As(err, &e) {
			v.Errors[""] = e.Message
		}
		p.showIndex(w, r, v)
		return
	}
	redirectTo(w, r, "/?done="+done)
}
