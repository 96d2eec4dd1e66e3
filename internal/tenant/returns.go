package tenant

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/dream-api/dream-api/internal/db"
	"github.com/dream-api/dream-api/internal/errs"
)

// Where customers go after a checkout that does not say it itself. Each address is at an allowed origin, now and whatever becomes of the
// origins, so that nobody is led astray by way of us.

const longestReturn = 2000

// CheckoutReturns are where customers go who have paid, and who have not; empty: to pages of ours.
func CheckoutReturns(ctx context.Context, tx db.Tenant) (success, cancel string, err error) {
	row, err := queries.CheckoutReturns(ctx, tx, string(tx.Platform))
	return row.Success, row.Cancel, err
}

// checkReturns finds what is wrong with the addresses of the settings as they would be.
func checkReturns(ctx context.Context, tx db.Tenant, s Settings) error {
	test, err := queries.IsTest(ctx, tx)
	if err != nil {
		return err
	}
	var faults []errs.Fault
	for _, one := range []struct {
		param   string
		address *string
	}{{"checkoutSuccessUrl", s.CheckoutSuccessURL}, {"checkoutCancelUrl", s.CheckoutCancelURL}} {
		if one.address == nil {
			continue
		}
		u, err := url.Parse(*one.address)
		if err != nil || u.User != nil || len(*one.address) > longestReturn || !isOrigin(originOf(u)) {
			faults = append(faults, errs.Fault{Param: one.param, Message: one.param + " is an address such as https://app.example.com/paid, of up " +
				"to 2,000 bytes; plain http is for localhost alone."})
		} else if origin := originOf(u); !slices.Contains(s.AllowedOrigins, origin) && (!test || !isLoopback(origin)) {
			faults = append(faults, errs.Fault{Param: one.param, Message: one.param + " is at " + origin + ", which is not among the allowed " +
				"origins. Add it there, or take the address away."})
		}
	}
	return errs.Invalid(faults)
}

func originOf(u *url.URL) string { return u.Scheme + "://" + strings.ToLower(u.Host) }
