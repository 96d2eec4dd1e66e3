package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// mailbag takes the events that Stripe sends, and delivers them otherwise than Stripe would.
type mailbag struct {
	url      string // where Stripe sends them
	secrets  map[string]string
	stranger account // of somebody who would move the customers of others

	mu        sync.Mutex
	more      *sync.Cond
	rand      *rand.Rand
	raging    bool // before that, letters are delivered as they come
	letters   []letter
	late      []letter // delivered when all has happened
	underway  int
	servers   []*server
	borrowed  []string // Stripe customers of the stranger
	over      bool
	wrong     []string
	genuine   int
	repeated  int
	forged    int
	delivered int
}

// letter is an event on its way to a surface.
type letter struct {
	host      string
	body      []byte
	sign      func(body []byte) string // the signature, at the time of delivery
	want      int                      // the status to be answered
	described string
}

func newMailbag(t *testing.T, seed uint64) *mailbag {
	t.Helper()
	m := &mailbag{rand: rand.New(rand.NewPCG(seed, 3))}
	m.more = sync.NewCond(&m.mu)
	ear := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		surface, of, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
		if of == "webhook/stripe" {
			m.receive(surface, body)
		}
	}))
	t.Cleanup(ear.Close)
	m.url = ear.URL
	var workers sync.WaitGroup
	for range 6 {
		workers.Go(m.work)
	}
	t.Cleanup(func() {
		m.mu.Lock()
		m.over = true
		m.more.Broadcast()
		m.mu.Unlock()
		workers.Wait()
	})
	return m
}

// receive takes what Stripe sends to a surface.
func (m *mailbag) receive(surface string, body []byte) {
	var event object
	if err := json.Unmarshal(body, &event); err != nil {
		panic(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.genuine++
	host, endpoint := apiHost, "STRIPE_TEST_WEBHOOK_SECRET"
	switch {
	case surface == "developer":
		host, endpoint = dashboardHost, "STRIPE_WEBHOOK_SECRET"
	case event["account"] != nil:
		endpoint = "STRIPE_CONNECT_WEBHOOK_SECRET"
	}
	l := letter{host, body, m.signed(endpoint), http.StatusOK, fmt.Sprint(event["type"])}
	copies := 1
	if m.raging {
		copies = 2 + m.rand.IntN(4)
		if m.rand.IntN(2) == 0 {
			m.letters = append(m.letters, m.forge(l, endpoint, event))
			m.forged++
		}
	}
	for range copies {
		bag := &m.letters
		if m.raging && m.rand.IntN(4) == 0 {
			bag = &m.late
		}
		*bag = append(*bag, l)
	}
	m.repeated += copies - 1
	m.more.Broadcast()
}

// signed signs as Stripe does for an endpoint, by the name of the variable that holds its secret.
func (m *mailbag) signed(endpoint string) func(body []byte) string {
	return func(body []byte) string { return signedWith(m.secrets[endpoint], 0)(body) } // known when there are servers
}

// signedWith signs a body with a secret at a time that lies so far ahead.
func signedWith(secret string, ahead time.Duration) func(body []byte) string {
	return func(body []byte) string {
		at := strconv.FormatInt(time.Now().Add(ahead).Unix(), 10)
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(at + "."))
		mac.Write(body)
		return "t=" + at + ",v1=" + hex.EncodeToString(mac.Sum(nil))
	}
}

// forge makes a letter that must change nothing out of one that may. What its endpoint takes for signed, but must not
// store, has an id that begins with evt_forged.
func (m *mailbag) forge(l letter, endpoint string, event object) letter {
	refused := func(sign func([]byte) string, described string) letter {
		return letter{l.host, withID(event, "evt_forged", m.forged), sign, http.StatusUnauthorized, described}
	}
	changed := func(id, described string, change func(event, data object)) letter {
		var copied object
		if err := json.Unmarshal(withID(event, id, m.forged), &copied); err != nil {
			panic(err)
		}
		change(copied, copied["data"].(object)["object"].(object))
		body, err := json.Marshal(copied)
		if err != nil {
			panic(err)
		}
		return letter{l.host, body, l.sign, http.StatusOK, described}
	}
	ended := func(event, data object) {
		if data["object"] == "subscription" {
			event["type"], data["status"] = "customer.subscription.deleted", "canceled"
		}
	}
	secret := m.secrets[endpoint]
	switch m.rand.IntN(9) {
	case 0:
		return refused(signedWith("whsec_of_somebody_else_entirely", 0), "signed with another's secret")
	case 1:
		return refused(signedWith("", 0), "signed with no secret")
	case 2:
		return refused(signedWith(secret, -6*time.Minute), "stale")
	case 3:
		return refused(signedWith(secret, 6*time.Minute), "of the future")
	case 4:
		return refused(func([]byte) string { return l.sign(l.body) }, "with the signature of another")
	case 5:
		other := map[string]string{dashboardHost: "STRIPE_CONNECT_WEBHOOK_SECRET", apiHost: "STRIPE_WEBHOOK_SECRET"}[l.host]
		return refused(m.signed(other), "signed for another endpoint")
	case 6:
		return changed("evt_forged", "of the other mode", func(event, data object) {
			event["livemode"] = event["livemode"] != true
			ended(event, data)
		})
	case 7:
		l.host, l.sign = apiHost, m.signed("STRIPE_CONNECT_WEBHOOK_SECRET")
		return changed("evt_stranger", "of another connected account", func(event, data object) {
			event["account"], event["livemode"] = m.stranger, true
			if len(m.borrowed) > 0 && m.rand.IntN(2) == 0 {
				data["customer"] = m.borrowed[m.rand.IntN(len(m.borrowed))]
			}
			ended(event, data)
		})
	default:
		return changed("evt_lie", "that lies", ended)
	}
}

// withID is an event under another id.
func withID(event object, id string, n int) []byte {
	event = maps.Clone(event)
	event["id"] = fmt.Sprint(id, "_", n)
	body, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	return body
}

// strangers notes a Stripe customer of the stranger.
func (m *mailbag) strangers(customer string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.borrowed = append(m.borrowed, customer)
}

// to says which servers are there.
func (m *mailbag) to(servers ...*server) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.servers = append([]*server(nil), servers...)
	m.more.Broadcast()
}

// rage begins to repeat, shuffle, forge and hold back.
func (m *mailbag) rage() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.raging = true
}

// release lets go of what was held back.
func (m *mailbag) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.letters, m.late = append(m.letters, m.late...), nil
	m.more.Broadcast()
}

// idle is whether everything has been delivered, also what was held back.
func (m *mailbag) idle() bool {
	m.release()
	return m.empty()
}

// empty is whether everything has been delivered that is not held back.
func (m *mailbag) empty() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.letters) == 0 && m.underway == 0
}

// work delivers letters, in no order, and those that no server took again.
func (m *mailbag) work() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		for !m.over && (len(m.letters) == 0 || len(m.servers) == 0) {
			m.more.Wait()
		}
		if m.over {
			return
		}
		i := m.rand.IntN(len(m.letters))
		l := m.letters[i]
		m.letters[i] = m.letters[len(m.letters)-1]
		m.letters = m.letters[:len(m.letters)-1]
		to := m.servers[m.rand.IntN(len(m.servers))]
		m.underway++
		m.mu.Unlock()
		got, err := send(to.http, post("/webhook/stripe", l.body).on(l.host).with("Stripe-Signature", l.sign(l.body)))
		m.mu.Lock()
		m.underway--
		m.delivered++
		switch {
		case err != nil: // it was killed
			m.letters = append(m.letters, l)
		case got.status != l.want:
			m.wrong = append(m.wrong, fmt.Sprintf("an event %s is answered with %d, not %d: %s", l.described, got.status, l.want, got.body))
		}
	}
}
