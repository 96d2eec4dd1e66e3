package tenant

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/text/currency"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// Settings are a platform's own.
type Settings struct {
	Currency       string   `json:"currency"`
	AllowedOrigins []string `json:"allowedOrigins"`
	Domains        []string `json:"domains"`
	RateLimit      *int32   `json:"rateLimit"` // calls a minute of all users together; nil: unlimited

	CheckoutSuccessURL *string `json:"checkoutSuccessUrl"` // nil: a page of ours
	CheckoutCancelURL  *string `json:"checkoutCancelUrl"`  // likewise
}

const mostPlatformCalls = 100_000_000

// SettingsChange holds what shall change; nil leaves a field as it is.
type SettingsChange struct {
	Name           *string
	Currency       *string
	AllowedOrigins *[]string
	RateLimit      *RateLimit

	CheckoutSuccessURL *Stated
	CheckoutCancelURL  *Stated
}

// RateLimit is a bound on the calls a minute of all users together; nil is none.
type RateLimit struct{ Calls *int64 }

// Settings returns the platform's settings.
func (a *Admin) Settings(ctx context.Context, at id.Platform) (Settings, error) {
	var settings Settings
	err := a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) (err error) {
		settings, err = readSettings(ctx, tx)
		return err
	})
	return settings, err
}

// ChangeSettings changes the platform's settings and returns them all.
func (a *Admin) ChangeSettings(ctx context.Context, at id.Platform, change SettingsChange) (Settings, error) {
	var faults []errs.Fault
	if change.AllowedOrigins != nil {
		for _, origin := range *change.AllowedOrigins {
			if !isOrigin(origin) {
				faults = append(faults, errs.Fault{Param: "allowedOrigins", Message: "allowedOrigins holds origins such as " +
					"https://app.example.com: a scheme and a host in lower case, no path, no wildcard; " + origin + " is none."})
			}
		}
		if len(*change.AllowedOrigins) > 100 {
			faults = append(faults, errs.Fault{Param: "allowedOrigins", Message: "allowedOrigins holds 100 origins at the most."})
		}
	}
	if limit := change.RateLimit; limit != nil && limit.Calls != nil && (*limit.Calls < 1 || *limit.Calls > mostPlatformCalls) {
		faults = append(faults, errs.Fault{Param: "rateLimit", Message: fmt.Sprintf("rateLimit is a number of calls a minute of all "+
			"users together, from 1 to %d, or null for no limit.", mostPlatformCalls)})
	}
	if change.Currency != nil && !isCurrency(*change.Currency) {
		faults = append(faults, errs.Fault{Param: "currency", Message: "currency is the code of a currency in three small letters, such as usd."})
	}
	if err := errs.Invalid(faults); err != nil {
		return Settings{}, err
	}
	var settings Settings
	err := a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		now, err := queries.LockSettings(ctx, tx, string(at))
		if err != nil {
			return err
		}
		if change.Currency != nil && *change.Currency != now {
			if err := changeCurrency(ctx, tx, *change.Currency); err != nil {
				return err
			}
			if err := PublishSoon(ctx, tx, a.queue); err != nil { // the free tiers have prices too
				return err
			}
		}
		if change.Name != nil {
			if err := platform.Rename(ctx, tx, *change.Name); err != nil {
				return err
			}
		}
		if change.RateLimit != nil {
			params := tenantdb.SetRateLimitParams{PlatformID: string(at)}
			if calls := change.RateLimit.Calls; calls != nil {
				params.RateLimit = new(int32(*calls))
			}
			if err := queries.SetRateLimit(ctx, tx, params); err != nil {
				return err
			}
		}
		if change.AllowedOrigins != nil {
			origins := slices.Compact(slices.Sorted(slices.Values(*change.AllowedOrigins)))
			err := queries.SetAllowedOrigins(ctx, tx, tenantdb.SetAllowedOriginsParams{
				PlatformID: string(at), Origins: notNil(origins),
			})
			if err != nil {
				return err
			}
		}
		if address := change.CheckoutSuccessURL; address != nil {
			params := tenantdb.SetCheckoutSuccessURLParams{PlatformID: string(at), Address: address.Text}
			if err := queries.SetCheckoutSuccessURL(ctx, tx, params); err != nil {
				return err
			}
		}
		if address := change.CheckoutCancelURL; address != nil {
			params := tenantdb.SetCheckoutCancelURLParams{PlatformID: string(at), Address: address.Text}
			if err := queries.SetCheckoutCancelURL(ctx, tx, params); err != nil {
				return err
			}
		}
		if settings, err = readSettings(ctx, tx); err != nil {
			return err
		}
		return checkReturns(ctx, tx, settings)
	})
	return settings, err
}

func readSettings(ctx context.Context, tx db.Tenant) (Settings, error) {
	row, err := queries.Settings(ctx, tx, string(tx.Platform))
	return Settings{row.Currency, row.AllowedOrigins, row.Domains, row.RateLimit, row.CheckoutSuccessUrl, row.CheckoutCancelUrl}, err
}

// isCurrency reports whether s is a code of ISO 4217 in small letters, as Stripe writes them.
func isCurrency(s string) bool {
	_, err := currency.ParseISO(s)
	// Codes with an x are of no country (gold, tests), but for those of four unions.
	union := slices.Contains([]string{"xaf", "xcd", "xof", "xpf"}, s)
	return err == nil && s == strings.ToLower(s) && (union || !strings.HasPrefix(s, "x"))
}

// isOrigin reports whether s is exactly what a browser sends as Origin. Plain http is for the machine itself alone.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || s != u.Scheme+"://"+u.Host || s != strings.ToLower(s) {
		return false
	}
	host := u.Hostname()
	if strings.ContainsAny(host, "*,;' ") {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && IsLocalHost(host)
}

// isLoopback reports whether an origin is the machine itself.
func isLoopback(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && isOrigin(origin) && IsLocalHost(u.Hostname())
}

// IsLocalHost is whether a host is the machine itself, to which plain http leads nobody astray.
func IsLocalHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
