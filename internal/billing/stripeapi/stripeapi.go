// Package stripeapi talks to Stripe: the calls that the product makes, in its own words, and the check of an event's
// signature. It knows the three places where we act (our own account live, our own account in test mode, and connected
// accounts) and never the SDK's global key. What a payment means is package billing's.
package stripeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"github.com/dream-api/dream-api/internal/errs"
	"github.com/dream-api/dream-api/internal/secret"
)

// Account says as whom we act: on a connected account by its id, or as one of the two below.
type Account string

const (
	// Preview is our own account in test mode, on which the customers of test platforms pay.
	Preview Account = ""
	// Own is our own account, live, on which developers pay us.
	Own Account = "own"
)

// Config is how Stripe is reached.
type Config struct {
	SecretKey     secret.Text // of our account, live; it also acts for the connected accounts
	TestSecretKey secret.Text // of our account in test mode
	ClientID      string      // of our Connect application, ca_…
	APIURL        string      // of a sandbox; empty: Stripe's own
}

// API calls Stripe.
type API struct {
	live, test *client.API
	secretKey  secret.Text
	clientID   string
	connectURL string
}

const (
	patience = 8 * time.Second // for one answer
	retries  = 1               // with the same idempotency key, if no answer came
)

// New makes an API. Nothing is called yet.
func New(cfg Config) *API {
	connect := "https://connect.stripe.com"
	backend := func(kind stripe.SupportedBackend) stripe.Backend {
		c := &stripe.BackendConfig{
			HTTPClient:        &http.Client{Timeout: patience},
			LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull}, // it would log bodies
			MaxNetworkRetries: stripe.Int64(retries),
			EnableTelemetry:   stripe.Bool(false),
		}
		if cfg.APIURL != "" {
			c.URL = stripe.String(cfg.APIURL)
		}
		return stripe.GetBackendWithConfig(kind, c)
	}
	if cfg.APIURL != "" {
		connect = strings.TrimSuffix(cfg.APIURL, "/")
	}
	backends := &stripe.Backends{
		API: backend(stripe.APIBackend), Connect: backend(stripe.ConnectBackend), Uploads: backend(stripe.UploadsBackend),
	}
	return &API{
		live: client.New(cfg.SecretKey.Reveal(), backends), test: client.New(cfg.TestSecretKey.Reveal(), backends),
		secretKey: cfg.SecretKey, clientID: cfg.ClientID, connectURL: connect,
	}
}

// as returns the client that acts for the account, and the parameters that every call carries. A key makes the call
// idempotent: Stripe answers a repetition as it did the first.
func (a *API) as(ctx context.Context, at Account, key string) (*client.API, stripe.Params) {
	params := stripe.Params{Context: ctx}
	if key != "" {
		params.SetIdempotencyKey(key)
	}
	switch at {
	case Preview:
		return a.test, params
	case Own:
		return a.live, params
	default:
		params.SetStripeAccount(string(at))
		return a.live, params
	}
}

// listAs is as for a list.
func (a *API) listAs(ctx context.Context, at Account) (*client.API, stripe.ListParams) {
	c, _ := a.as(ctx, at, "")
	params := stripe.ListParams{Context: ctx}
	if at != Preview && at != Own {
		params.SetStripeAccount(string(at))
	}
	return c, params
}

// What Stripe may say that a caller has to know.
var (
	ErrNotFound = errors.New("stripe has no such thing")
	ErrRevoked  = errors.New("the connected account has revoked our access")
	ErrExists   = errors.New("stripe has a thing with this id already")
	ErrRefused  = errors.New("stripe refused the request")
	// ErrFailed: Stripe answered that it failed. It gives a repetition with the same key the same answer, so the next try
	// needs another key.
	ErrFailed = errors.New("stripe failed")
	// ErrUnsettled: a payment is under way that can be given back only once it has arrived.
	ErrUnsettled = errors.New("the payment has not settled")
)

// refusal puts Stripe's error into ours. Stripe's own words go to the log alone: they are about our request, which is
// not the one that our user made.
func refusal(err error) error {
	if err == nil {
		return nil
	}
	var answer *stripe.Error
	if !errors.As(err, &answer) {
		return errs.New(errs.Unavailable, "Stripe can not be reached right now. Try again in a moment.").
			Because(err).After(2 * time.Second)
	}
	because := fmt.Errorf("stripe answered %d %s %s (%s): %s", answer.HTTPStatusCode, answer.Type, answer.Code, answer.RequestID, answer.Msg)
	switch {
	case answer.HTTPStatusCode == http.StatusTooManyRequests || answer.HTTPStatusCode >= 500:
		return errors.Join(ErrFailed, errs.New(errs.Unavailable, "Stripe is not answering right now. Try again in a moment.").
			Because(because).After(2*time.Second))
	case answer.HTTPStatusCode == http.StatusConflict: // the same idempotency key is under way
		return errs.New(errs.IdempotencyBusy, "The same request is under way at Stripe. Send it again in a moment.").
			Because(because).After(time.Second)
	case answer.Code == stripe.ErrorCodeResourceMissing:
		return errors.Join(ErrNotFound, failed(because))
	case answer.Code == "account_invalid": // the key "does not have access to account …"
		return errors.Join(ErrRevoked, errs.New(errs.NotConnected, "The connected Stripe account no longer lets us act for it. "+
			"Connect it again in the dashboard.").Because(because))
	case answer.Code == stripe.ErrorCodeResourceAlreadyExists, strings.Contains(answer.Msg, "lookup key"):
		return errors.Join(ErrExists, failed(because))
	default:
		return errors.Join(ErrRefused, failed(because))
	}
}

func failed(because error) error {
	return errs.New(errs.UpstreamFailed, "Stripe refused a request of ours. It is in our log under the requestId.").
		Because(because).After(30 * time.Second)
}

// moment is a time of Stripe's, in seconds; nil for none.
func moment(seconds int64) *time.Time {
	if seconds == 0 {
		return nil
	}
	return new(time.Unix(seconds, 0).UTC())
}
