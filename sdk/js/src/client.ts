import { errorOf, UsageError } from './errors.js';
import { agent, Transport, withAnswer, type Call, type Subject } from './http.js';
import { Customers, Grants, Invitations, Tiers } from './resources.js';
import { isInTheOpen, randomText, variable } from './runtime.js';
import { Sessions } from './sessions.js';
import type {
  Answered, BatchItem, BatchResult, CallOptions, Checkout, CheckoutOptions, PortalOptions, TrackOptions, Usage, UsageReport,
  UserCheckoutOptions, UserTrackOptions,
} from './types.js';

export interface DreamOptions {
  /**
   * Where the API is, such as `https://api.example.com`; without it the variable `DREAM_API_URL` of the environment says so. There is no
   * default: a secret key goes nowhere that was not named.
   */
  baseUrl?: string | undefined;
  /** That of the platform; with it session tokens are verified and sign-ins begun. After a rotation the one before may follow. */
  publishableKey?: string | string[] | undefined;
  /** The issuer that session tokens must name: `baseUrl` unless said, which is right but for a domain of your own. */
  issuer?: string | undefined;
  /** For each try of a call, in milliseconds: 30,000 unless said, 0 for none. */
  timeout?: number | undefined;
  /** How often a call is tried again: 3 times unless said. */
  retries?: number | undefined;
  /** In milliseconds, what is waited between two tries at the most: 10,000 unless said. Where it will take longer, the error is thrown. */
  longestWait?: number | undefined;
  /** In the place of the global one. */
  fetch?: typeof fetch | undefined;
  /** The name of your product, which the User-Agent then says before ours. */
  userAgent?: string | undefined;
}

/** Counts what a user uses. */
export interface Track {
  /**
   * Counts for a user. What does not fit below the limit of the plan is a `TierLimitError`, and nothing of it is counted;
   * once the promise resolves, it is counted and stored.
   */
  (userId: string, options?: TrackOptions): Promise<Usage & Answered>;
  /** Counts up to 1,000 items, each for itself: the results are in their order, and each may have failed. */
  batch(items: BatchItem[], options?: CallOptions): Promise<BatchResult[] & Answered>;
}

/** Calls the API for one platform. */
export class Dream {
  readonly customers: Customers;
  readonly sessions: Sessions;
  readonly invitations: Invitations;
  readonly tiers: Tiers;
  readonly grants: Grants;
  readonly track: Track;
  readonly #transport: Transport;

  /**
   * Makes a client of a secret key (`sk_…`), which is for a server alone. With a publishable key (`pk_…`) it can do what an
   * app can that keeps no secret: read the tiers, trade codes for sessions, and act for a user by `as`.
   */
  constructor(key: string | undefined, options: DreamOptions = {}) {
    const checked = checkKey(key);
    const baseUrl = checkBase(options.baseUrl ?? variable('DREAM_API_URL'));
    const anyFetch = options.fetch ?? globalThis.fetch;
    if (typeof anyFetch !== 'function') throw new UsageError('There is no fetch here: give one as an option, or use Node 18 or later.');
    this.#transport = new Transport({
      baseUrl, key: checked,
      fetch: (input, init) => anyFetch(input, init), // called as a function: a browser's knows its window
      timeout: options.timeout ?? 30_000,
      retries: options.retries ?? 3,
      longestWait: options.longestWait ?? 10_000,
      userAgent: options.userAgent ? `${options.userAgent} ${agent}` : agent,
      checkout: (subject, tier, more) => this.#checkout(subject, tier, more),
    });
    const send = (call: Call) => this.#transport.send(call);
    const publishable = checked.startsWith('pk_') ? [checked] : [];
    const named = options.publishableKey === undefined ? [] : [options.publishableKey].flat();
    this.customers = new Customers(send);
    this.sessions = new Sessions(send, baseUrl, (options.issuer ?? baseUrl).replace(/\/+$/, ''), [...publishable, ...named]);
    this.invitations = new Invitations(send);
    this.tiers = new Tiers(send);
    this.grants = new Grants(send);
    this.track = Object.assign(
      (userId: string, more?: TrackOptions) => this.#track(subjectOf(userId), more),
      { batch: (items: BatchItem[], more?: CallOptions) => this.#batch(items, more) },
    );
  }

  /** What a user has used. It changes nothing. */
  async usage(userId: string, options?: CallOptions & { plan?: string | undefined }): Promise<UsageReport & Answered> {
    return this.#usage(subjectOf(userId), options);
  }

  /** Makes a page at Stripe, on which the user subscribes to the tier or confirms the change of a subscription. */
  async checkout(userId: string, tier: string, options?: CheckoutOptions): Promise<Checkout & Answered> {
    return this.#checkout(subjectOf(userId), tier, options);
  }

  /** Makes a page at Stripe, on which the customer changes or cancels the subscription, changes the card and finds invoices. */
  async portal(userId: string, options?: PortalOptions): Promise<Checkout & Answered> {
    return this.#portal(subjectOf(userId), options);
  }

  /** Acts for a user by their own session token, or by a function that gets a fresh one. */
  as(token: string | (() => string | Promise<string>)): User {
    const subject: Subject = { token: typeof token === 'function' ? token : () => token };
    return {
      track: (options) => this.#track(subject, options),
      usage: (options) => this.#usage(subject, options),
      checkout: (tier, options) => this.#checkout(subject, tier, options),
      portal: (options) => this.#portal(subject, options),
    };
  }

  async #track(subject: Subject, options: TrackOptions = {}): Promise<Usage & Answered> {
    const { quantity, meter, plan, idempotencyKey } = options;
    checkQuantity(quantity);
    const said = quantity !== undefined || meter !== undefined;
    const { body, answered } = await this.#transport.send({
      method: 'POST', path: '/api/data', subject, plan, once: true, idempotencyKey, options, ...(said ? { body: { quantity, meter } } : {}),
    });
    return withAnswer(body.usage, answered);
  }

  async #batch(items: BatchItem[], options: CallOptions | undefined): Promise<BatchResult[] & Answered> {
    for (const { quantity } of items) checkQuantity(quantity);
    const all = await Promise.all(items.map(async (item) => ({ ...item, id: item.id ?? await randomText(24) })));
    const { body, answered } = await this.#transport.send({
      method: 'POST', path: '/api/data/batch', body: { items: all }, repeatable: true, options,
    });
    const results = (body.results as Record<string, any>[]).map((result, i): BatchResult => {
      const { id, status, success, replayed, usage, ...rest } = result;
      if (success) return { id, status, success: true, replayed, usage };
      const { userId, plan } = all[i]!;
      const facts = { requestId: answered.requestId, idempotencyKey: id };
      const error = errorOf(usage === undefined ? rest : { ...rest, usage }, status, facts, (tier, more) =>
        this.#checkout({ userId }, tier, plan ? { plan, ...more } : more));
      return { id, status, success: false, replayed, error };
    });
    return withAnswer(results, answered);
  }

  async #usage(subject: Subject, options: (CallOptions & { plan?: string | undefined }) | undefined): Promise<UsageReport & Answered> {
    const { body, answered } = await this.#transport.send({ method: 'GET', path: '/api/usage', subject, plan: options?.plan, options });
    return withAnswer(body, answered);
  }

  async #checkout(subject: Subject, tier: string, options: CheckoutOptions = {}): Promise<Checkout & Answered> {
    const { interval, successUrl, cancelUrl, plan, idempotencyKey } = options;
    const { body, answered } = await this.#transport.send({
      method: 'POST', path: '/api/create-checkout', subject, plan, body: { tier, interval, successUrl, cancelUrl }, once: true,
      idempotencyKey, options,
    });
    return withAnswer(body, answered);
  }

  async #portal(subject: Subject, options: PortalOptions | undefined): Promise<Checkout & Answered> {
    const { body, answered } = await this.#transport.send({
      method: 'POST', path: '/api/customer-portal', subject, body: { returnUrl: options?.returnUrl ?? '' }, repeatable: true, options,
    });
    return withAnswer(body, answered);
  }
}

/** What can be done by a user's own token. It gives no units back, states no plan, and its addresses must be at allowed origins. */
export interface User {
  track(options?: UserTrackOptions): Promise<Usage & Answered>;
  usage(options?: CallOptions): Promise<UsageReport & Answered>;
  checkout(tier: string, options?: UserCheckoutOptions): Promise<Checkout & Answered>;
  portal(options?: PortalOptions): Promise<Checkout & Answered>;
}

function subjectOf(userId: string): Subject {
  if (typeof userId !== 'string' || userId === '') throw new UsageError('The id of the user is empty.');
  return { userId };
}

// JSON writes NaN as null, and the API would take that for 1.
function checkQuantity(quantity: number | undefined): void {
  if (quantity !== undefined && !Number.isSafeInteger(quantity)) throw new UsageError(`quantity is a whole number, and not ${quantity}.`);
}

function checkKey(key: string | undefined): string {
  if (!key) throw new UsageError('The key is empty: set DREAM_SECRET_KEY to the secret key of your platform, which the dashboard shows.');
  if (key.startsWith('sk_') && isInTheOpen()) {
    throw new UsageError('A secret key has no place in a browser or an app: whoever reads it can do everything that you can. Use it on ' +
      'your server, and here a publishable key (pk_…) with the user\'s token. If this key is in a page already, rotate it.');
  }
  if (key.startsWith('dk_')) throw new UsageError('This is a developer token, which is for the dashboard\'s API: use a secret key (sk_…).');
  if (!/^(sk|pk)_(test|live)_[0-9A-Za-z]+$/.test(key)) {
    throw new UsageError('The key is neither a secret key (sk_test_…, sk_live_…) nor a publishable one (pk_…).');
  }
  return key;
}

function checkBase(address: string | undefined): string {
  if (!address) throw new UsageError('It is not said where the API is: set DREAM_API_URL, or give the option baseUrl.');
  try {
    const url = new URL(address);
    if (/^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search && !url.hash) return address.replace(/\/+$/, '');
  } catch {
    // said below
  }
  throw new UsageError('baseUrl is an address such as https://api.example.com.');
}
