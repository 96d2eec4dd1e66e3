import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import {
  AuthenticationError, ConflictError, Dream, DreamError, errorCodes, InvalidRequestError, NotFoundError, RateLimitError, TierLimitError, version,
} from 'dream-api';
import { readFile } from 'node:fs/promises';
import { arm, backend, facts, someone, take, thrown } from './world.mjs';

const dream = backend();

test('customers', async () => {
  const email = 'jsada@example.com';
  const customer = await dream.customers.create({ email, firstName: 'Ada', plan: 'free' });
  assert.match(customer.requestId, /^req_/);
  assert.equal(customer.replayed, false);
  assert.deepEqual(Object.keys(customer).includes('requestId'), false);
  assert.equal(customer.email, email);
  assert.equal(customer.publishableKey, facts.PUBLISHABLE_KEY);
  const again = await thrown(dream.customers.create({ email }));
  assert.ok(again instanceof ConflictError && again instanceof DreamError && again instanceof Error);
  assert.equal(again.code, 'customer_exists');
  assert.equal(again.customerId, customer.id);
  assert.equal(again.name, 'ConflictError');
  const changed = await dream.customers.update(customer.id, { plan: 'pro', metadata: { team: 7 } });
  assert.equal(changed.plan, 'pro');
  assert.deepEqual(changed.metadata, { team: 7 });
  assert.equal((await dream.customers.get(customer.id)).firstName, 'Ada');
  assert.ok(Array.isArray((await dream.customers.export(customer.id)).sessions));
  assert.deepEqual({ ...await dream.customers.delete(customer.id) }, { id: customer.id });
  assert.ok(await thrown(dream.customers.get(customer.id)) instanceof NotFoundError);

  await Promise.all(Array.from({ length: 103 }, (_, i) => dream.customers.create({ id: `jsmany:${i}` })));
  const met = new Set();
  await take();
  for await (const one of dream.customers.list({ q: 'jsmany:' })) {
    met.add(one.id);
    assert.match(one.requestId, /^req_/);
  }
  assert.equal(met.size, 103);
  assert.equal((await take()).length, 2);
  const page = await dream.customers.list({ q: 'jsmany:' }).page({ limit: 2 });
  assert.equal(page.data.length, 2);
  assert.equal(page.hasMore, true);
  assert.match(page.requestId, /^req_/);
  const next = await dream.customers.list({ q: 'jsmany:' }).page({ limit: 2, cursor: page.nextCursor });
  assert.notEqual(next.data[0].id, page.data[0].id);

  for (const id of ['', '.', '..', undefined, null]) {
    await assert.rejects(async () => dream.customers.delete(id), /is no id/);
    await assert.rejects(async () => dream.sessions.end('jsmany:1', id), /is no id/);
  }
  assert.equal((await dream.customers.get('jsmany:1')).id, 'jsmany:1');
});

test('tracking', async () => {
  const customer = await someone();
  const first = await dream.track(customer.id);
  assert.equal(first.count, 1);
  assert.equal(first.limit, 20);
  assert.equal(first.remaining, 19);
  assert.match(first.requestId, /^req_/);
  const once = await dream.track(customer.id, { quantity: 4, idempotencyKey: 'job-7' });
  const twice = await dream.track(customer.id, { quantity: 4, idempotencyKey: 'job-7' });
  assert.deepEqual([once.count, once.replayed, twice.count, twice.replayed], [5, false, 5, true]);
  const mismatch = await thrown(dream.track(customer.id, { quantity: 5, idempotencyKey: 'job-7' }));
  assert.ok(mismatch instanceof InvalidRequestError);
  assert.equal(mismatch.code, 'idempotency_mismatch');
  const beyond = await thrown(dream.track(customer.id, { quantity: 16 }));
  assert.ok(beyond instanceof TierLimitError);
  assert.equal(beyond.usage.count, 5);
  assert.equal(beyond.usage.remaining, 15);
  assert.equal(beyond.status, 402);
  assert.match(beyond.requestId, /^req_/);
  assert.match(beyond.docUrl, /tier_limit_reached/);
  const { url } = await beyond.upgrade('pro', { successUrl: 'https://shop.example/paid' });
  assert.ok(url.startsWith(facts.STRIPE));
  assert.equal((await dream.track(customer.id, { quantity: 0 })).count, 5);
  assert.equal((await dream.track(customer.id, { quantity: -2 })).count, 3);
  const granted = await dream.grants.create({ userId: customer.id, quantity: 10, expires: 'period', reason: 'sorry' });
  assert.equal(granted.usage.limit, 30);
  assert.equal(granted.grant.reason, 'sorry');
  const kinds = [];
  for await (const one of dream.grants.list(customer.id)) kinds.push(one.kind);
  assert.deepEqual(kinds, ['grant', 'return']);
  const usage = await dream.usage(customer.id);
  assert.deepEqual([usage.usageCount, usage.limit, usage.meters.requests.count, usage.userId], [3, 30, 3, customer.id]);

  const stranger = await dream.track('jsstranger', { plan: 'tight', meter: 'tokens', quantity: 900 });
  assert.deepEqual([stranger.plan, stranger.meter, stranger.remaining], ['tight', 'tokens', 100]);
  const full = await thrown(dream.track('jsstranger', { plan: 'tight', meter: 'tokens', quantity: 101 }));
  assert.ok((await full.upgrade('pro')).url.startsWith(facts.STRIPE)); // the plan is stated again
  for (const quantity of [NaN, Infinity, 1.5, null, '3', 2 ** 53]) { // some of which JSON would write as null, which is one
    await assert.rejects(dream.track(customer.id, { quantity }), /whole number/);
    await assert.rejects(dream.track.batch([{ userId: customer.id, quantity }]), /whole number/);
  }
  assert.equal((await dream.usage(customer.id)).usageCount, 3);
  for (const nobody of ['', undefined, null, 7]) await assert.rejects(async () => dream.track(nobody), /id of the user is empty/);
});

test('a batch is counted once, and each item for itself', async () => {
  const { id: userId } = await someone();
  await take();
  await arm('POST /api/data/batch', 'lost');
  const results = await dream.track.batch([
    { userId }, { id: 'second', userId, quantity: 2 }, { userId: 'x', plan: 'no such' }, { userId, quantity: 50 },
  ]);
  assert.equal((await take()).length, 2);
  assert.equal((await dream.usage(userId)).usageCount, 3);
  assert.deepEqual(results.map((r) => r.status), [200, 200, 400, 402]);
  assert.match(results.requestId, /^req_/);
  assert.equal(results[0].usage.count, 1);
  assert.ok(results[0].id.length > 20);
  assert.equal(results[1].id, 'second');
  assert.ok(results[2].error instanceof InvalidRequestError);
  assert.equal(results[2].error.code, 'unknown_plan');
  assert.ok(results[3].error instanceof TierLimitError);
  assert.equal(results[3].error.usage.count, 3);
  assert.ok((await results[3].error.upgrade('pro')).url.startsWith(facts.STRIPE));
  assert.equal((await dream.track.batch([{ id: 'second', userId, quantity: 2 }]))[0].replayed, true);
  const empty = await thrown(dream.track.batch([]));
  assert.equal(empty.faults.length, 1);
  assert.equal(empty.faults[0].param, 'items');
});

test('money', async () => {
  const tiers = await dream.tiers.list();
  assert.deepEqual(tiers.map((t) => t.name), ['free', 'pro', 'tight']);
  assert.match(tiers.requestId, /^req_/);
  assert.equal((await backend({}, facts.PUBLISHABLE_KEY).tiers.list()).length, 3);
  const { id } = await someone();
  const { url } = await dream.checkout(id, 'pro', { interval: 'month', successUrl: 'https://shop.example/paid', cancelUrl: 'https://shop.example/' });
  assert.ok(url.startsWith(facts.STRIPE));
  assert.ok((await dream.portal(id, { returnUrl: 'https://shop.example/' })).url.startsWith(facts.STRIPE));
  assert.ok(await thrown(dream.portal((await someone()).id)) instanceof ConflictError);
  const strange = await thrown(dream.checkout(id, 'pro', { successUrl: 'ftp://x' }));
  assert.equal(strange.param, 'successUrl');
});

test('an invitation whose link was lost is made anew', async () => {
  const made = await dream.invitations.create({ email: 'jskim@example.com', plan: 'pro', expiresInDays: 14 });
  assert.match(made.url, /\/sign-up\?invitation=/);
  await arm('POST /api/invitations', 'lost');
  assert.match((await dream.invitations.create({ email: 'jslee@example.com' })).url, /\/sign-up\?invitation=/);
  const states = [];
  for await (const one of dream.invitations.list()) if (one.email.startsWith('js')) states.push(`${one.email} ${one.state}`);
  assert.deepEqual(states.sort(), ['jskim@example.com open', 'jslee@example.com open', 'jslee@example.com revoked']);
  assert.equal((await dream.invitations.revoke(made.id)).state, 'revoked');
});

test('errors', async () => {
  const invalid = await thrown(dream.customers.create({ id: 'a b', email: 'no address' }));
  assert.ok(invalid instanceof InvalidRequestError);
  assert.ok(invalid.faults.length > 0 && invalid.faults[0].param);
  assert.ok(invalid.code in errorCodes);
  const wrong = facts.SECRET_KEY.slice(0, -1) + '0';
  const denied = await thrown(backend({}, wrong).tiers.list());
  assert.ok(denied instanceof AuthenticationError);
  assert.equal(denied.code, 'invalid_credentials');
  const nowhere = createServer((_request, response) => { response.statusCode = 404; response.end('<html>nothing</html>'); });
  await new Promise((done) => nowhere.listen(0, '127.0.0.1', done));
  const other = await thrown(backend({ baseUrl: `http://127.0.0.1:${nowhere.address().port}` }).tiers.list());
  nowhere.close();
  assert.ok(other instanceof NotFoundError);
  assert.equal(other.code, undefined);
  assert.match(other.message, /Is the address right/);

  const { id } = await someone('tight');
  const impatient = backend({ longestWait: 1 });
  let rate;
  while (!rate) { // the minute may turn in between
    rate = await impatient.track(id, { quantity: 0 }).then(() => undefined, (e) => e);
  }
  assert.ok(rate instanceof RateLimitError);
  assert.ok(rate.retryAfter >= 1 && rate.retryAfter <= 60);
});

test('what can not work says so', async () => {
  await take();
  assert.throws(() => new Dream(), /DREAM_SECRET_KEY/);
  assert.throws(() => new Dream(''), /DREAM_SECRET_KEY/);
  assert.throws(() => new Dream('dk_test_x'), /developer token/);
  assert.throws(() => new Dream('nonsense-key'), (e) => !e.message.includes('nonsense-key'));
  for (const baseUrl of ['localhost:8080', 'ftp://x', 'https://me:secret@x', 'https://x?y']) {
    assert.throws(() => new Dream(facts.SECRET_KEY, { baseUrl }), /baseUrl is an address/);
  }
  assert.equal((await take()).length, 0);
  const { version: packaged } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  assert.equal(version, packaged);
  await dream.tiers.list();
  assert.equal((await take())[0].agent, `dream-api-js/${version}`);
  await backend({ userAgent: 'shop/2' }).tiers.list();
  assert.equal((await take())[0].agent, `shop/2 dream-api-js/${version}`);
});
