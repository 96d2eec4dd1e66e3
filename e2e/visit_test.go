package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// What a person does on a page, who finds things by the words that stand on or beside them.

func (b *tab) open(t *testing.T, address string) {
	t.Helper()
	b.act(t, chromedp.Navigate(address))
}

// press clicks the button or link that says so, opening what it is folded away in, and returns when the page behind it
// is there. Of several it is the first.
func (b *tab) press(t *testing.T, words string) {
	t.Helper()
	const find = `(() => {
		const says = e => (e.getAttribute('aria-label') || e.textContent).replace(/\s+/g, ' ').trim() === %s;
		const found = [...document.querySelectorAll('main button, main a')].find(says);
		document.querySelectorAll('[data-e2e]').forEach(e => e.removeAttribute('data-e2e'));
		if (!found) return 'nothing';
		found.setAttribute('data-e2e', 'found');
		const folded = found.closest('details:not([open])');
		if (folded) folded.querySelector('summary').setAttribute('data-e2e', 'fold');
		return folded ? 'folded' : 'there';
	})()`
	found := look[string](t, b, strings.Replace(find, "%s", quoted(words), 1))
	switch found {
	case "nothing":
		t.Fatalf("at %s nothing says %q:\n%s", b.where(), words, b.words(t))
	case "folded":
		b.act(t, chromedp.Click(chromedp.CSS("[data-e2e=fold]")))
	}
	b.click(t, "[data-e2e=found]")
}

// fill types into the fields with these labels, which come before the values.
func (b *tab) fill(t *testing.T, pairs ...string) {
	t.Helper()
	const find = `(() => {
		const label = [...document.querySelectorAll('main label')].find(e => e.textContent.replace(/\s+/g, ' ').trim().startsWith(%s));
		const field = label && (label.control || label.querySelector('input'));
		document.querySelectorAll('[data-e2e]').forEach(e => e.removeAttribute('data-e2e'));
		if (field) field.setAttribute('data-e2e', 'field');
		return !!field;
	})()`
	for i := 0; i < len(pairs); i += 2 {
		if !look[bool](t, b, strings.Replace(find, "%s", quoted(pairs[i]), 1)) {
			t.Fatalf("at %s there is no field %q:\n%s", b.where(), pairs[i], b.words(t))
		}
		field := chromedp.CSS("[data-e2e=field]")
		switch kind := look[string](t, b, "document.querySelector('[data-e2e=field]').type"); kind {
		case "radio", "checkbox":
			b.act(t, chromedp.Click(field))
		default:
			b.act(t, chromedp.Clear(field), chromedp.SendKeys(field, pairs[i+1]))
		}
	}
}

// choose clicks the label of what can be chosen.
func (b *tab) choose(t *testing.T, label string) { t.Helper(); b.fill(t, label, "") }

// words are what the page says.
func (b *tab) words(t *testing.T) string {
	t.Helper()
	return look[string](t, b, "document.body.innerText")
}

// says fails the test where the page does not say all of it.
func (b *tab) says(t *testing.T, words ...string) {
	t.Helper()
	page := b.words(t)
	for _, part := range words {
		if !strings.Contains(page, part) {
			t.Fatalf("%s does not say %q:\n%s", b.where(), part, page)
		}
	}
}

// doesNotSay fails the test where the page says so.
func (b *tab) doesNotSay(t *testing.T, words string) {
	t.Helper()
	if page := b.words(t); strings.Contains(page, words) {
		t.Fatalf("%s says %q:\n%s", b.where(), words, page)
	}
}

// awaitAt returns when the address has that in it and the page is there: some pages lead on by themselves.
func (b *tab) awaitAt(t *testing.T, part string) {
	t.Helper()
	await(t, "way to "+part, func() bool { return strings.Contains(b.where(), part) })
	b.act(t, chromedp.WaitReady(chromedp.CSS("body")))
}

// awaitWords opens the page again until it says so.
func (b *tab) awaitWords(t *testing.T, words string) {
	t.Helper()
	await(t, quoted(words)+" at "+b.where(), func() bool {
		if strings.Contains(b.words(t), words) {
			return true
		}
		b.act(t, chromedp.Reload())
		return false
	})
}

// path is the path of the page's address.
func (b *tab) path(t *testing.T) string { t.Helper(); return look[string](t, b, "location.pathname") }

// secret is the secret that the page shows, which it must not show again.
func (b *tab) secret(t *testing.T) string {
	t.Helper()
	b.says(t, "shown this once")
	shown := look[string](t, b, "document.querySelector('#secret').textContent")
	b.act(t, chromedp.Reload())
	b.doesNotSay(t, shown)
	return shown
}

// pay pays at Stripe's page with a card; button is what there is to press there.
func (b *tab) pay(t *testing.T, card, button string) {
	t.Helper()
	b.fill(t, "Card number", card, "Expiry", "12/34", "Security code", "123", "Name", "Eve Moneypenny")
	b.press(t, button)
}

// noComplaints checks that nothing went wrong of which only the console knows, but for the status of pages that refuse.
func (b *tab) noComplaints(t *testing.T, statuses ...string) {
	t.Helper()
	for _, complaint := range b.complaints() {
		expected := false
		for _, status := range statuses {
			expected = expected || strings.Contains(complaint, "the server responded with a status of "+status)
		}
		if !expected {
			t.Errorf("the console shows %q", complaint)
		}
	}
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a text always has a form in JSON
	}
	return string(text)
}

var reload = chromedp.Reload()
