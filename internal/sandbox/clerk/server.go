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
	// last one repeats. nil is a shortened form of Svix's schedule.
	Retries []time.Duration
}

// Server is a running stand-in.
type Server struct {
	cfg      Config
	addr     string
	port     string
	http     *http.Server
	unused   sync.Map // connections on which no request has begun
	apps     []*app
	frontend map[string]*app // by host name
	faults   faults

	mu    sync.Mutex // guards state and the apps' webhook settings
	state *state

	closing chan struct{}
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
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if len(cfg.Retries) == 0 {
		cfg.Retries = defaultRetries
	}
	s := &Server{cfg: cfg, frontend: map[string]*app{}, closing: make(chan struct{})}
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
	listener, err := listenLoopback(cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("clerk sandbox: %w", err)
	}
	s.addr = listener.Addr().String()
	_, s.port, _ = net.SplitHostPort(s.addr)
	s.http = &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
		ConnState:         s.noteUnused,
	}
	s.http.RegisterOnShutdown(s.dropUnused)
	go func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			cfg.Log.Error("clerk sandbox stopped serving", "error", err)
		}
	}()
	s.deliver, s.abort = context.WithCancel(context.WithoutCancel(ctx))
	for _, a := range s.apps {
		s.workers.Go(func() { s.deliverEvents(a) })
	}
	s.stop = sync.OnceValue(s.shutdown)
	context.AfterFunc(ctx, func() { _ = s.Close() })
	return s, nil
}

func listenLoopback(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return nil, fmt.Errorf("%s is not a loopback address", addr)
	}
	return net.Listen("tcp", addr)
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
func (s *Server) URL() string { return "http://" + s.addr }

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
	a.wakeWorker()
}

// Close finishes the requests and deliveries that are under way, and writes
// the state. Events which are still pending are delivered after the next start.
func (s *Server) Close() error { return s.stop() }

func (s *Server) shutdown() error {
	close(s.closing)
	patience, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	context.AfterFunc(patience, s.abort)
	err := s.http.Shutdown(patience)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	s.workers.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(err, s.save())
}

// Clients open connections they then don't need, and http.Server.Shutdown waits
// seconds for those. So they are noted, and dropped.
func (s *Server) noteUnused(c net.Conn, state http.ConnState) {
	if state == http.StateNew {
		s.unused.Store(c, nil)
	} else {
		s.unused.Delete(c)
	}
}

func (s *Server) dropUnused() {
	s.unused.Range(func(c, _ any) bool {
		_ = c.(net.Conn).Close()
		return true
	})
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
	root.Handle("GET /assets/", assets())
	root.HandleFunc("GET /{$}", s.index)
	sites := map[*app]http.Handler{}
	for _, a := range s.apps {
		base := "/apps/" + a.Name
		sites[a] = s.site(a, "")
		root.Handle(base+"/", http.StripPrefix(base, s.site(a, base)))
	}
	return s.withFaults(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostname(r.Host)
		switch a := s.frontend[host]; {
		case a != nil:
			sites[a].ServeHTTP(w, r)
		case isLoopback(host) && !strings.HasSuffix(host, ".clerk.localhost"):
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
	if a := s.frontend[hostname(r.Host)]; a != nil {
		return a
	}
	if rest, ok := strings.CutPrefix(r.URL.Path, "/apps/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		return s.app(name)
	}
	a, _ := s.authenticate(r)
	return a
}

// hostname is the host without its port and trailing dot, in lower case.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
}

func isLoopback(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}
