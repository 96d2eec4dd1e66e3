package browser

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dream-api/dream-api/e2e/wait"
)

// What a person does on a page, who finds things by the words that stand on or beside them.

// Open goes to an address.
func (b *Tab) Open(t *testing.T, address string) {
	t.Helper()
	b.Act(t, chromedp.Navigate(address))
}

// Reload opens the page again.
func (b *Tab) Reload(t *testing.T) { t.Helper(); b.Act(t, chromedp.Reload()) }

// Press clicks the button or link that says so, opening what it is folded away in, and returns when the page behind it
// is there. Of several it is the first.
func (b *Tab) Press(t *testing.T, words string) {
	t.Helper()
	b.find(t, words)
	b.Click(t, "[data-e2e=found]")
}

// PressHere is Press of what a script takes up, so that no other page comes.
func (b *Tab) PressHere(t *testing.T, words string) {
	t.Helper()
	b.find(t, words)
	b.Act(t, chromedp.Click(chromedp.CSS("[data-e2e=found]")))
}

// find marks the button or link that says so.
func (b *Tab) find(t *testing.T, words string) {
	t.Helper()
	const find = `(() => {
		const says = e => [e.getAttribute('aria-label'), e.textContent.replace(/\s+/g, ' ').trim()].includes(%s);
		const found = [...document.querySelectorAll('main button, main a')].find(says);
		document.querySelectorAll('[data-e2e]').forEach(e => e.removeAttribute('data-e2e'));
		if (!found) return 'nothing';
		found.setAttribute('data-e2e', 'found');
		const folded = found.closest('details:not([open])');
		if (folded) folded.querySelector('summary').setAttribute('data-e2e', 'fold');
		return folded ? 'folded' : 'there';
	})()`
	found := Look[string](t, b, strings.Replace(find, "%s", quoted(words), 1))
	switch found {
	case "nothing":
		t.Fatalf("at %s nothing says %q:\n%s", b.Where(), words, b.Words(t))
	case "folded":
		b.Act(t, chromedp.Click(chromedp.CSS("[data-e2e=fold]")))
	}
}

// Fill types into the fields with these labels, which come before the values; where two have the same, an id tells them
// apart.
func (b *Tab) Fill(t *testing.T, pairs ...string) {
	t.Helper()
	const find = `(() => {
		const words = %s;
		const label = [...document.querySelectorAll('main label')].find(e => e.textContent.replace(/\s+/g, ' ').trim().startsWith(words));
		const field = document.getElementById(words) || label && (label.control || label.querySelector('input'));
		document.querySelectorAll('[data-e2e]').forEach(e => e.removeAttribute('data-e2e'));
		if (field) field.setAttribute('data-e2e', 'field');
		return !!field;
	})()`
	for i := 0; i < len(pairs); i += 2 {
		if !Look[bool](t, b, strings.Replace(find, "%s", quoted(pairs[i]), 1)) {
			t.Fatalf("at %s there is no field %q:\n%s", b.Where(), pairs[i], b.Words(t))
		}
		field := chromedp.CSS("[data-e2e=field]")
		switch kind := Look[string](t, b, "document.querySelector('[data-e2e=field]').type"); kind {
		case "radio", "checkbox":
			b.Act(t, chromedp.Click(field))
		default:
			Look[string](t, b, "document.querySelector('[data-e2e=field]').value = ''")
			b.Act(t, chromedp.SendKeys(field, pairs[i+1]))
		}
	}
}

// Choose clicks the label of what can be chosen.
func (b *Tab) Choose(t *testing.T, label string) { t.Helper(); b.Fill(t, label, "") }

// Text is what the element says, whether it can be seen or not.
func (b *Tab) Text(t *testing.T, selector string) string {
	t.Helper()
	return Look[string](t, b, "document.querySelector("+quoted(selector)+").textContent")
}

// Words are what the page says.
func (b *Tab) Words(t *testing.T) string {
	t.Helper()
	return Look[string](t, b, "document.body.innerText")
}

// Says fails the test where the page does not say all of it.
func (b *Tab) Says(t *testing.T, words ...string) {
	t.Helper()
	page := b.Words(t)
	for _, part := range words {
		if !strings.Contains(page, part) {
			t.Fatalf("%s does not say %q:\n%s", b.Where(), part, page)
		}
	}
}

// DoesNotSay fails the test where the page says so.
func (b *Tab) DoesNotSay(t *testing.T, words string) {
	t.Helper()
	if page := b.Words(t); strings.Contains(page, words) {
		t.Fatalf("%s says %q:\n%s", b.Where(), words, page)
	}
}

// AwaitAt returns when the address has that in it and the page is there: some pages lead on by themselves.
func (b *Tab) AwaitAt(t *testing.T, part string) {
	t.Helper()
	wait.For(t, "way to "+part, func() bool { return strings.Contains(b.Where(), part) })
	b.Act(t, chromedp.WaitVisible(chromedp.CSS("main")))
}

// AwaitWords opens the page again until it says so.
func (b *Tab) AwaitWords(t *testing.T, words string) {
	t.Helper()
	wait.For(t, quoted(words)+" at "+b.Where(), func() bool {
		if strings.Contains(b.Words(t), words) {
			return true
		}
		b.Reload(t)
		return false
	})
}

// Path is the path of the page's address.
func (b *Tab) Path(t *testing.T) string { t.Helper(); return Look[string](t, b, "location.pathname") }

// Pay pays at Stripe's page with a card; button is what there is to press there.
func (b *Tab) Pay(t *testing.T, card, button string) {
	t.Helper()
	b.Fill(t, "Card number", card, "Expiry", "12/34", "Security code", "123", "Name", "Eve Moneypenny")
	b.Press(t, button)
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a text always has a form in JSON
	}
	return string(text)
}
