package stripe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/dream-api/dream-api/internal/sandbox/standin"
)

// Config is what Start needs. Money is in minor units of the currency.
type Config struct {
	Dir      string // folder of stripe.json; "" keeps the state in memory only
	Addr     string // loopback address; "" is 127.0.0.1:0
	LiveKey  string // secret key of our account in live mode
	TestKey  string // and in test mode
	ClientID string // ca_… of our Connect application
	AppName  string // how the consent page calls it; "" is "dream-api"
	// RedirectURIs are where the consent page may lead back to: compared exactly.
	RedirectURIs []string
	Endpoints    []Endpoint
	Prices       []SeedPrice
	Accounts     []SeedAccount
	// FailedPayment is what becomes of a subscription whose invoice can't be
	// collected in the end: "cancel" (also for ""), "unpaid" or "past_due".
	FailedPayment string
	Now           func() time.Time // nil is time.Now
	Log           *slog.Logger     // nil discards
	// Retries is how long to wait after each failed delivery of an event; the
	// last one repeats. nil is standin.Retries.
	Retries []time.Duration
	// OnClock is called when the clock was turned, with how far it is ahead in all, and before anything happens that
	// falls into that time. It must not call the Server.
	OnClock func(ahead time.Duration)
}

// Endpoint is a webhook endpoint that is configured rather than created by the
// API. A Connect one gets the events of connected accounts, any other those of
// our own. As at Stripe, a live Connect endpoint gets test events too.
type Endpoint struct {
	URL, Secret       string
	Connect, Livemode bool
	Events            []string // empty means all
}

// SeedPrice is a price of our account that exists from the start.
type SeedPrice struct {
	ID, ProductName string
	Amount          int64
	Currency        string
	Interval        string // "" is a one-time price
	Livemode        bool
}

// SeedAccount is somebody else's Stripe account that exists from the start. It
// is connected only when its owner has consented.
type SeedAccount struct {
	ID, Email, BusinessName, Country, Currency string
	ChargesEnabled                             bool
}

// Server is a running stand-in.
type Server struct {
	cfg    Config
	http   *standin.HTTP
	inUse  sync.Map // idempotency keys of requests under way
	faults standin.Faults
	// failedKeys are the idempotency keys whose request a fault answered with a
	// 500, and that status: the next request with the key gets it too.
	failedKeys sync.Map

	mu        sync.Mutex // guards what follows
	store     *store
	journal   *journal
	clock     *sandboxClock
	timetable timetable
	endpoints []*endpoint
	redirects []string

	tick    chan struct{}   // tells the world's worker that the timetable has changed
	running context.Context // ends when the server is to close
	halt    context.CancelFunc
	workers sync.WaitGroup
	deliver context.Context // ends the deliveries which Close can't wait for
	abort   context.CancelFunc
	stop    func() error
}

// Start restores the state and listens. The server ends with Close, or with ctx.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("stripe sandbox: %w", err)
	}
	s := &Server{cfg: cfg, store: newStore(), redirects: cfg.RedirectURIs,
		tick: make(chan struct{}, 1)}
	s.running, s.halt = context.WithCancel(context.WithoutCancel(ctx))
	s.deliver, s.abort = context.WithCancel(context.WithoutCancel(ctx))
	var err error
	if s.http, err = standin.Listen(cfg.Addr); err != nil {
		return nil, fmt.Errorf("stripe sandbox: %w", err)
	}
	if err := s.restore(); err != nil {
		s.halt()
		return nil, fmt.Errorf("stripe sandbox: %w", errors.Join(err, s.http.Shutdown(ctx)))
	}
	s.http.Serve(s.handler(), cfg.Log)
	s.workers.Go(s.keepTime)
	s.stop = sync.OnceValue(s.shutdown)
	context.AfterFunc(ctx, func() { _ = s.Close() })
	return s, nil
}

func (cfg *Config) complete() error {
	if cfg.LiveKey == "" || cfg.TestKey == "" || cfg.LiveKey == cfg.TestKey {
		return errors.New("LiveKey and TestKey must be given, and differ")
	}
	if cfg.AppName == "" {
		cfg.AppName = "dream-api"
	}
	switch cfg.FailedPayment {
	case "":
		cfg.FailedPayment = failCancel
	case failCancel, failUnpaid, failPastDue:
	default:
		return fmt.Errorf("FailedPayment %q must be cancel, unpaid or past_due", cfg.FailedPayment)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if len(cfg.Retries) == 0 {
		cfg.Retries = standin.Retries
	}
	return checkEndpoints(cfg.Endpoints)
}

// restore reads the state, makes what the configuration asks for, and starts
// the delivery of events.
func (s *Server) restore() error {
	var err error
	if s.journal, err = openJournal(s.cfg.Dir, s.store); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.store.everything() {
		s.timetable.note(s, o)
	}
	if err := s.run(true, requestInfo{}, (*tx).seed); err != nil {
		return err
	}
	s.setConfigured(s.cfg.Endpoints)
	return s.journal.compact(s.store)
}

// URL is the address of the listener; the API is below its /v1.
func (s *Server) URL() string { return "http://" + s.http.Addr() }

// SetRedirectURIs changes where the consent page may lead back to.
func (s *Server) SetRedirectURIs(uris []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.redirects = uris
}

// Close finishes the requests and deliveries that are under way, and writes
// the state. Events which are still pending are delivered after the next start.
func (s *Server) Close() error { return s.stop() }

func (s *Server) shutdown() error {
	s.halt()
	patience, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	context.AfterFunc(patience, s.abort)
	err := s.http.Shutdown(patience)
	s.workers.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(err, s.journal.compact(s.store), s.journal.close())
}

// handler is the listener's route table. A name that merely resolves to us is no
// reason to answer: the control endpoints have no password (DNS rebinding).
func (s *Server) handler() http.Handler {
	root := http.NewServeMux()
	root.Handle("/v1/", s.guardKeys(s.withFaults(s.api())))
	root.Handle("POST /oauth/token", s.withFaults(http.HandlerFunc(s.oauthToken)))
	root.Handle("POST /oauth/deauthorize", s.withFaults(http.HandlerFunc(s.oauthDeauthorize)))
	root.Handle("/_sandbox/", s.control())
	root.Handle("/", s.withFaults(s.pages()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !standin.IsLoopback(standin.Hostname(r.Host)) {
			writeError(w, &apiError{status: http.StatusMisdirectedRequest, Type: typeInvalid,
				Message: "The sandbox answers to localhost and loopback addresses only."})
			return
		}
		root.ServeHTTP(w, r)
	})
}
