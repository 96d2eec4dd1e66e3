import { RateLimitError, TierLimitError } from './errors.js';
import type { Answered, TrackOptions, Usage } from './types.js';

// What the three middlewares share. They know a framework by the shape of what it hands over, and import none.

/** What counts: a `Dream`. */
export interface Counter {
  track(userId: string, options?: TrackOptions): Promise<Usage & Answered>;
}

/** Whose a request is; without one (also `''`, `null`) it is refused. */
export type UserOf<R> = (request: R) => string | null | undefined | Promise<string | null | undefined>;

type Either<R, T> = T | ((request: R) => T | Promise<T>);

export interface CountOptions<R> {
  /** How many units the request takes: 1 unless said. */
  quantity?: Either<R, number>;
  /** What is counted: `requests` unless said. */
  meter?: Either<R, string>;
  /** The tier of a user who is no customer here. */
  plan?: Either<R, string>;
  /** Gets to know why a request could not be counted, where that is not the user's affair. On the console unless said. */
  onError?: (problem: unknown) => void;
}

/** What is answered to a request that is not let through. */
export interface Refusal {
  /** 401 without a user, 402 beyond the plan, 429 beyond the rate, 503 where it could not be counted. */
  status: 401 | 402 | 429 | 503;
  headers: Record<string, string>;
  body: { error: string; message: string; code: string; requestId?: string; usage?: Usage };
  /** What was thrown; `undefined` without a user. */
  problem: unknown;
}

/** Counts a request. What is not counted is not let through. */
export async function count<R>(dream: Counter, user: UserOf<R>, options: CountOptions<R>, request: R): Promise<Usage | Refusal> {
  try {
    const id = await user(request);
    if (!id) return refusal(401, { error: 'Credentials missing', message: 'Sign in first.', code: 'unauthenticated' }, undefined);
    return await dream.track(id, {
      quantity: await valueOf(options.quantity, request), meter: await valueOf(options.meter, request),
      plan: await valueOf(options.plan, request),
    });
  } catch (problem) {
    return refusalOf(problem, options.onError);
  }
}

export function isRefusal(outcome: Usage | Refusal): outcome is Refusal {
  return 'body' in outcome;
}

// Our keys and addresses do not concern an end user: what is not about the user is only "unavailable".
function refusalOf(problem: unknown, onError: CountOptions<unknown>['onError']): Refusal {
  if (problem instanceof TierLimitError || problem instanceof RateLimitError) {
    return refusal(problem instanceof TierLimitError ? 402 : 429, {
      error: problem.title, message: problem.message, code: problem.code ?? 'rate_limited',
      ...(problem.requestId ? { requestId: problem.requestId } : {}),
      ...(problem instanceof TierLimitError ? { usage: problem.usage } : {}),
    }, problem);
  }
  (onError ?? ((p) => console.error('dream-api: a request could not be counted, and was refused:', p)))(problem);
  return refusal(503, {
    error: 'Temporarily unavailable', message: 'This does not work right now. Try again in a moment.', code: 'unavailable',
  }, problem);
}

function refusal(status: Refusal['status'], body: Refusal['body'], problem: unknown): Refusal {
  const headers: Record<string, string> = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
  const after = (problem as { retryAfter?: unknown } | undefined)?.retryAfter;
  if (typeof after === 'number' && after > 0) headers['Retry-After'] = String(Math.ceil(after));
  return { status, headers, body, problem };
}

/** The refusal as an answer. */
export function responseOf(refused: Refusal): Response {
  return new Response(JSON.stringify(refused.body), { status: refused.status, headers: refused.headers });
}

async function valueOf<R, T>(value: Either<R, T> | undefined, request: R): Promise<T | undefined> {
  return typeof value === 'function' ? (value as (request: R) => T | Promise<T>)(request) : value;
}
