import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { ConnectionError, DreamError, NotFoundError, RateLimitError, ServerError, TimeoutError } from 'dream-api';
import { arm, backend, facts, isSilent, patient, someone, take, thrown } from './world.mjs';

const dream = backend();
const counted = async (id) => (await dream.usage(id)).usageCount;

test('whatever happens on the way, a call counts once', async (t) => {
  const { id } = await someone('pro');
  let want = 0;
  for (const [kind, more = {}] of [
    ['lost'], ['lost', { times: 3 }], ['cut'], ['held'], ['stall'], ['drop', { times: 2 }], ['answer', { status: 503 }],
    ['answer', { status: 503, retryAfter: 1 }], ['answer', { status: 429, retryAfter: 1 }], ['answer', { status: 502 }], ['answer', { status: 500 }],
  ]) {
    await t.test(`${kind} ${JSON.stringify(more)}`, async () => {
      await take();
      await arm('POST /api/data', kind, more);
      const began = Date.now();
      want += 3;
      const usage = await patient(kind).track(id, { quantity: 3 });
      assert.equal(usage.count, want);
      assert.ok(Date.now() - began >= (more.retryAfter ?? 0) * 1000);
      const tries = (await take()).filter((r) => r.request === 'POST /api/data');
      const least = (more.times ?? 1) + 1;
      assert.ok(tries.length === least || (tries.length > least && isSilent(kind)), `${tries.length} tries`);
      assert.equal(new Set(tries.map((r) => r.key)).size, 1);
      assert.ok(tries[0].key.length > 20);
      assert.equal(await counted(id), want);
      if (!isSilent(kind)) assert.equal(usage.replayed, ['lost', 'cut'].includes(kind));
    });
  }
});

test('what failed to the end can be found out', async () => {
  const { id } = await someone('pro');
  await take();
  await arm('POST /api/data', 'lost', { times: 4 });
  const gone = await thrown(dream.track(id));
  assert.ok(gone instanceof ConnectionError);
  assert.equal(gone.mayHaveHappened, true);
  assert.match(gone.message, /may have been carried out/);
  assert.equal((await take()).length, 4);
  const usage = await dream.track(id, { idempotencyKey: gone.idempotencyKey });
  assert.deepEqual([usage.count, usage.replayed], [1, true]);
  await arm('POST /api/data', 'answer', { status: 503, times: 4 });
  const failed = await thrown(dream.track(id));
  assert.ok(failed instanceof ServerError && failed.idempotencyKey);
  assert.equal(await counted(id), 1);
  await take();
  await arm('POST /api/data', 'answer', { status: 429, retryAfter: 60 });
  const rate = await thrown(dream.track(id));
  assert.ok(rate instanceof RateLimitError);
  assert.equal(rate.retryAfter, 60);
  assert.equal((await take()).length, 1);
});

test('everything else that the API does once', async () => {
  await arm('POST /api/customers', 'lost', { times: 2 });
  const made = await dream.customers.create({ email: 'jsonce@example.com' });
  assert.equal(made.replayed, true);
  await arm('POST /api/grants', 'cut');
  assert.equal((await dream.grants.create({ userId: made.id, quantity: 5, expires: 'used' })).usage.extra, 5);
  await arm('POST /api/create-checkout', 'lost');
  assert.ok((await dream.checkout(made.id, 'pro')).url);
  await arm('GET /api/usage', 'lost');
  assert.equal((await dream.usage(made.id)).usageCount, 0);
});

test('what may have happened is not repeated where the API has no key for it', async () => {
  const { id } = await someone();
  for (const [kind, more] of [['lost'], ['held'], ['stall'], ['drop'], ['answer', { status: 503 }]]) {
    await take();
    await arm(`PATCH /api/customers/${id}`, kind, more);
    const problem = await thrown(patient(kind).customers.update(id, { firstName: 'Eve' }));
    assert.ok(kind === 'answer' ? problem instanceof ServerError : problem instanceof ConnectionError && problem.mayHaveHappened, `${kind}: ${problem}`);
    assert.equal(problem instanceof TimeoutError, kind === 'held' || kind === 'stall');
    assert.equal((await take()).length, 1, kind);
  }
  await arm(`PATCH /api/customers/${id}`, 'answer', { status: 429, retryAfter: 1 });
  await dream.customers.update(id, { firstName: 'Eve' });
  assert.equal((await take()).length, 2);
  await arm(`DELETE /api/customers/${id}`, 'lost');
  assert.ok(await thrown(dream.customers.delete(id)) instanceof ConnectionError);
  assert.equal((await take()).length, 1);
  assert.ok(await thrown(dream.customers.delete(id)) instanceof NotFoundError);
  const nobody = createServer();
  await new Promise((done) => nobody.listen(0, '127.0.0.1', done));
  const { port } = nobody.address();
  await new Promise((done) => nobody.close(done));
  const unreached = await thrown(backend({ baseUrl: `http://127.0.0.1:${port}`, retries: 1 }).customers.delete('x'));
  assert.ok(unreached instanceof ConnectionError);
  assert.equal(unreached.mayHaveHappened, false);
});

test('a caller who leaves is not waited for', async () => {
  const { id } = await someone('pro');
  const waits = backend({ timeout: 0, longestWait: 3_600_000 });
  await take();
  await arm('POST /api/data', 'held');
  const stop = new AbortController();
  const going = thrown(waits.track(id, { signal: stop.signal }));
  while ((await counted(id)) === 0); // it is done, and its answer is held
  stop.abort();
  assert.equal((await going).name, 'AbortError');
  assert.equal((await take()).filter((r) => r.request === 'POST /api/data').length, 1);

  await arm('POST /api/data', 'answer', { status: 503, retryAfter: 1800 });
  const later = new AbortController();
  let came;
  const refused = new Promise((resolve) => { came = resolve; });
  const told = backend({ longestWait: 3_600_000, fetch: async (...call) => { const got = await fetch(...call); came(); return got; } });
  const waiting = thrown(told.track(id, { signal: later.signal }));
  await refused; // and will be tried again in half an hour
  assert.equal((await take()).length, 1);
  later.abort(new Error('enough'));
  assert.equal((await waiting).message, 'enough');
  const last = new AbortController(); // who leaves just as the answer comes
  const busy = () => Promise.resolve({
    ok: false, status: 503, headers: new Headers({ 'Retry-After': '1800' }), text: () => { last.abort(new Error('at last')); return Promise.resolve('busy'); },
  });
  assert.equal((await thrown(backend({ longestWait: 3_600_000, fetch: busy }).track(id, { signal: last.signal }))).message, 'at last');
  const before = AbortSignal.abort();
  assert.equal((await thrown(waits.track(id, { signal: before }))).name, 'AbortError');
  assert.deepEqual(await take(), []);
  assert.equal(await counted(id), 1);
  await arm('POST /api/data', 'stall', { times: 2 });
  const late = await thrown(backend({ retries: 1 }).track(id, { timeout: 300 }));
  assert.ok(late instanceof TimeoutError);
  assert.match(late.message, /within 300 ms/);
  await take();
});

test('no error and no client tells the key', async () => {
  const errors = [];
  const quick = backend({ retries: 0 });
  await arm('GET /api/tiers', 'drop');
  errors.push(await thrown(quick.tiers.list()));
  errors.push(await thrown(backend({ baseUrl: 'http://127.0.0.1:1', retries: 0 }).tiers.list()));
  errors.push(await thrown(quick.tiers.list({ signal: AbortSignal.abort() })));
  errors.push(await thrown(backend({ fetch: () => { throw new Error('odd'); }, retries: 0 }).tiers.list()));
  for (const value of [...errors, quick, quick.as('very.secret.token'), quick.sessions, quick.customers]) {
    const text = inspect(value, { depth: 20, showHidden: true, getters: true }) + JSON.stringify(value) + String(value) + (value.stack ?? '');
    assert.ok(!text.includes(facts.SECRET_KEY.slice(8)) && !text.includes('very.secret'), text);
  }
  // Nor does a redirect take it along.
  let took;
  const thief = createServer((request, response) => { took = request.headers.authorization; response.end('{}'); });
  await new Promise((done) => thief.listen(0, '127.0.0.1', done));
  const door = createServer((_request, response) => {
    response.writeHead(307, { Location: `http://127.0.0.1:${thief.address().port}/` });
    response.end();
  });
  await new Promise((done) => door.listen(0, '127.0.0.1', done));
  const led = await thrown(backend({ baseUrl: `http://127.0.0.1:${door.address().port}` }).tiers.list());
  assert.ok(led instanceof DreamError);
  assert.equal(led.status, 307);
  assert.equal(took, undefined);
  thief.close();
  door.close();
});
