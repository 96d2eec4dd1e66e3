package browser

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Request is what others than the one who was asked may get to see of a request: logs, histories, the next site.
type Request struct{ URL, Referer string }

// requests keeps all that a tab has asked for.
type requests struct {
	mu   sync.Mutex
	list []Request
}

func (r *requests) listen(event any) {
	var seen Request
	var headers network.Headers
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		seen.URL, headers = e.Request.URL+e.Request.URLFragment, e.Request.Headers
	case *network.EventRequestWillBeSentExtraInfo: // what goes over the wire
		headers = e.Headers
	default:
		return
	}
	for name, value := range headers {
		if text, ok := value.(string); ok && strings.EqualFold(name, "Referer") {
			seen.Referer = text
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, seen)
}

// Requests are those that the tab has made so far, each navigation and each step of a redirect among them.
func (b *Tab) Requests() []Request {
	b.requests.mu.Lock()
	defer b.requests.mu.Unlock()
	return slices.Clone(b.requests.list)
}

// Cookie is the value of a cookie for an address, also where no script may read it; empty: there is none.
func (b *Tab) Cookie(t *testing.T, address, name string) (value string) {
	t.Helper()
	b.Act(t, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		got, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{address}})
		if err != nil {
			return err
		}
		for _, c := range got.Cookies {
			if c.Name == name {
				value = c.Value
			}
		}
		return nil
	}))
	return value
}
