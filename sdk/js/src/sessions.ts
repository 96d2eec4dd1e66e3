import { UsageError } from './errors.js';
import { pathOf, withAnswer, type Call } from './http.js';
import { listOf, type List } from './list.js';
import type { Send } from './resources.js';
import { base64url, randomText, webCrypto } from './runtime.js';
import type { Answered, CallOptions, Claims, ExchangeOptions, OnceOptions, Session, SignIn, Tokens } from './types.js';
import { Verifier } from './verify.js';

/** Where customers are signed in. */
export class Sessions {
  readonly #send: Send;
  readonly #baseUrl: string;
  readonly #publishableKeys: readonly string[];
  readonly #verifier: Verifier;

  constructor(send: Send, baseUrl: string, issuer: string, publishableKeys: readonly string[]) {
    this.#send = send;
    this.#baseUrl = baseUrl;
    this.#publishableKeys = publishableKeys;
    this.#verifier = new Verifier(send, issuer, publishableKeys);
  }

  /**
   * Makes a sign-in that ends at `redirectUrl`, and whose `url` is where to send the browser. It asks nobody; the client must
   * know a publishable key.
   */
  async begin({ redirectUrl, page = 'sign-in' }: { redirectUrl: string; page?: 'sign-in' | 'sign-up' }): Promise<SignIn> {
    const publishableKey = this.#publishableKeys[0];
    if (publishableKey === undefined) throw new UsageError('sessions.begin takes the option publishableKey of the client.');
    const [state, codeVerifier] = [await randomText(24), await randomText(32)];
    const hash = await (await webCrypto()).subtle.digest('SHA-256', new TextEncoder().encode(codeVerifier));
    const query = new URLSearchParams({ publishableKey, redirectUrl, state, codeChallenge: base64url(new Uint8Array(hash)) });
    return { url: `${this.#baseUrl}/${page}?${query}`, state, codeVerifier };
  }

  /** Trades the code of a sign-in for a session, within 60 seconds. */
  async exchange(code: string, options: ExchangeOptions = {}): Promise<Tokens & Answered> {
    const { codeVerifier, redirectUrl } = options;
    return this.#tokens('/api/sessions', { code, codeVerifier, redirectUrl }, options);
  }

  /**
   * Trades a refresh token for the next pair. A refresh token is good once, so refresh in one place at a time; to be able to
   * repeat it after a crash, store an `idempotencyKey` first. An `AuthenticationError` means: have the user sign in again.
   */
  async refresh(refreshToken: string, options: OnceOptions = {}): Promise<Tokens & Answered> {
    return this.#tokens('/api/sessions/refresh', { refreshToken }, options);
  }

  /** Ends the session of a refresh token. That it had ended is no error. */
  async revoke(refreshToken: string, options?: CallOptions): Promise<Answered> {
    return this.#done({ method: 'POST', path: '/api/sessions/revoke', body: { refreshToken }, repeatable: true, options });
  }

  /**
   * Checks a session token that came from a browser, by the published keys and without asking: the signature (ES256, and no
   * other), the issuer, the platform, the time. What is wrong with it is a `TokenError`; another error says that the keys
   * could not be had. A token whose session has ended passes until it expires, ten minutes at the most.
   */
  async verify(token: string, options?: CallOptions): Promise<Claims> {
    return this.#verifier.verify(token, options);
  }

  /** A customer's sessions, the one used last first. */
  list(customerId: string, options?: CallOptions): List<Session> {
    return listOf(this.#send, { method: 'GET', path: pathOf('api', 'customers', customerId, 'sessions'), options });
  }

  /** Ends one session of a customer. Its tokens open nothing from then on. */
  async end(customerId: string, sessionId: string, options?: CallOptions): Promise<Answered> {
    return this.#done({ method: 'DELETE', path: pathOf('api', 'customers', customerId, 'sessions', sessionId), repeatable: true, options });
  }

  /** Ends all sessions of a customer. */
  async endAll(customerId: string, options?: CallOptions): Promise<Answered> {
    return this.#done({ method: 'DELETE', path: pathOf('api', 'customers', customerId, 'sessions'), repeatable: true, options });
  }

  async #tokens(path: string, body: object, options: OnceOptions): Promise<Tokens & Answered> {
    const reply = await this.#send({ method: 'POST', path, body, once: true, idempotencyKey: options.idempotencyKey, options });
    return withAnswer(reply.body, reply.answered);
  }

  async #done(call: Call): Promise<Answered> {
    return (await this.#send(call)).answered;
  }
}
