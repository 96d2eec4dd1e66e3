package tenant

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/id"
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

// TXTResolver looks up the TXT records of a name, as net.Resolver does.
type TXTResolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

const mostDomains = 20

var domainForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$`)

// isDomain reports whether s is the name of a host, in small letters, with a dot in it.
func isDomain(s string) bool {
	_, err := netip.ParseAddr(s)
	return err != nil && domainForm.MatchString(s) && len(s) <= 253
}

// AddDomain has a domain resolve to the platform. The developer proves that the domain is theirs by a TXT record.
func (a *Admin) AddDomain(ctx context.Context, at id.Platform, domain string) (Settings, error) {
	domain = strings.TrimSuffix(strings.ToLower(domain), ".")
	if !isDomain(domain) {
		return Settings{}, errs.InvalidParam("domain", "domain is a host name such as api.example.com.")
	}
	proven := false
	if !strings.HasSuffix(domain, ".localhost") { // which leads to this machine and nowhere else
		if err := a.prove(ctx, at, domain); err != nil {
			return Settings{}, err
		}
		proven = true
	}
	return a.changeDomains(ctx, at, func(ctx context.Context, tx db.Tenant) error {
		ok, err := queries.AddDomain(ctx, tx, tenantdb.AddDomainParams{Domain: domain, Proven: proven})
		if err == nil && !ok {
			return errs.New(errs.Conflict, "The domain %s is in use by another platform.", domain)
		}
		if err != nil {
			return err
		}
		settings, err := readSettings(ctx, tx)
		if err != nil {
			return err
		}
		return errs.TooMany(int64(len(settings.Domains)), mostDomains, "domains")
	})
}

// prove looks for the record by which a developer shows that the domain is theirs, and means this platform.
func (a *Admin) prove(ctx context.Context, at id.Platform, domain string) error {
	record, proof := "_dreamapi."+domain, "dreamapi-platform="+string(at)
	found, err := a.resolver.LookupTXT(ctx, record)
	var unanswered *net.DNSError
	switch {
	case slices.Contains(found, proof):
		return nil
	case errors.As(err, &unanswered) && !unanswered.IsNotFound:
		return errs.New(errs.Unavailable, "The records of %s can not be looked up right now. Try again in a moment.", domain).
			Because(err).After(5 * time.Second)
	default:
		return errs.New(errs.Conflict, "To show that %s is yours, add a TXT record %s with the value %s, wait until it is "+
			"visible, and send this again.", domain, record, proof).With("record", record).With("value", proof).Because(err)
	}
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
