import { Dream } from './client.js';
import { DreamError } from './errors.js';
import { style } from './pricing-style.js';
import type { Interval, Price, Tier } from './types.js';

/** The words of `<dream-pricing>`; `{…}` is filled in. */
export interface PricingLabels {
  period: string;
  month: string;
  year: string;
  perMonth: string;
  perYear: string;
  free: string;
  choose: string;
  current: string;
  trial: string;
  limit: string;
  unlimited: string;
  per: Record<string, string>;
  loading: string;
  leaving: string;
  failed: string;
  again: string;
}

const english: PricingLabels = {
  period: 'Billing period', month: 'Monthly', year: 'Yearly', perMonth: 'a month', perYear: 'a year', free: 'Free',
  choose: 'Choose {tier}', current: 'Your plan', trial: '{days} days free', limit: '{count} {meter} {per}', unlimited: 'Unlimited {meter}',
  per: {
    minute: 'a minute', hour: 'an hour', day: 'a day', week: 'a week', month: 'a month', year: 'a year', lifetime: 'in all',
  },
  loading: 'Loading the prices …', leaving: 'Going to the checkout …', failed: 'The prices can not be shown right now.', again: 'Try again',
};

/** What `dream-checkout` says. Whoever cancels the event sees to the checkout. */
export interface PricingChoice {
  tier: string;
  interval: Interval;
  priceId: string | null;
}

// On a server there are no elements; a page that is made there may import this all the same.
const Element_ = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

/**
 * `<dream-pricing publishable-key="pk_…">` draws the tiers of a platform.
 *
 * Attributes: `publishable-key`, `api-url`, `interval` (month or year), `current` (the name of the tier that the user is on),
 * `success-url`, `cancel-url`, `theme` (light or dark; else what the system prefers), `heading-level` (2 to 6, that of the tiers' names
 * among the page's headings; 3 unless said). Properties: `token`, a user's session token
 * or a function that gets one, with which a choice leads to the checkout; `labels`, words in another language.
 *
 * Events: `dream-checkout` when a tier is chosen, with a `PricingChoice`; `dream-error`, with the error.
 */
export class DreamPricing extends Element_ {
  static readonly observedAttributes = ['publishable-key', 'api-url', 'interval', 'current', 'heading-level'];

  /** A user's session token, or a function that gets one. */
  declare token: string | (() => string | Promise<string>) | undefined; // a page may have set it before this ran
  #labels = english;
  #tiers: Tier[] = [];
  #interval: Interval = 'month';
  #load = 0; // which one counts
  #planned = false;
  #busy = false;
  #parts: { switch: HTMLFieldSetElement; tiers: HTMLUListElement; status: HTMLParagraphElement } | undefined;

  get labels(): Partial<PricingLabels> {
    return this.#labels;
  }

  set labels(words: Partial<PricingLabels>) {
    this.#labels = { ...english, ...words, per: { ...english.per, ...words.per } };
    this.#drawAll();
  }

  connectedCallback(): void {
    if (Object.hasOwn(this, 'labels')) { // likewise
      const early = this.labels;
      delete (this as { labels?: unknown }).labels;
      this.labels = early;
    }
    if (!this.#parts) this.#build();
    this.#plan();
  }

  attributeChangedCallback(name: string): void {
    if (name === 'interval') this.#interval = this.getAttribute('interval') === 'year' ? 'year' : 'month';
    if (['interval', 'current', 'heading-level'].includes(name)) this.#drawAll();
    else this.#plan();
  }

  /** Several attributes that change at once are one reason to load. */
  #plan(): void {
    if (this.#planned || !this.isConnected) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      if (this.isConnected) void this.reload();
    });
  }

  /** Fetches the tiers again. */
  async reload(): Promise<void> {
    const load = ++this.#load;
    const key = this.getAttribute('publishable-key');
    if (!key) return; // it is set in a moment
    this.#say(this.#labels.loading);
    try {
      const tiers = await this.#dream(key).tiers.list();
      if (load !== this.#load) return;
      this.#tiers = [...tiers];
      this.#say('');
    } catch (problem) {
      if (load !== this.#load) return;
      this.#tiers = [];
      this.#fail(this.#labels.failed, problem, true);
    }
    this.#drawAll();
  }

  #dream(key: string): Dream {
    return new Dream(key, { baseUrl: this.getAttribute('api-url') ?? undefined });
  }

  #build(): void {
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet(); // which a strict Content-Security-Policy lets pass
    sheet.replaceSync(style);
    root.adoptedStyleSheets = [sheet];
    const parts = {
      switch: element('fieldset', 'switch'), tiers: element('ul', 'tiers'), status: element('p', 'status'),
    };
    parts.tiers.setAttribute('role', 'list'); // which Safari forgets of one without bullets
    parts.status.setAttribute('role', 'status');
    root.replaceChildren(parts.switch, parts.tiers, parts.status);
    this.#parts = parts;
    this.#drawAll();
  }

  #drawAll(): void {
    this.#drawSwitch();
    this.#drawTiers();
  }

  #drawSwitch(): void {
    const at = this.#parts?.switch;
    if (!at) return;
    const offered = new Set(this.#tiers.flatMap((t) => t.prices.filter((p) => p.price > 0).map((p) => p.interval)));
    at.hidden = offered.size < 2;
    if (offered.size === 1) this.#interval = [...offered][0]!;
    at.replaceChildren(element('legend', '', this.#labels.period), ...(['month', 'year'] as const).map((interval) => {
      const label = element('label', 'option');
      const radio = element('input', '');
      Object.assign(radio, { type: 'radio', name: 'interval', value: interval, checked: interval === this.#interval });
      radio.addEventListener('change', () => {
        this.#interval = interval;
        this.#drawTiers(); // and not the switch, which has the focus
      });
      label.append(radio, this.#labels[interval]);
      return label;
    }));
  }

  // Names, features and currencies are what a developer typed, or somebody who is not one: they are only ever text.
  #drawTiers(): void {
    this.#parts?.tiers.replaceChildren(...this.#tiers.map((tier, i) => {
      const current = this.getAttribute('current') === tier.name;
      const price = tier.prices.find((p) => p.interval === this.#interval) ?? tier.prices[0] ?? tier;
      const card = element('li', 'tier');
      if (current) card.setAttribute('aria-current', 'true');
      const name = tier.displayName || tier.name;
      const title = element(this.#heading(), 'name', name);
      title.id = `tier-${i}`;
      const cost = element('p', 'price');
      cost.append(element('span', 'amount', this.#amount(price.price, tier.currency)));
      if (price.price > 0) {
        cost.append(' ', element('span', 'interval', price.interval === 'year' ? this.#labels.perYear : this.#labels.perMonth));
      }
      card.append(title, cost);
      if (tier.trialDays > 0) card.append(element('p', 'trial', fill(this.#labels.trial, { days: this.#number(tier.trialDays) })));
      const features = element('ul', 'features');
      features.setAttribute('role', 'list');
      features.append(...[...this.#limits(tier), ...tier.features].map((text) => element('li', 'feature', text)));
      const button = element('button', 'button', current ? this.#labels.current : fill(this.#labels.choose, { tier: name }));
      button.type = 'button';
      button.setAttribute('aria-describedby', title.id);
      if (current) button.setAttribute('aria-disabled', 'true');
      else button.addEventListener('click', () => void this.#choose(tier, price));
      card.append(features, button);
      return card;
    }));
  }

  #heading(): 'h2' | 'h3' | 'h4' | 'h5' | 'h6' {
    const level = this.getAttribute('heading-level') ?? '';
    return /^[2-6]$/.test(level) ? `h${level}` as 'h2' : 'h3';
  }

  #limits(tier: Tier): string[] {
    return Object.entries(tier.meters).map(([meter, { limit, period }]) => limit === null
      ? fill(this.#labels.unlimited, { meter })
      : fill(this.#labels.limit, { count: this.#number(limit), meter, per: this.#labels.per[period] ?? '' }));
  }

  async #choose(tier: Tier, price: Pick<Price, 'interval' | 'priceId'>): Promise<void> {
    if (this.#busy) return;
    const detail: PricingChoice = { tier: tier.name, interval: price.interval, priceId: price.priceId };
    const mine = this.dispatchEvent(new CustomEvent('dream-checkout', { detail, bubbles: true, composed: true, cancelable: true }));
    const key = this.getAttribute('publishable-key');
    if (!mine || !this.token || !key) return;
    this.#busy = true;
    this.#say(this.#labels.leaving);
    try {
      const { url } = await this.#dream(key).as(this.token).checkout(tier.name, {
        interval: price.interval, successUrl: this.getAttribute('success-url') ?? undefined,
        cancelUrl: this.getAttribute('cancel-url') ?? undefined,
      });
      if (!/^https?:$/.test(new URL(url).protocol)) throw new TypeError('the checkout is no page');
      location.assign(url);
    } catch (problem) {
      this.#fail(problem instanceof DreamError && problem.code ? problem.message : this.#labels.failed, problem, false);
    } finally {
      this.#busy = false;
    }
  }

  #say(text: string, bad = false): void {
    const at = this.#parts?.status;
    if (!at) return;
    at.classList.toggle('bad', bad);
    at.replaceChildren(text);
  }

  #fail(text: string, error: unknown, again: boolean): void {
    this.#say(text, true);
    if (again) {
      const button = element('button', 'again', this.#labels.again);
      button.type = 'button';
      button.addEventListener('click', () => void this.reload());
      this.#parts?.status.append(' ', button);
    }
    this.dispatchEvent(new CustomEvent('dream-error', { detail: { error }, bubbles: true, composed: true }));
  }

  #amount(minor: number, currency: string): string {
    if (minor === 0) return this.#labels.free;
    try {
      const format = new Intl.NumberFormat(this.#language(), { style: 'currency', currency });
      return format.format(minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
    } catch {
      return `${minor / 100} ${currency}`; // a currency that the browser does not know
    }
  }

  #number(n: number): string {
    return new Intl.NumberFormat(this.#language()).format(n);
  }

  #language(): string | undefined {
    const said = (this.closest('[lang]') as HTMLElement | null)?.lang;
    try {
      return said ? Intl.getCanonicalLocales(said)[0] : undefined;
    } catch {
      return undefined; // no language that there is
    }
  }
}

function element<K extends keyof HTMLElementTagNameMap>(tag: K, part: string, text?: string): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (part) {
    made.setAttribute('part', part);
    made.className = part;
  }
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Fills words in. What is filled in is not looked through again. */
function fill(words: string, values: Record<string, string>): string {
  return words.replace(/\{(\w+)\}/g, (all, name: string) => values[name] ?? all).trim();
}

declare global {
  interface HTMLElementTagNameMap {
    'dream-pricing': DreamPricing;
  }
}

if (globalThis.customElements && !customElements.get('dream-pricing')) customElements.define('dream-pricing', DreamPricing);
