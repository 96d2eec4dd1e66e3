import { ConnectionError, DreamError, errorOf, TimeoutError, UsageError } from './errors.js';
import { fetchOptions, isInTheOpen, randomText } from './runtime.js';
import type { Answered, CallOptions, Checkout, CheckoutOptions } from './types.js';
import { version } from './version.js';

/** For whom a call is: a user whom the secret key names, or who brings a token. */
export interface Subject {
  userId?: string;
  token?: () => string | Promise<string>;
}

/** A call in the making. */
export interface Call {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  subject?: Subject;
  plan?: string | undefined;
  /** The API does it once for its key: it is given a random one, unless the caller has one. */
  once?: boolean;
  idempotencyKey?: string | undefined;
  /** It may be repeated without a key. */
  repeatable?: boolean;
  options?: CallOptions | undefined;
}

/** What came back, and what is known of the answer. */
export interface Reply {
  body: any;
  answered: Answered;
}

export interface Settings {
  baseUrl: string;
  key: string;
  fetch: typeof fetch;
  timeout: number;
  retries: number;
  longestWait: number;
  userAgent: string;
  checkout: (subject: Subject, tier: string, options: CheckoutOptions | undefined) => Promise<Checkout>;
}

const firstWait = 250;
const steepest = 6; // doublings

/** Makes a call, again where it failed in passing. */
export class Transport {
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async send(call: Call): Promise<Reply> {
    const { retries } = this.#settings;
    const signal = call.options?.signal;
    const key = call.once ? call.idempotencyKey ?? await randomText(24) : undefined;
    const repeatable = call.once === true || call.repeatable === true || call.method === 'GET';
    for (let attempt = 0; ; attempt++) {
      signal?.throwIfAborted();
      try {
        return await this.#try(call, key);
      } catch (problem) {
        const wait = attempt < retries ? this.#waitAfter(problem, attempt, repeatable) : undefined;
        if (wait === undefined) throw problem;
        await pause(wait, signal);
      }
    }
  }

  /** In how many milliseconds the call is tried again; undefined: it is not. What may have happened is repeated only where
   * the API does it once, or where doing it again changes nothing. */
  #waitAfter(problem: unknown, attempt: number, repeatable: boolean): number | undefined {
    const { longestWait } = this.#settings;
    const step = firstWait * 2 ** Math.min(attempt, steepest);
    const backoff = Math.min(step / 2 + Math.random() * step / 2, longestWait);
    if (problem instanceof ConnectionError) return repeatable || !wasSent(problem) ? backoff : undefined;
    if (!(problem instanceof DreamError) || !inPassing(problem, repeatable)) return undefined;
    if (!problem.retryAfter) return backoff;
    const asked = problem.retryAfter * 1000;
    return asked > longestWait ? undefined : asked * (1 + Math.random() / 4);
  }

  async #try(call: Call, key: string | undefined): Promise<Reply> {
    const { baseUrl, fetch, timeout: usual } = this.#settings;
    const timeout = call.options?.timeout ?? usual;
    const stop = new AbortController();
    const caller = call.options?.signal;
    const abort = () => stop.abort(caller?.reason);
    caller?.addEventListener('abort', abort);
    let late = false;
    const timer = timeout > 0 ? setTimeout(() => { late = true; stop.abort(); }, timeout) : undefined;
    const doing = `${call.method} ${call.path}`;
    try {
      const url = baseUrl + call.path + queryOf(call.query);
      const headers = await this.#headers(call, key);
      // Whoever has aborted it meanwhile, has aborted before it was sent.
      caller?.throwIfAborted();
      let answer: Response;
      let text: string;
      try {
        answer = await fetch(url, {
          method: call.method, headers, signal: stop.signal, redirect: 'manual', ...fetchOptions(),
          ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        });
        text = await answer.text();
      } catch (cause) {
        if (caller?.aborted) throw caller.reason;
        const sent = late || !neverLeft(cause);
        const Kind = late ? TimeoutError : ConnectionError;
        const why = late ? `No answer came to ${doing} within ${timeout} ms.` : `No answer came to ${doing}: ${messageOf(cause)}.`;
        throw mark(new Kind(why, sent && call.method !== 'GET', key ?? null, cause), sent);
      }
      return this.#read(call, key, answer, text);
    } finally {
      clearTimeout(timer);
      caller?.removeEventListener('abort', abort);
    }
  }

  #read(call: Call, key: string | undefined, answer: Response, text: string): Reply {
    const requestId = answer.headers.get('X-Request-Id');
    let body: unknown;
    let broken: unknown;
    try {
      body = JSON.parse(text);
    } catch (cause) {
      broken = cause;
    }
    if (!answer.ok) { // a redirect as well: a key goes where it was sent
      throw errorOf(
        body, answer.status, { requestId, retryAfter: retryAfter(answer.headers), idempotencyKey: key ?? null },
        (tier, options) => this.#settings.checkout(call.subject ?? {}, tier, call.plan ? { plan: call.plan, ...options } : options),
      );
    }
    if (broken !== undefined) { // it was done, and what came of it is not known
      const why = `The answer to ${call.method} ${call.path} did not arrive whole.`;
      throw mark(new ConnectionError(why, call.method !== 'GET', key ?? null, broken), true);
    }
    return { body, answered: { requestId: requestId ?? '', replayed: answer.headers.get('Idempotent-Replayed') === 'true' } };
  }

  async #headers(call: Call, key: string | undefined): Promise<Record<string, string>> {
    const { key: own, userAgent } = this.#settings;
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (!isInTheOpen()) headers['User-Agent'] = userAgent; // a browser has its own
    if (call.body !== undefined) headers['Content-Type'] = 'application/json';
    if (call.subject?.token) {
      const token = await call.subject.token();
      if (!token) throw new UsageError('The user\'s token is empty.');
      headers['Authorization'] = `Bearer ${token}`;
    } else if (own.startsWith('pk_')) {
      headers['X-Publishable-Key'] = own;
    } else {
      headers['Authorization'] = `Bearer ${own}`;
    }
    if (call.subject?.userId) headers['X-User-Id'] = call.subject.userId;
    if (call.plan) headers['X-User-Plan'] = call.plan;
    if (key !== undefined) headers['Idempotency-Key'] = key;
    return headers;
  }
}

/** The result with what is known of its answer, which is not among its own fields: a result may be passed on as it is. */
export function withAnswer<T extends object>(result: T, answered: Answered): T & Answered {
  for (const name of ['requestId', 'replayed'] as const) {
    if (!(name in result)) Object.defineProperty(result, name, { value: answered[name], enumerable: false });
  }
  return result as T & Answered;
}

/** Joins the parts of an address. An id is neither empty nor a dot: it would name something else. */
export function pathOf(...parts: string[]): string {
  return parts.map((part) => {
    if (typeof part !== 'string' || part === '' || part === '.' || part === '..') throw new UsageError(`${JSON.stringify(part)} is no id.`);
    return '/' + encodeURIComponent(part);
  }).join('');
}

function queryOf(query: Call['query']): string {
  const set = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== '');
  return set.length === 0 ? '' : '?' + new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
}

/** Whether the same call may be answered better in a while. */
function inPassing(problem: DreamError, repeatable: boolean): boolean {
  switch (problem.status) {
    case 429:
      return true; // nothing was done
    case 409:
      return repeatable && problem.code === 'idempotency_busy';
    case 408: case 500: case 502: case 503: case 504:
      return repeatable;
    default:
      return false;
  }
}

/** Reads the header, which holds seconds or a date. */
function retryAfter(headers: Headers): number | null {
  const text = headers.get('Retry-After');
  if (text === null) return null;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const at = /^[A-Z][a-z]+, /.test(text) ? Date.parse(text) : NaN; // which takes much for a date that is none
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}

// What Node's fetch says of a request that never left. In a browser it is never known.
const unsent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);

function neverLeft(cause: unknown): boolean {
  const code = codeOf(cause) ?? codeOf((cause as { cause?: unknown } | null)?.cause);
  return code !== undefined && unsent.has(code);
}

function codeOf(cause: unknown): string | undefined {
  const code = (cause as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

function messageOf(cause: unknown): string {
  const inner = (cause as { cause?: unknown } | null)?.cause;
  return inner instanceof Error && inner.message ? inner.message : cause instanceof Error ? cause.message : String(cause);
}

const sentRequests = new WeakSet<ConnectionError>();

function mark(problem: ConnectionError, sent: boolean): ConnectionError {
  if (sent) sentRequests.add(problem);
  return problem;
}

function wasSent(problem: ConnectionError): boolean {
  return sentRequests.has(problem);
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) { // just as the answer came
      reject(signal.reason);
      return;
    }
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

export const agent = `dream-api-js/${version}`;
