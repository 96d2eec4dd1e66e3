// What the tests know of the running program: e2e/sdk starts it, and them, and stands in the network between.
import { randomUUID } from 'node:crypto';
import { Dream } from 'dream-api';

export const facts = Object.fromEntries(['API', 'ISSUER', 'SECRET_KEY', 'PUBLISHABLE_KEY', 'CONTROL', 'STRIPE'].map((name) => {
  const value = process.env[`TEST_${name}`];
  if (!value) throw new Error(`TEST_${name} is not set: run go test ./e2e/sdk`);
  return [name, value];
}));

/** A client of the platform's backend. */
export function backend(options = {}, key = facts.SECRET_KEY) {
  return new Dream(key, { baseUrl: facts.API, issuer: facts.ISSUER, publishableKey: facts.PUBLISHABLE_KEY, ...options });
}

export async function control(path, body = {}) {
  const answer = await fetch(facts.CONTROL + path, { method: 'POST', body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  return answer.json();
}

/** Has the next requests of a kind go wrong. */
export const arm = (request, kind, more = {}) => control('/faults', { request, kind, ...more });

/** Forgets the requests so far, and returns them. */
export async function take() {
  return (await control('/take')).requests ?? [];
}

export const someone = (plan = 'free') => backend().customers.create({ id: `js-${randomUUID()}`, plan });

export const callback = 'http://localhost:4000/callback';

/** Signs somebody new in, and returns the code that the browser brings back. */
export async function signIn(dream, email) {
  const began = await dream.sessions.begin({ redirectUrl: callback });
  const { location } = await control(`/sign-in?${new URLSearchParams({ email, at: began.url })}`);
  const back = new URL(location);
  if (!location.startsWith(`${callback}?`) || back.searchParams.get('state') !== began.state) throw new Error(`ends at ${location}`);
  return { ...began, code: back.searchParams.get('code') };
}

export const thrown = async (promise) => promise.then((value) => { throw new Error(`no error, but ${JSON.stringify(value)}`); }, (e) => e);

/** Whether nothing at all comes back, so that only time tells. A machine that is busy may then need more tries. */
export const isSilent = (kind) => kind === 'held' || kind === 'stall';

/** A client that finds out in a moment that nothing comes back. */
export const patient = (kind) => (isSilent(kind) ? backend({ timeout: 2000, retries: 10 }) : backend());
