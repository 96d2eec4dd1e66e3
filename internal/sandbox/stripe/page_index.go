package stripe

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// indexData is what the sandbox's front page shows a developer.
type indexData struct {
	API, Now, Ahead, Done string
	Turns                 []turn
	Accounts              []indexAccount
	Waiting               []indexWaiting
	Faults                []string
	Endpoints             []indexEndpoint
	Events                []indexEvent
}

type indexAccount struct {
	ID, Name, Detail                string
	Ours, Connected, ChargesEnabled bool
	Keys                            []labelled
	Modes                           []indexMode
}

type labelled struct{ Label, Value string }

type indexMode struct {
	Label  string
	Counts []string
}

type indexWaiting struct{ ID, Amount, Business, Who, Since string }

type indexEndpoint struct{ URL, Detail string }

type indexEvent struct {
	When, Type, Object, Account, Mode string
	Deliveries                        []indexDelivery
}

type indexDelivery struct{ Endpoint, Status, Class, Attempts, Problem string }

func (p *site) index(w http.ResponseWriter, r *http.Request) { p.showIndex(w, r, newView("", r)) }

func (p *site) showIndex(w http.ResponseWriter, r *http.Request, v pageView) {
	status, _ := v.statusOf(nil)
	data := indexData{API: p.s.URL(), Turns: turns, Done: indexDone[r.URL.Query().Get("done")]}
	if ahead := p.s.Ahead(); ahead > 0 {
		data.Ahead = durationText(ahead) + " ahead"
	}
	for _, f := range p.s.Faults() {
		raw, _ := json.Marshal(f) // a fault always encodes
		data.Faults = append(data.Faults, string(raw))
	}
	_ = p.s.view(func(t *tx) error {
		data.Now = timeText(t.now)
		data.Accounts = p.indexAccounts(t)
		for _, s := range t.waitingPayments() {
			data.Waiting = append(data.Waiting, indexWaiting{ID: s.ID, Amount: t.money(s.AmountTotal, s.Currency), Business: t.businessOf(s),
				Who: t.payerOf(s), Since: timeText(s.Created)})
		}
		for _, e := range p.s.endpoints {
			data.Endpoints = append(data.Endpoints, p.endpointText(e))
		}
		return nil
	})
	names := map[string]string{}
	for _, a := range data.Accounts {
		names[a.ID] = a.Name
	}
	data.Events = p.indexEvents(names)
	v.Title, v.Data = "Front page", data
	p.show(w, status, "index", v)
}

// indexAccounts are the accounts with what is in them, ours first.
func (p *site) indexAccounts(t *tx) []indexAccount {
	var list []indexAccount
	for _, c := range t.counts() {
		if len(list) == 0 || list[len(list)-1].ID != c.Account.ID {
			list = append(list, p.indexAccount(c.Account))
		}
		mode := indexMode{Label: modeText(c.Livemode)}
		for _, kind := range slices.Sorted(maps.Keys(c.Counts)) {
			if n := c.Counts[kind]; n > 0 {
				mode.Counts = append(mode.Counts, countText(int64(n), kindText(kind)))
			}
		}
		a := &list[len(list)-1]
		a.Modes = append(a.Modes, mode)
	}
	return list
}

func (p *site) indexAccount(a *account) indexAccount {
	row := indexAccount{ID: a.ID, Name: a.label(), Ours: a.Ours, Connected: a.Connected, ChargesEnabled: a.ChargesEnabled,
		Detail: a.Country + ", " + strings.ToUpper(a.DefaultCurrency)}
	if email := val(a.Email); email != "" && email != row.Name {
		row.Detail = email + ", " + row.Detail
	}
	if a.Ours {
		row.Keys = []labelled{{"Live key", p.s.cfg.LiveKey}, {"Test key", p.s.cfg.TestKey}}
		if p.s.cfg.ClientID != "" {
			row.Keys = append(row.Keys, labelled{"Client id", p.s.cfg.ClientID})
		}
	}
	return row
}

// indexEvents are the newest events with their deliveries, the newest first.
func (p *site) indexEvents(names map[string]string) []indexEvent {
	const most = 50
	events := p.s.Events("", "", "")
	events = events[max(0, len(events)-most):]
	list := make([]indexEvent, 0, len(events))
	for _, e := range slices.Backward(events) {
		row := indexEvent{When: e.Created.UTC().Format("2 Jan 2006, 15:04:05"), Type: e.Type, Object: e.ObjectID, Account: cmp.Or(names[e.Account], e.Account), Mode: modeText(e.Livemode)}
		for _, d := range e.Deliveries {
			row.Deliveries = append(row.Deliveries, deliveryText(d))
		}
		list = append(list, row)
	}
	return list
}

func deliveryText(d Delivery) indexDelivery {
	row := indexDelivery{Endpoint: strings.TrimPrefix(d.URL, "http://"), Problem: d.LastError}
	if _, cause, ok := strings.Cut(d.LastError, d.URL+`": `); ok {
		row.Problem = cause // net/http begins with the URL, which is there already
	}
	row.Status, row.Class = statusText(d.Status)
	if d.Attempts > 0 {
		row.Attempts = countText(int64(d.Attempts), "attempt")
	}
	if row.Problem == "" && d.LastStatus >= 300 {
		row.Problem = "answered " + strconv.Itoa(d.LastStatus)
	}
	return row
}

func (p *site) endpointText(e *endpoint) indexEndpoint {
	whose := e.scope.Account
	if e.connect {
		whose = "connected accounts"
	} else if p.s.clock != nil && whose == p.s.clock.Ours {
		whose = "our account"
	}
	which := "all events"
	if len(e.events) > 0 {
		which = strings.Join(e.events, ", ")
	}
	detail := whose + ", " + strings.ToLower(modeText(e.scope.Livemode)) + ": " + which
	if n := len(e.queue); n > 0 {
		detail += "; " + strconv.Itoa(n) + " waiting"
	}
	return indexEndpoint{URL: e.url, Detail: detail}
}

// payerOf is who pays a checkout.
func (t *tx) payerOf(s *checkoutSession) string {
	if d := s.CustomerDetails; d != nil {
		return cmp.Or(val(d.Email), val(d.Name), val(s.Customer))
	}
	return val(s.Customer)
}

func modeText(live bool) string {
	if live {
		return "Live mode"
	}
	return "Test mode"
}

// kindText names a kind of object: "checkout session".
func kindText(kind string) string {
	return strings.NewReplacer("_", " ", ".", " ", "invoiceitem", "invoice item").Replace(kind)
}

// durationText is roughly how long: "31 days" or "1 hour".
func durationText(d time.Duration) string {
	if days := int64(d / (24 * time.Hour)); days > 0 {
		return countText(days, "day")
	}
	if hours := int64(d / time.Hour); hours > 0 {
		return countText(hours, "hour")
	}
	return countText(max(1, int64(d/time.Minute)), "minute")
}
