import { DreamError, TokenError, UsageError } from './errors.js';
import type { Send } from './resources.js';
import { fromBase64url, webCrypto } from './runtime.js';
import type { CallOptions, Claims } from './types.js';

const longestToken = 8 << 10;
const clockSkew = 30; // seconds by which the clocks of two machines may differ
const freshKeys = 3_600_000; // so long the keys are kept
const staleKeys = 24 * freshKeys; // and so long where fresh ones can not be had
const refetchAfter = 60_000; // at the most so often for keys that are not known

/** Checks session tokens by the published keys, which it keeps. */
export class Verifier {
  readonly #send: Send;
  readonly #issuer: string;
  readonly #audiences: readonly string[];
  #keys = new Map<string, JsonWebKey>();
  #fetched = -Infinity;
  #refetched = -Infinity; // because of a key that was not known
  #fetching: Promise<void> | undefined;

  constructor(send: Send, issuer: string, audiences: readonly string[]) {
    this.#send = send;
    this.#issuer = issuer;
    this.#audiences = audiences;
  }

  async verify(token: string, options: CallOptions | undefined): Promise<Claims> {
    if (this.#audiences.length === 0) {
      throw new UsageError('sessions.verify takes the option publishableKey of the client: tokens of other platforms are not yours.');
    }
    const parts = typeof token === 'string' && token.length <= longestToken ? token.split('.') : [];
    const [head, body, signature] = parts;
    if (parts.length !== 3 || head === undefined || body === undefined || signature === undefined) throw new TokenError('it is no JWT');
    const header = decode(head);
    if (typeof header?.kid !== 'string' || header.kid === '') throw new TokenError('its header can not be read');
    if (header.alg !== 'ES256' || 'crit' in header) throw new TokenError('it is not signed with ES256');
    const key = await this.#find(header.kid, options);
    if (!key) throw new TokenError('it is signed with a key that is not published');
    if (!await isSignedBy(key, `${head}.${body}`, signature)) throw new TokenError('its signature is wrong');
    return this.#claims(decode(body));
  }

  #claims(c: Record<string, unknown> | undefined): Claims {
    const audiences = Array.isArray(c?.aud) ? c.aud : [c?.aud];
    if (typeof c?.sub !== 'string' || typeof c.sid !== 'string' || typeof c.exp !== 'number' || typeof c.iat !== 'number' ||
      !c.sub || !c.sid || audiences.length !== 1) {
      throw new TokenError('a claim is missing');
    }
    const now = Date.now() / 1000;
    if (c.iss !== this.#issuer) throw new TokenError(`its issuer is ${JSON.stringify(c.iss)} and not "${this.#issuer}" (see the option issuer)`);
    if (!this.#audiences.includes(audiences[0])) throw new TokenError('it is for another platform');
    if (now >= c.exp) throw new TokenError('it has expired');
    if (c.iat > now + clockSkew || (c.nbf !== undefined && !(typeof c.nbf === 'number' && c.nbf <= now + clockSkew))) {
      throw new TokenError('it is not good yet');
    }
    return {
      customerId: c.sub, sessionId: c.sid, publishableKey: audiences[0], plan: typeof c.plan === 'string' ? c.plan : '',
      issuedAt: new Date(c.iat * 1000), expiresAt: new Date(c.exp * 1000),
    };
  }

  async #find(kid: string, options: CallOptions | undefined): Promise<JsonWebKey | undefined> {
    const age = Date.now() - this.#fetched;
    const known = this.#keys.get(kid);
    if (age <= freshKeys && (known || Date.now() - this.#refetched < refetchAfter)) return known;
    // The keys are old, or have changed. Whoever sends us made-up ids has us ask once a minute and no more.
    try {
      await unlessAborted(this.#fetch(options), options?.signal);
    } catch (problem) {
      if (known && age <= staleKeys) return known;
      throw problem;
    }
    if (age <= freshKeys) this.#refetched = Date.now();
    return this.#keys.get(kid);
  }

  /** Fetches the keys, once for all who wait for them. */
  #fetch(options: CallOptions | undefined): Promise<void> {
    this.#fetching ??= this.#load(options).finally(() => { this.#fetching = undefined; });
    return this.#fetching;
  }

  async #load(options: CallOptions | undefined): Promise<void> {
    // A caller who gives up does not spoil it for the others who wait.
    const { body } = await this.#send({ method: 'GET', path: '/.well-known/jwks.json', options: { timeout: options?.timeout } });
    const keys = new Map<string, JsonWebKey>();
    for (const k of body.keys ?? []) {
      const usable = k.kty === 'EC' && k.crv === 'P-256' && typeof k.kid === 'string' && (k.alg ?? 'ES256') === 'ES256' && (k.use ?? 'sig') === 'sig';
      if (usable) keys.set(k.kid, { kty: 'EC', crv: 'P-256', x: k.x, y: k.y });
    }
    if (keys.size === 0) throw new DreamError({ message: 'No keys are published that could be used.' });
    this.#keys = keys;
    this.#fetched = Date.now();
  }
}

/** What others wait for too is not ended by one who leaves. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason);
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}

async function isSignedBy(key: JsonWebKey, text: string, signature: string): Promise<boolean> {
  const { subtle } = await webCrypto();
  try {
    const bytes = fromBase64url(signature);
    const imported = await subtle.importKey('jwk', key, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify']);
    return bytes.length === 64 &&
      await subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, imported, bytes, new TextEncoder().encode(text));
  } catch {
    return false; // neither a signature nor a key
  }
}

function decode(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(fromBase64url(part)));
    return typeof value === 'object' && value !== null ? value as Record<string, unknown> : undefined;
  } catch {
    return undefined;
  }
}
