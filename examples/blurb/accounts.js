// Who is here. dream-api signs people in, on pages in our name. The refresh token stays on this server, and a browser holds a
// random name for it; our pages' scripts may have the token of ten minutes. In memory they are lost on a restart: keep yours
// in your database, encrypted.
import { randomUUID } from 'node:crypto';
import { AuthenticationError } from 'dream-api';
import { dream, origin } from './config.js';

/** Nobody is signed in here, or no longer. */
export class SignedOut extends Error {}

const sessions = new Map();

/** Sends the browser to the sign-in. It comes back with our state, so we know that it began here. */
export async function login(request, response) {
  const page = request.query.page === 'sign-up' ? 'sign-up' : 'sign-in';
  const { url, state, codeVerifier } = await dream.sessions.begin({ redirectUrl: `${origin}/callback`, page });
  setCookie(response, 'blurb_login', `${state}.${codeVerifier}`, 600);
  response.redirect(303, url);
}

/** The browser is back with a code, good once and for a minute, which is traded for tokens. */
export async function callback(request, response) {
  const [state, codeVerifier] = cookie(request, 'blurb_login').split('.');
  setCookie(response, 'blurb_login', '', 0);
  if (!state || state !== request.query.state) {
    throw Object.assign(new Error('This sign-in did not begin in this browser, or too long ago.'), { status: 400 });
  }
  const tokens = await dream.sessions.exchange(String(request.query.code), { codeVerifier, redirectUrl: `${origin}/callback` });
  const name = randomUUID();
  sessions.set(name, keep(tokens));
  setCookie(response, 'blurb_session', name, 90 * 24 * 3600);
  response.redirect(303, '/');
}

/** Finds the session of who is signed in; who is not may still see the page. */
export async function known(request, response, next) {
  const name = cookie(request, 'blurb_session');
  if (name) request.session = await freshSession(name);
  next();
}

/** Lets only those by who are signed in. */
export async function signedIn(request, response, next) {
  request.session = await freshSession(cookie(request, 'blurb_session'));
  next();
}

/** What they have used. It is asked with their own token, so it shows at once that a session was ended elsewhere. */
export async function usage(session) {
  return ended(dream.as(session.token).usage());
}

export async function signOut(request, response) {
  const session = sessions.get(cookie(request, 'blurb_session'));
  forget(request, response);
  if (session) await dream.sessions.revoke(session.refreshToken);
  response.redirect(303, '/');
}

/** Takes away what is left here of a session. */
export function forget(request, response) {
  sessions.delete(cookie(request, 'blurb_session'));
  setCookie(response, 'blurb_session', '', 0);
}

// A refresh token is good once, so of several requests at a time one refreshes, and the others wait for it.
async function freshSession(name) {
  const session = sessions.get(name);
  if (!session) throw new SignedOut('nobody is signed in');
  if (Date.parse(session.expiresAt) - Date.now() < early) {
    session.refreshing ??= refresh(session).finally(() => session.refreshing = undefined);
    await session.refreshing;
  }
  return session;
}

const early = Number(process.env.REFRESH_EARLY ?? 60_000);

// With one key for as long as it takes: a refresh whose answer was lost is not the second use of its token.
async function refresh(session) {
  Object.assign(session, keep(await ended(dream.sessions.refresh(session.refreshToken, { idempotencyKey: session.retry }))));
}

function keep({ token, refreshToken, expiresAt, customer }) {
  return { token, refreshToken, expiresAt, customer, retry: randomUUID() };
}

async function ended(call) {
  try {
    return await call;
  } catch (problem) {
    if (!(problem instanceof AuthenticationError)) throw problem;
    throw new SignedOut('a session has ended', { cause: problem });
  }
}

function cookie(request, name) {
  return new RegExp(`(?:^|; )${name}=([^;]*)`).exec(request.get('Cookie') ?? '')?.[1] ?? '';
}

// No script reads it, and no other site's form sends it.
function setCookie(response, name, value, seconds) {
  response.cookie(name, value, { httpOnly: true, sameSite: 'lax', secure: origin.startsWith('https:'), maxAge: seconds * 1000 });
}
