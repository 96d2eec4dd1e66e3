package stripe

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// seed makes what the configuration asks for and is not there yet.
func (t *tx) seed() error {
	for _, o := range t.s.store.table("_clock", Scope{}).list {
		t.s.clock = o.(*sandboxClock)
	}
	if t.s.clock == nil {
		ours := randomID("acct_1", 15)
		c := &sandboxClock{header: header{ID: "clock", Created: t.s.cfg.Now().Unix()}, Ours: ours}
		t.in(Scope{}).add(c, "")
		t.s.clock = c
	}
	t.Scope, t.now = Scope{t.s.clock.Ours, true}, t.s.nowOf("")
	if t.s.account(t.Account) == nil {
		a := t.addAccount(SeedAccount{ID: t.Account, Email: "owner@example.com", BusinessName: t.s.cfg.AppName, ChargesEnabled: true})
		a.Ours = true
	}
	for _, c := range t.s.cfg.Accounts {
		if !strings.HasPrefix(c.ID, "acct_") {
			return fmt.Errorf("the account id %q must begin with acct_", c.ID)
		}
		if t.s.account(c.ID) == nil {
			t.addAccount(c)
		}
	}
	for _, c := range t.s.cfg.Prices {
		if err := t.in(Scope{t.s.clock.Ours, c.Livemode}).seedPrice(c); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) addAccount(c SeedAccount) *account {
	country := cmp.Or(strings.ToUpper(c.Country), "US")
	a := &account{header: header{ID: cmp.Or(c.ID, randomID("acct_1", 15))}, Country: country,
		DefaultCurrency: strings.ToLower(cmp.Or(c.Currency, currencyOf(country))), ChargesEnabled: c.ChargesEnabled, PayoutsEnabled: c.ChargesEnabled,
		Metadata: map[string]string{}}
	if c.Email != "" {
		a.Email = ptr(c.Email)
	}
	if c.BusinessName != "" {
		a.BusinessProfile.Name = ptr(c.BusinessName)
	}
	t.in(accountScope(a.ID)).add(a, "")
	return a
}

// accountScope is where an account itself is kept. It belongs to no mode.
func accountScope(id string) Scope { return Scope{id, true} }

// account finds an account; nil if there is none.
func (s *Server) account(id string) *account {
	if o, ok := s.store.table("account", accountScope(id)).byID[id]; ok {
		return o.(*account)
	}
	return nil
}

func currencyOf(country string) string {
	switch country {
	case "GB":
		return "gbp"
	case "AU":
		return "aud"
	case "CA":
		return "cad"
	case "CH":
		return "chf"
	case "DK":
		return "dkk"
	case "JP":
		return "jpy"
	case "NO":
		return "nok"
	case "NZ":
		return "nzd"
	case "PL":
		return "pln"
	case "SE":
		return "sek"
	case "SG":
		return "sgd"
	case "AT", "BE", "DE", "ES", "FI", "FR", "IE", "IT", "NL", "PT":
		return "eur"
	}
	return "usd"
}

func getOwnAccount(t *tx, _ *request) (any, error) { return t.s.account(t.Account), nil }

func getAccount(t *tx, r *request) (any, error) {
	a := t.s.account(r.id)
	if a == nil || a.ID != t.Account && (!a.Connected || t.Account != t.s.clock.Ours) {
		return nil, accountInvalid(r.key, r.id)
	}
	return a, nil
}

// accountOf is the account an object belongs to: its name heads the pages.
func (t *tx) accountOf(o object) *account { return t.s.account(o.head().Account) }

// accounts are those which can be connected: everyone's but ours.
func (t *tx) accounts() []*account {
	var list []*account
	for _, tb := range t.s.store.kinds["account"] {
		for _, o := range tb.list {
			if a := o.(*account); !a.Ours {
				list = append(list, a)
			}
		}
	}
	slices.SortFunc(list, func(a, b *account) int { return cmp.Compare(a.Seq, b.Seq) })
	return list
}

var errNoAccount = errors.New("there is no such account")

// other is an account that isn't ours.
func (t *tx) other(id string) (*account, error) {
	a := t.s.account(id)
	if a == nil || a.Ours {
		return nil, errNoAccount
	}
	return a, nil
}

// setChargesEnabled does what Stripe does when it has, or lacks, what it must
// know of an account's owner.
func (t *tx) setChargesEnabled(id string, on bool) error {
	a, err := t.other(id)
	if err != nil {
		return err
	}
	t.in(accountScope(id)).update("account.updated", a, func() { a.ChargesEnabled, a.PayoutsEnabled = on, on })
	return nil
}

// deauthorize takes our application's access away, as the account's owner can.
func (t *tx) deauthorize(id string) error {
	a, err := t.other(id)
	if err != nil {
		return err
	}
	if !a.Connected {
		return errors.New("the account isn't connected")
	}
	t.edit(a)
	a.Connected = false
	t.in(accountScope(id)).emitApplication("account.application.deauthorized")
	return nil
}

// emitApplication records an event about our application and an account.
func (t *tx) emitApplication(kind string) {
	t.emitData(kind, t.s.cfg.ClientID, map[string]any{
		"object": map[string]any{"id": t.s.cfg.ClientID, "object": "application", "name": t.s.cfg.AppName},
	})
}

// scopeCount is how many objects of each kind an account has in a mode.
type scopeCount struct {
	Account  *account
	Livemode bool
	Counts   map[string]int // by kind: "customer", "subscription", …
}

// counts are of every account, ours first, live before test.
func (t *tx) counts() []scopeCount {
	var list []scopeCount
	for _, a := range append([]*account{t.s.account(t.s.clock.Ours)}, t.accounts()...) {
		for _, live := range []bool{true, false} {
			c := scopeCount{Account: a, Livemode: live, Counts: map[string]int{}}
			for kind, scopes := range t.s.store.kinds {
				tb := scopes[Scope{a.ID, live}]
				if tb != nil && len(tb.list) > 0 && kind[0] != '_' && kind != "account" {
					c.Counts[kind] = len(tb.list)
				}
			}
			list = append(list, c)
		}
	}
	return list
}
