package tenant

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/idempotency"
	"github.com/dream-api/dream-api/internal/platform"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// Admin is what a developer does with a platform. That the platform is the developer's is checked before.
type Admin struct {
	db       *db.DB
	keeper   *idempotency.Keeper
	resolver TXTResolver
}

// TXTResolver looks up the TXT records of a name, as net.Resolver does.
type TXTResolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// NewAdmin makes an Admin.
func NewAdmin(developer *db.DB, keeper *idempotency.Keeper, resolver TXTResolver) *Admin {
	return &Admin{developer, keeper, resolver}
}

// CreatePlatform adds a platform to a project of the developer, with a free tier to start from.
func (a *Admin) CreatePlatform(
	ctx context.Context, developer id.Developer, project id.Project, mode id.Mode, name string,
) (platform.Platform, error) {
	var made platform.Platform
	err := a.db.Tenant(ctx, id.NewPlatform(), func(ctx context.Context, tx db.Tenant) (err error) {
		if made, err = platform.InsertPlatform(ctx, tx, developer, project, mode, name); err != nil {
			return err
		}
		if err := queries.InsertSettings(ctx, tx, string(tx.Platform)); err != nil {
			return err
		}
		free := Tier{
			Name: "free", DisplayName: "Free", Interval: "month", RateLimit: defaultRateLimit,
			Limits: map[string]Limit{DefaultMeter: {Max: new(int64(100)), Period: "month"}},
		}
		return insertTier(ctx, tx, free, nil)
	})
	return made, err
}

// Settings are a platform's own.
type Settings struct {
	Currency       string   `json:"currency"`
	AllowedOrigins []string `json:"allowedOrigins"`
	Domains        []string `json:"domains"`
}

// SettingsChange holds what shall change; nil leaves a field as it is.
type SettingsChange struct {
	Name           *string
	Currency       *string
	AllowedOrigins *[]string
}

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
	if change.Currency != nil && !currencyForm.MatchString(*change.Currency) {
		faults = append(faults, errs.Fault{Param: "currency", Message: "currency is a code of three small letters, such as usd."})
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
			n, err := queries.SetCurrency(ctx, tx, tenantdb.SetCurrencyParams{
				PlatformID: string(at), Currency: *change.Currency,
			})
			if err != nil {
				return err
			}
			if n == 0 {
				return errs.New(errs.Conflict, "The currency can not change once a tier has a price.")
			}
		}
		if change.Name != nil {
			if err := platform.Rename(ctx, tx, *change.Name); err != nil {
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
		settings, err = readSettings(ctx, tx)
		return err
	})
	return settings, err
}

// AddDomain has a domain resolve to the platform. The developer proves that the domain is theirs by a TXT record.
func (a *Admin) AddDomain(ctx context.Context, at id.Platform, domain string) (Settings, error) {
	domain = strings.TrimSuffix(strings.ToLower(domain), ".")
	if _, err := netip.ParseAddr(domain); err == nil || !domainForm.MatchString(domain) || len(domain) > 253 {
		return Settings{}, errs.InvalidParam("domain", "domain is a host name such as api.example.com.")
	}
	if !strings.HasSuffix(domain, ".localhost") {
		record, proof := "_dreamapi."+domain, "dreamapi-platform="+string(at)
		found, err := a.resolver.LookupTXT(ctx, record)
		if !slices.Contains(found, proof) {
			return Settings{}, errs.New(errs.Conflict, "To show that %s is yours, add a TXT record %s with the value %s, wait "+
				"until it is visible, and send this again.", domain, record, proof).Because(err)
		}
	}
	return a.changeDomains(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		ok, err := queries.AddDomain(ctx, tx, domain)
		if err == nil && !ok {
			return errs.New(errs.Conflict, "The domain %s is in use by another platform.", domain)
		}
		return err
	})
}

// RemoveDomain ends what AddDomain began.
func (a *Admin) RemoveDomain(ctx context.Context, at id.Platform, domain string) (Settings, error) {
	return a.changeDomains(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		ok, err := queries.RemoveDomain(ctx, tx, strings.ToLower(domain))
		if err == nil && !ok {
			return errs.New(errs.NotFound, "The platform has no such domain.")
		}
		return err
	})
}

func (a *Admin) changeDomains(
	ctx context.Context, at id.Platform, change func(context.Context, db.Tenant) error,
) (settings Settings, err error) {
	err = a.db.Tenant(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		if err := change(ctx, tx); err != nil {
			return err
		}
		settings, err = readSettings(ctx, tx)
		return err
	})
	return settings, err
}

func readSettings(ctx context.Context, tx db.Tenant) (Settings, error) {
	row, err := queries.Settings(ctx, tx, string(tx.Platform))
	return Settings{row.Currency, row.AllowedOrigins, row.Domains}, err
}

var (
	domainForm   = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$`)
	currencyForm = regexp.MustCompile(`^[a-z]{3}$`)
)

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
	ip := net.ParseIP(host)
	local := host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && local
}
