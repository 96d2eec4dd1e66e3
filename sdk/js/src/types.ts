import type { DreamError } from './errors.js';

/** What is known of the answer in which a result came. It is not listed among the result's own fields. */
export interface Answered {
  /** By which we find the request in our log. */
  readonly requestId: string;
  /** Whether the API had done this before, for the same idempotency key, and gave its first answer again. */
  readonly replayed: boolean;
}

/** What can be said of any call. */
export interface CallOptions {
  /** Ends the call, as it does with `fetch`. */
  signal?: AbortSignal | undefined;
  /** For this call, in milliseconds, in the place of the client's. */
  timeout?: number | undefined;
}

/** What can be said of a call that the API does once for its key. */
export interface OnceOptions extends CallOptions {
  /**
   * Whoever makes the same call with the same key within a day gets the first answer. Each call has a random one anyway,
   * which its own tries share; give one to repeat a call later. It has 1 to 255 visible ASCII characters.
   */
  idempotencyKey?: string | undefined;
}

export interface Customer {
  id: string;
  email: string | null;
  firstName: string;
  lastName: string;
  /** The name of a tier. */
  plan: string;
  publishableKey: string;
  metadata: Record<string, unknown>;
  createdAt: string;
}

/**
 * With an email alone it becomes a user of the shared sign-in, with an id of your own one who signs in with you. Without a
 * plan they are on the default tier.
 */
export interface NewCustomer {
  /** 1 to 128 letters, digits and `_ . : @ | -` */
  id?: string | undefined;
  email?: string | undefined;
  firstName?: string | undefined;
  lastName?: string | undefined;
  plan?: string | undefined;
  password?: string | undefined;
}

/** What changes of a customer: what is missing stays. Metadata is merged, and a key in it with `null` goes. */
export interface CustomerUpdate {
  plan?: string | undefined;
  firstName?: string | undefined;
  lastName?: string | undefined;
  metadata?: Record<string, unknown> | undefined;
}

/** Which customers are listed: all that fit all of it. */
export interface CustomerFilter extends CallOptions {
  email?: string | undefined;
  plan?: string | undefined;
  /** Part of an id, an address or a name. */
  q?: string | undefined;
}

/** What a user has used of a meter in the present period. */
export interface Usage {
  count: number;
  /** `null`: unlimited. With the units that were granted besides. */
  limit: number | null;
  remaining: number | null;
  plan: string;
  meter: string;
  period: Period;
  /** `null` for a lifetime. */
  periodStart: string | null;
  periodEnd: string | null;
  /** Units that were granted beyond the plan's. */
  extra?: number;
}

export type Period = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year' | 'lifetime';

/** What a user has used of every meter of the plan; the first fields are those of the meter `requests`. */
export interface UsageReport {
  userId: string;
  plan: string;
  usageCount: number;
  limit: number | null;
  remaining: number | null;
  periodStart: string | null;
  periodEnd: string | null;
  meters: Record<string, Usage>;
}

export interface UserTrackOptions extends OnceOptions {
  /** How many units, all or none of them: 1 unless said. 0 asks whether one more would fit; a negative one gives units back. */
  quantity?: number | undefined;
  /** What is counted: `requests` unless said. */
  meter?: string | undefined;
}

export interface TrackOptions extends UserTrackOptions {
  /** The tier of a user who is no customer here. For a customer it is ignored. */
  plan?: string | undefined;
}

/** One call of a batch. Its id is its idempotency key; an item without one is given a random one, which its result names. */
export interface BatchItem {
  id?: string | undefined;
  userId: string;
  plan?: string | undefined;
  meter?: string | undefined;
  quantity?: number | undefined;
}

export type BatchResult =
  | { id: string; status: number; success: true; replayed: boolean; usage: Usage }
  | { id: string; status: number; success: false; replayed: boolean; error: DreamError };

export interface NewGrant {
  userId: string;
  /** Of a user who is no customer. */
  plan?: string | undefined;
  meter?: string | undefined;
  quantity: number;
  /** Until the period ends, or until they are used. */
  expires: 'period' | 'used';
  reason?: string | undefined;
}

/** Units that were granted, or given back. */
export interface Adjustment {
  id: string;
  userId: string;
  meter: string;
  kind: 'grant' | 'return';
  quantity: number;
  expires: 'period' | 'used' | null;
  reason: string;
  createdAt: string;
}

export interface Granted {
  grant: Adjustment;
  usage: Usage;
}

export type Interval = 'month' | 'year';

export interface UserCheckoutOptions extends OnceOptions {
  interval?: Interval | undefined;
  /** Where the browser goes after the payment. The plan is right when it arrives. */
  successUrl?: string | undefined;
  cancelUrl?: string | undefined;
}

export interface CheckoutOptions extends UserCheckoutOptions {
  /** The tier of a user who is no customer yet. */
  plan?: string | undefined;
}

/** A page at Stripe, to which the browser is sent. */
export interface Checkout {
  url: string;
}

export interface PortalOptions extends CallOptions {
  returnUrl?: string | undefined;
}

export interface Price {
  interval: Interval;
  /** In the currency's minor unit. */
  price: number;
  /** At Stripe. */
  priceId: string | null;
}

/** An entry of the price list. `price`, `interval` and `priceId` are those of the first of `prices`. */
export interface Tier {
  name: string;
  displayName: string;
  /** In the currency's minor unit. */
  price: number;
  currency: string;
  interval: Interval;
  /** Of `requests`; `null`: unlimited. */
  limit: number | null;
  meters: Record<string, { limit: number | null; period: Period; anchor: 'calendar' | 'customer' | 'subscription' }>;
  features: string[];
  priceId: string | null;
  prices: Price[];
  trialDays: number;
}

/** What a product holds for a customer who is signed in. */
export interface Tokens {
  /** Good until `expiresAt`, ten minutes. */
  token: string;
  /** Good once. */
  refreshToken: string;
  expiresAt: string;
  sessionId: string;
  customer: Customer;
}

export interface ExchangeOptions extends OnceOptions {
  /** That of the sign-in's code challenge; a must where it began with one. */
  codeVerifier?: string | undefined;
  /** Where the code was sent. */
  redirectUrl?: string | undefined;
}

/** `state` and `codeVerifier` are kept where only this browser's session finds them, until it comes back with a code. */
export interface SignIn {
  url: string;
  state: string;
  codeVerifier: string;
}

/** Where a customer is signed in: in a product of yours, or on the account page. */
export interface Session {
  id: string;
  kind: 'product' | 'page';
  userAgent: string;
  createdAt: string;
  seenAt: string;
}

/** What a session token says. `plan` is that of the moment, for information: what counts is looked up. */
export interface Claims {
  customerId: string;
  sessionId: string;
  publishableKey: string;
  plan: string;
  issuedAt: Date;
  expiresAt: Date;
}

export interface NewInvitation {
  email: string;
  plan?: string | undefined;
  /** 1 to 90; 7 unless said. */
  expiresInDays?: number | undefined;
}

export interface Invitation {
  id: string;
  email: string;
  plan: string | null;
  state: 'open' | 'accepted' | 'expired' | 'revoked';
  createdAt: string;
  expiresAt: string;
  acceptedAt: string | null;
  customerId: string | null;
  revokedAt: string | null;
}

/** `url` is the link to send. It is told once: `null` with an idempotency key of yours that was used before. */
export interface NewlyInvited extends Invitation {
  url: string | null;
}
