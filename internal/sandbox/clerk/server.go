package clerk

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/dream-api/dream-api/internal/sandbox/standin"
)

// App is one Clerk application.
type App struct {
	Name          string // also the label of its frontend host: lower case letters, digits, hyphens
	SecretKey     string // sk_test_…
	WebhookSecret string // whsec_…; may be empty if there is no WebhookURL
	WebhookURL    string // where signed events go; "" for nowhere
	// JWTTemplates are created if the app has none of that name. The claims may
	// hold Clerk's shortcodes, such as {{user.public_metadata.publishableKey}}.
	JWTTemplates map[string]map[string]any
}

// Config is what Start needs.
type Config struct {
	Dir  string // folder of clerk.json; "" keeps the state in memory only
	Addr string // loopback address; "" is 127.0.0.1:0
	Apps []App
	Now  func() time.Time // nil is time.Now
	Log  *slog.Logger     // nil discards
	// Retries is how long to wait after each failed delivery of an event; the
	// last one repeats. nil is standin.Retries.
	Retries []time.Duration
}

// Server is a running stand-in.
type Server struct {
	cfg      Config
	http     *standin.HTTP
	port     string
	apps     []*app
	frontend map[string]*app // by host name
	faults   standin.Faults

	mu    sync.Mutex // guards state and the apps' webhook settings
	state *state

	running context.Context // ends when the server is to close
	halt    context.CancelFunc
	workers sync.WaitGroup
	deliver context.Context // ends the deliveries which Close can't wait for
	abort   context.CancelFunc
	stop    func() error
}

// app is an App at run time.
type app struct {
	App
	host   string // name of the frontend host, without the port
	signer *standardwebhooks.Webhook
	wake   chan struct{} // tells the app's delivery worker that the queue has changed
	*appState
}

var appName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Start restores the state and listens. The server ends with Close, or with ctx.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if len(cfg.Retries) == 0 {
		cfg.Retries = standin.Retries
	}
	s := &Server{cfg: cfg, frontend: map[string]*app{}}
	s.faults.Refuses = s.refuses
	var err error
	if s.state, err = load(cfg.Dir); err != nil {
		return nil, err
	}
	for _, c := range cfg.Apps {
		if err := s.addApp(c); err != nil {
			return nil, fmt.Errorf("clerk sandbox: app %q: %w", c.Name, err)
		}
	}
	if err := s.save(); err != nil {
		return nil, err
	}
	if s.http, err = standin.Listen(cfg.Addr); err != nil {
		return nil, fmt.Errorf("clerk sandbox: %w", err)
	}
	_, s.port, _ = net.SplitHostPort(s.http.Addr())
	s.http.Serve(s.handler(), cfg.Log)
	s.running, s.halt = context.WithCancel(context.WithoutCancel(ctx))
	s.deliver, s.abort = context.WithCancel(context.WithoutCancel(ctx))
	for _, a := range s.apps {
		s.workers.Go(func() { s.deliverEvents(a) })
	}
	s.stop = sync.OnceValue(s.shutdown)
	context.AfterFunc(ctx, func() { _ = s.Close() })
	return s, nil
}

func (s *Server) addApp(c App) error {
	if !appName.MatchString(c.Name) {
		return errors.New("the name must be a host label")
	}
	if c.SecretKey == "" {
		return errors.New("no secret key")
	}
	for _, other := range s.apps {
		if other.Name == c.Name || other.SecretKey == c.SecretKey {
			return errors.New("its name or secret key is another app's too")
		}
	}
	a := &app{App: c, host: c.Name + ".clerk.localhost", wake: make(chan struct{}, 1)}
	if c.WebhookSecret != "" {
		signer, err := standardwebhooks.NewWebhook(c.WebhookSecret)
		if err != nil {
			return fmt.Errorf("webhook secret: %w", err)
		}
		a.signer = signer
	} else if c.WebhookURL != "" {
		return errors.New("a webhook URL needs a webhook secret")
	}
	if s.state.Apps[c.Name] == nil {
		fresh, err := newAppState(s.cfg.Now())
		if err != nil {
			return err
		}
		s.state.Apps[c.Name] = fresh
	}
	a.appState = s.state.Apps[c.Name]
	s.apps = append(s.apps, a)
	s.frontend[a.host] = a
	return a.addConfiguredTemplates(s.cfg.Now())
}

// URL is the address of the listener; the Backend API is below its /v1.
func (s *Server) URL() string { return "http://" + s.http.Addr() }

// Issuer is the address of the app's frontend, and the iss of its tokens. It
// is "" if there is no such app.
func (s *Server) Issuer(app string) string {
	if a := s.app(app); a != nil {
		return s.issuer(a)
	}
	return ""
}

// PublishableKey names the app's frontend host the way Clerk's keys do. It is
// "" if there is no such app.
func (s *Server) PublishableKey(app string) string {
	a := s.app(app)
	if a == nil {
		return ""
	}
	return "pk_test_" + base64.StdEncoding.EncodeToString([]byte(a.host+":"+s.port+"$"))
}

// SetWebhookURL changes where the app's events go. Pending ones go there too.
// It does nothing if there is no such app, or if the app has no webhook secret.
func (s *Server) SetWebhookURL(app, url string) {
	a := s.app(app)
	if a == nil || a.signer == nil {
		return
	}
	s.mu.Lock()
	a.WebhookURL = url
	s.mu.Unlock()
	standin.Wake(a.wake)
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
	return errors.Join(err, s.save())
}

func (s *Server) issuer(a *app) string { return "http://" + a.host + ":" + s.port }

func (s *Server) app(name string) *app {
	for _, a := range s.apps {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// handler is the listener's route table.
func (s *Server) handler() http.Handler {
	root := http.NewServeMux()
	root.Handle("/v1/", s.backend())
	root.Handle("/_sandbox/", s.control())
	root.Handle("GET /assets/", standin.Assets(files))
	root.HandleFunc("GET /{$}", s.index)
	sites := map[*app]http.Handler{}
	for _, a := range s.apps {
		base := "/apps/" + a.Name
		sites[a] = s.site(a, "")
		root.Handle(base+"/", http.StripPrefix(base, s.site(a, base)))
	}
	return s.withFaults(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := standin.Hostname(r.Host)
		switch a := s.frontend[host]; {
		case a != nil:
			sites[a].ServeHTTP(w, r)
		case standin.IsLoopback(host) && !strings.HasSuffix(host, ".clerk.localhost"):
			root.ServeHTTP(w, r)
		default:
			// A name that merely resolves to us is no reason to answer: the
			// control endpoints have no password (DNS rebinding).
			writeError(w, hostInvalid())
		}
	}))
}

// appOf is the app a request is for, or nil.
func (s *Server) appOf(r *http.Request) *app {
	if a := s.frontend[standin.Hostname(r.Host)]; a != nil {
		return a
	}
	if rest, ok := strings.CutPrefix(r.URL.Path, "/apps/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		return s.app(name)
	}
	a, _ := s.authenticate(r)
	return a
}
