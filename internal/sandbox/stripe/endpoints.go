package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/dream-api/dream-api/internal/sandbox/standin"
)

// webhookEndpoint is an endpoint created by the API.
type webhookEndpoint struct {
	header
	APIVersion    *string           `json:"api_version"`
	Application   *string           `json:"application"`
	Description   *string           `json:"description"`
	EnabledEvents []string          `json:"enabled_events"`
	Metadata      map[string]string `json:"metadata"`
	Status        string            `json:"status"` // enabled or disabled
	URL           string            `json:"url"`
	Secret        string            `json:"_secret"` // answered once, at the creation
	Connect       bool              `json:"_connect"`
}

func (*webhookEndpoint) kind() string { return "webhook_endpoint" }

// endpoint is where events go at run time, with the queue of those on their way.
type endpoint struct {
	id          string
	scope       Scope // whose events; of a Connect endpoint, whose connected accounts'
	connect     bool
	events      []string
	url, secret string
	queue       []*event
	wake        chan struct{}
	running     context.Context // ends with the server, or when the endpoint is wanted no more
	halt        context.CancelFunc
	configured  bool
}

func checkEndpoints(list []Endpoint) error {
	for _, c := range list {
		if u, err := url.Parse(c.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("the webhook endpoint's URL %q is not an HTTP address", c.URL)
		}
		if c.Secret == "" {
			return errors.New("a webhook endpoint needs a secret: with none, receivers would verify anything")
		}
	}
	return nil
}

// SetEndpoints replaces the configured endpoints. An endpoint is the same one
// as before if it is the n-th with its Connect and Livemode: events that are
// still pending then go to the new URL. A list with an invalid one is refused.
func (s *Server) SetEndpoints(list []Endpoint) error {
	if err := checkEndpoints(list); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setConfigured(list)
	return nil
}

func (s *Server) setConfigured(list []Endpoint) {
	s.cfg.Endpoints = list
	s.syncEndpoints()
}

// wanted are the endpoints there should be.
func (s *Server) wanted() []endpoint {
	var list []endpoint
	nth := map[string]int{}
	for _, c := range s.cfg.Endpoints {
		group := map[bool]string{true: "live", false: "test"}[c.Livemode]
		if c.Connect {
			group += "_connect"
		}
		nth[group]++
		list = append(list, endpoint{id: fmt.Sprintf("we_configured_%s_%d", group, nth[group]), connect: c.Connect, events: c.Events,
			url: c.URL, secret: c.Secret, scope: Scope{s.clock.Ours, c.Livemode}, configured: true})
	}
	for sc, tb := range s.store.kinds["webhook_endpoint"] {
		for _, o := range tb.list {
			if w := o.(*webhookEndpoint); w.Status == "enabled" {
				list = append(list, endpoint{id: w.ID, connect: w.Connect, events: w.EnabledEvents, url: w.URL, secret: w.Secret, scope: sc})
			}
		}
	}
	return list
}

// syncEndpoints starts and ends workers until they are those which are wanted.
func (s *Server) syncEndpoints() {
	wanted := s.wanted()
	s.endpoints = slices.DeleteFunc(s.endpoints, func(ep *endpoint) bool {
		at := slices.IndexFunc(wanted, func(w endpoint) bool { return w.id == ep.id })
		if at < 0 {
			ep.halt()
			return true
		}
		ep.events, ep.url, ep.secret = wanted[at].events, wanted[at].url, wanted[at].secret
		ep.wakeWorker()
		return false
	})
	for _, w := range wanted {
		if slices.ContainsFunc(s.endpoints, func(ep *endpoint) bool { return ep.id == w.id }) {
			continue
		}
		s.deliverTo(&w)
	}
}

// deliverTo starts the worker of an endpoint.
func (s *Server) deliverTo(ep *endpoint) {
	ep.wake = make(chan struct{}, 1)
	ep.running, ep.halt = context.WithCancel(s.running)
	ep.queue = s.pendingFor(ep.id)
	s.endpoints = append(s.endpoints, ep)
	s.workers.Go(func() { s.deliverEvents(ep) })
}

// pendingFor are the events which an earlier run has not delivered.
func (s *Server) pendingFor(endpointID string) []*event {
	var queue []*event
	for _, tb := range s.store.kinds["event"] {
		for _, o := range tb.list {
			if d := o.(*event).to(endpointID); d != nil && d.Status == standin.Pending {
				queue = append(queue, o.(*event))
			}
		}
	}
	slices.SortFunc(queue, func(a, b *event) int { return int(a.Seq - b.Seq) })
	return queue
}

// wants is whether an event goes to the endpoint. A live Connect endpoint gets
// the test events of connected accounts too: a live application can make both.
func (ep *endpoint) wants(e *event, ours string) bool {
	if ep.connect {
		if e.Account == ours || ep.scope.Account != ours || ep.scope.Livemode != e.Livemode && !ep.scope.Livemode {
			return false
		}
	} else if ep.scope != e.scope() {
		return false
	}
	return len(ep.events) == 0 || slices.Contains(ep.events, "*") || slices.Contains(ep.events, e.Type)
}

func (s *Server) urlOf(endpointID string) string {
	for _, ep := range s.endpoints {
		if ep.id == endpointID {
			return ep.url
		}
	}
	return ""
}
