import type { ErrorCode } from './codes.js';
import type { Checkout, CheckoutOptions, Usage } from './types.js';

/** One thing that is wrong with a request; `param` is a path such as `items[3].userId`. */
export interface Fault {
  param?: string;
  message: string;
}

/** What is known of an answer that refuses. */
export interface ErrorFacts {
  /** What programs go by. It is missing where the answer is not the API's own, but that of something between. */
  code?: ErrorCode | undefined;
  title?: string;
  message: string;
  status?: number;
  param?: string | null;
  docUrl?: string | null;
  requestId?: string | null;
  faults?: Fault[];
  retryAfter?: number | null;
  idempotencyKey?: string | null;
  details?: Record<string, unknown>;
}

/** Every error of this package. Those of its kinds say more. */
export class DreamError extends Error {
  /** What programs go by: its meaning never changes. */
  readonly code: ErrorCode | undefined;
  /** The code in words. */
  readonly title: string;
  /** Of HTTP; 0 where no answer came. */
  readonly status: number;
  /** The parameter at fault, if it is one. */
  readonly param: string | null;
  /** Where the code is explained. */
  readonly docUrl: string | null;
  /** By which we find the request in our log. */
  readonly requestId: string | null;
  /** Everything that is wrong with an invalid request. */
  readonly faults: Fault[];
  /** In how many seconds trying again may help. */
  readonly retryAfter: number | null;
  /** That of the call, if it had one: with it the same call can be made again, and is done once. */
  readonly idempotencyKey: string | null;
  /** The answer's further fields. */
  readonly details: Record<string, unknown>;

  constructor(facts: ErrorFacts, options?: { cause?: unknown }) {
    super(facts.message, options);
    this.name = new.target.name;
    this.code = facts.code;
    this.title = facts.title ?? '';
    this.status = facts.status ?? 0;
    this.param = facts.param ?? null;
    this.docUrl = facts.docUrl ?? null;
    this.requestId = facts.requestId ?? null;
    this.faults = facts.faults ?? [];
    this.retryAfter = facts.retryAfter ?? null;
    this.idempotencyKey = facts.idempotencyKey ?? null;
    this.details = facts.details ?? {};
  }
}

type Upgrade = (tier: string, options?: CheckoutOptions) => Promise<Checkout>;

/** The quantity does not fit into what the plan grants in this period. Nothing was counted. */
export class TierLimitError extends DreamError {
  /** What is used, and what is left. */
  readonly usage: Usage;
  #upgrade: Upgrade;

  constructor(facts: ErrorFacts, usage: Usage, upgrade: Upgrade) {
    super(facts);
    this.usage = usage;
    this.#upgrade = upgrade;
  }

  /** Makes a checkout of the tier for the user who has met the limit. */
  upgrade(tier: string, options?: CheckoutOptions): Promise<Checkout> {
    return this.#upgrade(tier, options);
  }
}

/** The user, or the platform, makes more calls in a minute than it may. Nothing was counted. */
export class RateLimitError extends DreamError {}
/** Something is wrong with the request: `faults` says what. */
export class InvalidRequestError extends DreamError {}
/** The key or token is wrong, has expired or was revoked. */
export class AuthenticationError extends DreamError {}
/** The credentials are good, and do not give the right. */
export class PermissionError extends DreamError {}
/** There is nothing by this id that the key may see. */
export class NotFoundError extends DreamError {}

/** The present state stands against the request. */
export class ConflictError extends DreamError {
  /** With `customer_exists`: who it is. */
  get customerId(): string | null {
    const id = this.details.customerId;
    return typeof id === 'string' ? id : null;
  }
}

/** The API, or something that it depends on, failed. The call was tried again already. */
export class ServerError extends DreamError {}

/** No answer came: the API was not reached, or its answer was lost. `cause` says more. */
export class ConnectionError extends DreamError {
  /** Whether the request may have been carried out all the same. */
  readonly mayHaveHappened: boolean;

  constructor(message: string, mayHaveHappened: boolean, idempotencyKey: string | null, cause: unknown) {
    super({ message: message + (mayHaveHappened ? ' It may have been carried out.' : ''), idempotencyKey }, { cause });
    this.mayHaveHappened = mayHaveHappened;
  }
}

/** No answer came in time. */
export class TimeoutError extends ConnectionError {}

/** A session token is not good. Its bearer is to be treated as nobody. */
export class TokenError extends DreamError {
  constructor(reason: string) {
    super({ message: `The session token is not good: ${reason}.` });
  }
}

/** The client was made, or called, in a way that can not work. */
export class UsageError extends DreamError {
  constructor(message: string) {
    super({ message });
  }
}

/** Reads the body of an answer that refuses. */
export function errorOf(
  body: unknown, status: number, facts: Pick<ErrorFacts, 'requestId' | 'retryAfter' | 'idempotencyKey'>, upgrade: Upgrade,
): DreamError {
  const read = readError(body, status, facts);
  if (read.code === 'tier_limit_reached') return new TierLimitError(read, read.details!.usage as Usage, upgrade);
  if (status === 429) return new RateLimitError(read);
  if (status === 401) return new AuthenticationError(read);
  if (status === 403) return new PermissionError(read);
  if (status === 404) return new NotFoundError(read);
  if (status === 409) return new ConflictError(read);
  if (status === 400 || status === 413 || status === 422) return new InvalidRequestError(read);
  if (status >= 500) return new ServerError(read);
  return new DreamError(read);
}

function readError(body: unknown, status: number, facts: Partial<ErrorFacts>): ErrorFacts {
  if (typeof body !== 'object' || body === null || typeof (body as { code?: unknown }).code !== 'string') {
    return {
      ...facts, status, message: `The answer ${status} is not dream-api's: something between may have made it. Is the address right?`,
    };
  }
  // The members that the API names are taken from the rest.
  const { error, message, code, param, requestId, docUrl, errors, ...details } = body as Record<string, unknown>;
  return {
    ...facts,
    status,
    code: code as ErrorCode,
    title: String(error ?? ''),
    message: String(message ?? ''),
    param: (param as string | null | undefined) ?? null,
    docUrl: (docUrl as string | undefined) ?? null,
    requestId: (requestId as string | undefined) ?? facts.requestId ?? null,
    faults: (errors as Fault[] | undefined) ?? [],
    details,
  };
}
