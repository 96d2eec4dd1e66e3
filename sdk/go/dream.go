// Package dream talks to dream-api: accounts, billing and usage limits for a SaaS.
//
//	client := dream.New(os.Getenv("DREAM_SECRET_KEY"))
//	customer, err := client.Customers.Create(ctx, dream.NewCustomer{Email: "ada@example.com", Plan: "free"})
//	usage, err := client.Track(ctx, customer.ID)           // counts, and refuses what is beyond the tier's limit
//	checkout, err := client.Checkout(ctx, customer.ID, "pro") // checkout.URL is a page at Stripe
//
// A call is tried again where it failed in passing, and never counts twice for it. Errors are told apart with errors.As:
// [Error] is any answer that refuses, [TierLimitError] and others are kinds of it, and [ConnectionError] is no answer at all.
//
// The package imports the standard library alone. What the API itself means is told in docs/api.md of the repository.
package dream

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"
)

// Version is that of this package, as the User-Agent says it.
const Version = "0.1.0"

// Client calls the API for one platform. It may be used by many goroutines at once.
type Client struct {
	Customers   *Customers
	Sessions    *Sessions
	Invitations *Invitations

	base      string
	issuer    string
	audiences []string // the publishable keys whose session tokens are good
	agent     string
	http      *http.Client
	timeout   time.Duration
	retries   int
	longest   time.Duration // that is waited before another try
	broken    error         // what is wrong with the arguments of New; each call returns it
	// The key is behind a function so that nothing which prints a Client shows it.
	authorize func(http.Header)
	keys      *keySet
	now       func() time.Time
}

// New makes a client for a secret key (sk_…). With a publishable key (pk_…) it can do what an app that keeps no secret can:
// read the tiers, trade codes for sessions, and act for a user by [Client.As].
//
// Where the API is says DREAM_API_URL in the environment, or [BaseURL]. What is wrong with the arguments, such as a key that is empty, is the error of each call.
func New(key string, options ...Option) *Client {
	c := &Client{
		base: os.Getenv("DREAM_API_URL"), agent: "dream-api-go/" + Version,
		http: &http.Client{Transport: transport}, timeout: 30 * time.Second, retries: 3, longest: 10 * time.Second, now: time.Now,
	}
	public := strings.HasPrefix(key, "pk_")
	if public {
		c.audiences = []string{key}
	}
	for _, set := range options {
		set(c)
	}
	c.base = strings.TrimRight(c.base, "/")
	c.issuer = cmp.Or(c.issuer, c.base)
	c.broken = errors.Join(checkKey(key), checkBase(c.base))
	c.authorize = func(h http.Header) {
		if public {
			h.Set("X-Publishable-Key", key)
			return
		}
		h.Set("Authorization", "Bearer "+key)
	}
	own := *c.http
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // a key goes where it was sent
	c.http = &own
	c.keys = &keySet{client: c, turn: make(chan struct{}, 1)}
	c.Customers, c.Sessions, c.Invitations = &Customers{c}, &Sessions{c}, &Invitations{c}
	return c
}

// transport is that of all clients which are given none: it keeps as many connections to the API as a busy server needs.
var transport = func() http.RoundTripper {
	usual, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport // somebody's own
	}
	own := usual.Clone()
	own.MaxIdleConnsPerHost = 64
	return own
}()

var keyForm = regexp.MustCompile(`^(sk|pk)_(test|live)_[0-9A-Za-z]+$`)

func checkKey(key string) error {
	switch {
	case key == "":
		return errors.New("dream: the key is empty: set DREAM_SECRET_KEY to the secret key of your platform, which the dashboard shows")
	case strings.HasPrefix(key, "dk_"):
		return errors.New("dream: this is a developer token, which is for the dashboard's API: use a secret key (sk_…)")
	case !keyForm.MatchString(key):
		return errors.New("dream: the key is neither a secret key (sk_test_…, sk_live_…) nor a publishable one (pk_…)")
	}
	return nil
}

func checkBase(base string) error {
	if base == "" {
		return errors.New("dream: it is not said where the API is: set DREAM_API_URL, or give the option dream.BaseURL")
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("dream: the base URL is an address such as https://api.example.com")
	}
	return nil
}

// String says nothing of the key.
func (c *Client) String() string { return "dream.Client of " + c.base }

// GoString says nothing of the key.
func (c *Client) GoString() string { return c.String() }

// Option sets something of a client.
type Option func(*Client)

// BaseURL says where the API is, such as https://api.example.com; without it the environment's DREAM_API_URL does. There is no
// default: a secret key goes nowhere that was not named.
func BaseURL(address string) Option { return func(c *Client) { c.base = address } }

// HTTPClient has the client send its requests by another http.Client. Redirects are not followed, whatever that would do.
func HTTPClient(client *http.Client) Option { return func(c *Client) { c.http = client } }

// Timeout bounds each try of a call: 30 seconds unless said, 0 for none. The context bounds the call as a whole.
func Timeout(d time.Duration) Option { return func(c *Client) { c.timeout = d } }

// Retries is how often a call is tried again: 3 times unless said, 0 for never.
func Retries(n int) Option { return func(c *Client) { c.retries = max(0, n) } }

// LongestWait bounds what is waited between two tries: 10 seconds unless said. Where the API says with Retry-After that it
// will take longer, as it may where a user calls too often, its error is returned instead.
func LongestWait(d time.Duration) Option { return func(c *Client) { c.longest = d } }

// UserAgent puts the name of your product before ours.
func UserAgent(product string) Option { return func(c *Client) { c.agent = product + " " + c.agent } }

// Issuer is the one that session tokens must name: the address of the API as its operator configured it. It is the base URL
// unless said, which is right unless you call the API by a domain of your own.
func Issuer(address string) Option {
	return func(c *Client) { c.issuer = strings.TrimRight(address, "/") }
}

// PublishableKeys are those whose session tokens [Sessions.Verify] takes: the platform's own, and after a rotation the one
// before as well.
func PublishableKeys(keys ...string) Option {
	return func(c *Client) { c.audiences = append(c.audiences, keys...) }
}
