import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AuthenticationError, ServerError, TokenError, UsageError } from 'dream-api';
import { arm, backend, callback, facts, patient, signIn, take, thrown } from './world.mjs';
import { forgeries } from './forgeries.mjs';

test('a session from the code to its end', async () => {
  const dream = backend();
  const { code, codeVerifier } = await signIn(dream, 'jssam@example.com');
  await arm('POST /api/sessions', 'lost');
  let tokens = await dream.sessions.exchange(code, { codeVerifier, redirectUrl: callback });
  assert.equal(tokens.customer.email, 'jssam@example.com');
  assert.equal(tokens.replayed, true);
  const claims = await dream.sessions.verify(tokens.token);
  assert.deepEqual(
    { ...claims, issuedAt: 0, expiresAt: claims.expiresAt.getTime() },
    { customerId: tokens.customer.id, sessionId: tokens.sessionId, publishableKey: facts.PUBLISHABLE_KEY, plan: 'free', issuedAt: 0,
      expiresAt: Date.parse(tokens.expiresAt) },
  );

  const sam = dream.as(tokens.token);
  assert.equal((await sam.track({ quantity: 2 })).count, 2);
  assert.equal((await dream.as(async () => tokens.token).usage()).userId, tokens.customer.id);
  assert.ok((await sam.checkout('pro', { successUrl: 'http://localhost:4000/' })).url);
  assert.ok((await sam.portal({ returnUrl: 'http://localhost:4000/' })).url);
  assert.ok(await thrown(dream.as('').usage()) instanceof UsageError);

  for (const kind of ['lost', 'cut', 'held']) {
    await arm('POST /api/sessions/refresh', kind);
    const next = await patient(kind).sessions.refresh(tokens.refreshToken);
    assert.notEqual(next.refreshToken, tokens.refreshToken);
    assert.equal(next.sessionId, tokens.sessionId);
    tokens = next;
  }
  const kinds = [];
  for await (const one of dream.sessions.list(tokens.customer.id)) kinds.push(one.kind);
  assert.deepEqual(kinds.sort(), ['page', 'product']);
  await dream.sessions.end(tokens.customer.id, tokens.sessionId);
  assert.ok(await thrown(dream.as(tokens.token).usage()) instanceof AuthenticationError);
  assert.ok(await thrown(dream.sessions.refresh(tokens.refreshToken)) instanceof AuthenticationError);
  assert.match((await dream.sessions.endAll(tokens.customer.id)).requestId, /^req_/);
});

test('an app that keeps no secret', async () => {
  const app = backend({}, facts.PUBLISHABLE_KEY);
  const { code, codeVerifier } = await signIn(app, 'jspat@example.com');
  const first = await app.sessions.exchange(code, { codeVerifier, redirectUrl: callback });
  const { token, refreshToken } = await app.sessions.refresh(first.refreshToken);
  assert.equal((await app.as(token).track()).count, 1);
  await app.sessions.revoke(refreshToken);
  await app.sessions.revoke(refreshToken);
  assert.ok(await thrown(app.as(token).track()) instanceof AuthenticationError);
});

test('no other token is taken for one of ours', async () => {
  const dream = backend();
  const { code, codeVerifier } = await signIn(dream, 'jsforge@example.com');
  const { token } = await dream.sessions.exchange(code, { codeVerifier });
  for (const [what, forged] of Object.entries(await forgeries(token))) {
    const problem = await thrown(dream.sessions.verify(forged));
    assert.ok(problem instanceof TokenError, `${what}: ${problem}`);
  }
  const issuer = await thrown(backend({ issuer: undefined }).sessions.verify(token));
  assert.match(issuer.message, /option issuer/);
  assert.ok(await thrown(backend({ publishableKey: 'pk_test_other' }).sessions.verify(token)) instanceof TokenError);
  assert.ok((await backend({ publishableKey: ['pk_test_new', facts.PUBLISHABLE_KEY] }).sessions.verify(token)).customerId);
  const unsaid = await thrown(backend({ publishableKey: undefined }).sessions.verify(token));
  assert.ok(unsaid instanceof UsageError && !(unsaid instanceof TokenError));

  await take();
  const fresh = backend();
  await Promise.all(Array.from({ length: 10 }, () => fresh.sessions.verify(token)));
  assert.equal((await take()).length, 1); // the keys are fetched once for many
  const unknown = (await forgeries(token))['a key that is not published'];
  for (let i = 0; i < 10; i++) await thrown(fresh.sessions.verify(unknown));
  assert.equal((await take()).length, 1); // and once more for made-up ones
  await arm('GET /.well-known/jwks.json', 'answer', { status: 503, times: 4 });
  assert.ok(await thrown(backend().sessions.verify(token)) instanceof ServerError);
});
