// The pages, as HTML. What people typed and what a model wrote is only ever text: html escapes it.
import { api, origin, publishableKey } from './config.js';
import { longestBrief, tones } from './writer.js';

export function welcome() {
  return page('Blurb writes what your shop says', undefined, html`
    <h1>Three sentences, and it sells</h1>
    <p class="soft">Say what it is. Blurb writes what your shop says about it: some texts a month for nothing, and more on a plan.</p>
    <p class="links"><a class="button" href="/login?page=sign-up">Sign up</a> <a class="button quiet" href="/login?page=sign-in">Sign in</a></p>`);
}

/** Where one writes. `refusal` is why nothing was written, `{words, brief}`; without `usage` the page does not say what is left. */
export function desk(session, usage, texts, refusal) {
  const { about, tone } = refusal?.brief ?? { about: '', tone: tones[0] };
  return page('Write', session, html`
    <h1>What are you selling?</h1>
    <form id="write" method="post" action="/write">
      <label for="about">In a few words</label>
      <textarea id="about" name="about" rows="3" maxlength="${longestBrief}" required placeholder="a teapot that never drips">${about}</textarea>
      <fieldset><legend>Tone</legend>
        ${tones.map((t) => html`<label><input type="radio" name="tone" value="${t}" ${t === tone ? 'checked' : ''}> ${t}</label>`)}
      </fieldset>
      <button>Write it</button>
      <p id="says" role="status">${refusal?.words}</p>
    </form>
    ${usage && left(usage)}
    <section id="texts" aria-labelledby="written">
      <h2 id="written">Written</h2>
      <article id="new" aria-live="polite" hidden></article>
      ${texts.length === 0 ? html`<p class="soft">Nothing yet.</p>` : texts.map((t) => html`
        <article><h3>${t.about}</h3><p>${t.text}</p></article>`)}
    </section>
    <script type="module" src="/static/desk.js"></script>`);
}

function left({ plan, usageCount, limit, remaining }) {
  return html`<section id="usage">
    <p><strong>${limit === null ? `${usageCount} texts` : `${usageCount} of ${limit} texts`}</strong> <span class="soft">on the plan ${plan}</span></p>
    ${limit !== null && html`<progress max="${limit}" value="${usageCount}" aria-label="Used of the plan"></progress>`}
    ${remaining === 0 && html`<p>That is all that your plan grants for now.</p>`}
    <p><a class="button ${remaining === 0 ? '' : 'quiet'}" href="/plans">See the plans</a></p>
  </section>`;
}

/** The price list. A browser with scripts draws it by <dream-pricing>, and else shows what stands in it. */
export function plans(session, { plan }, tiers) {
  return page('Plans', session, html`
    <h1>Plans</h1>
    <dream-pricing publishable-key="${publishableKey}" api-url="${api}" current="${plan}" heading-level="2" success-url="${origin}/" cancel-url="${origin}/plans">
      <ul class="plans">${tiers.map((tier) => html`
        <li><h2>${tier.displayName}</h2>
          <p>${tier.limit === null ? 'as many texts as you like' : `${tier.limit} texts`}</p>
          ${tier.name === plan ? html`<p class="soft">This is your plan.</p>` : tier.prices.filter((p) => p.price > 0).map((p) => html`
            <form method="post" action="/upgrade">
              <input type="hidden" name="tier" value="${tier.name}"><input type="hidden" name="interval" value="${p.interval}">
              <button>Choose ${tier.displayName} for ${money(p.price, tier.currency)} a ${p.interval}</button>
            </form>`)}
        </li>`)}
      </ul>
    </dream-pricing>
    <p><a href="/">Back</a></p>
    <script type="module" src="/static/plans.js"></script>`);
}

export function problem(title, words) {
  return page(title, undefined, html`<h1>${title}</h1><p class="soft">${words}</p><p class="links"><a class="button" href="/">To the start</a></p>`);
}

function page(title, session, main) {
  const account = `${api}/account?${new URLSearchParams({ publishableKey, redirectUrl: `${origin}/` })}`;
  return String(html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>${title}</title>
  <link rel="stylesheet" href="/static/style.css">
  <link rel="icon" href="/static/icon.svg">
</head>
<body>
  <header>
    <a href="/">Blurb</a>
    ${session && html`<nav aria-label="You"><a href="${account}">${session.customer.email ?? 'Your account'}</a>
      <form method="post" action="/sign-out"><button class="quiet">Sign out</button></form></nav>`}
  </header>
  <main>${main}</main>
</body>
</html>`);
}

function money(minor, currency) {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

class Html {
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

function html(parts, ...values) {
  return new Html(parts.reduce((text, part, i) => text + escaped(values[i - 1]) + part));
}

function escaped(value) {
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(escaped).join('');
  if (value === undefined || value === false) return '';
  return String(value).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
