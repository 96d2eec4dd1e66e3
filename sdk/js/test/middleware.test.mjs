import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import express from 'express';
import { Hono } from 'hono';
import { withLimit as forExpress } from 'dream-api/express';
import { withLimit as forHono } from 'dream-api/hono';
import { withLimit as forNext } from 'dream-api/next';
import { arm, backend, someone } from './world.mjs';

const dream = backend({ retries: 0 });
const problems = [];
const options = { quantity: 8, onError: (problem) => problems.push(problem) };

/** Each makes a server with one route, and returns how to call it as somebody. */
const frameworks = {
  async express(served) {
    const app = express();
    app.post('/generate', forExpress(dream, (request) => request.get('X-Me'), options), (_request, response) => {
      served();
      response.send(String(response.locals.usage.count));
    });
    const server = app.listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    const url = `http://127.0.0.1:${server.address().port}/generate`;
    return { call: (me) => fetch(url, { method: 'POST', headers: { 'X-Me': me, 'Idempotency-Key': 'theirs' } }), close: () => server.close() };
  },
  async hono(served) {
    const app = new Hono();
    app.post('/generate', forHono(dream, (c) => c.req.header('X-Me'), options), (c) => {
      served();
      return c.text(String(c.get('usage').count));
    });
    return { call: (me) => app.request('/generate', { method: 'POST', headers: { 'X-Me': me, 'Idempotency-Key': 'theirs' } }), close() {} };
  },
  async next(served) {
    const POST = forNext(dream, async (request) => request.headers.get('X-Me'), async (_request, context, usage) => {
      served();
      assert.deepEqual(await context.params, { id: '7' });
      return new Response(String(usage.count));
    }, options);
    const context = { params: Promise.resolve({ id: '7' }) };
    const headers = (me) => ({ 'X-Me': me, 'Idempotency-Key': 'theirs' });
    return { call: (me) => POST(new Request('http://shop.example/generate', { method: 'POST', headers: headers(me) }), context), close() {} };
  },
};

for (const [name, make] of Object.entries(frameworks)) {
  test(`a limit in one line, in ${name}`, async () => {
    const { id } = await someone();
    let served = 0;
    const { call, close } = await make(() => served++);
    try {
      for (const want of ['8', '16']) {
        const answer = await call(id);
        assert.deepEqual([answer.status, await answer.text()], [200, want]);
      }
      const beyond = await call(id);
      const body = await beyond.json();
      assert.deepEqual([beyond.status, body.code, body.usage.remaining, served], [402, 'tier_limit_reached', 4, 2]);
      assert.match(beyond.headers.get('Content-Type'), /^application\/json/);
      assert.equal((await call('')).status, 401);
      problems.length = 0;
      await arm('POST /api/data', 'answer', { status: 503 });
      const down = await call(id);
      assert.deepEqual([down.status, (await down.json()).code, served, problems.length], [503, 'unavailable', 2, 1]);
      await arm('POST /api/data', 'answer', { status: 429, retryAfter: 30 });
      const fast = await call(id);
      assert.deepEqual([fast.status, fast.headers.get('Retry-After'), served], [429, '30', 2]);
      assert.equal((await dream.usage(id)).usageCount, 16);
    } finally {
      close();
    }
  });
}

test('an answer of one\'s own, a server without a framework, and what the request says', async () => {
  const { id } = await someone();
  const seen = [];
  const limit = forExpress(dream, async () => id, {
    quantity: (request) => Number(request.headers['x-units']), onRefusal: (refusal, _request, response) => {
      seen.push(refusal);
      response.statusCode = 418;
      response.end('a teapot');
    },
  });
  const server = createServer((request, response) => limit(request, response, () => response.end('served')));
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const call = (units) => fetch(`http://127.0.0.1:${server.address().port}/`, { headers: { 'X-Units': units } });
  assert.equal(await (await call('19')).text(), 'served');
  assert.equal((await call('2')).status, 418);
  assert.equal(seen[0].problem.usage.remaining, 1);
  assert.equal((await call('1')).status, 200);
  server.close();
  const broken = forExpress(dream, () => id, { quantity: 100, onRefusal: () => { throw new Error('mine'); } });
  const heard = await new Promise((next) => broken({}, {}, next));
  assert.equal(heard.message, 'mine');
  const thrower = forNext(dream, () => { throw new Error('who?'); }, () => new Response('served'), options);
  assert.equal((await thrower(new Request('http://x/'), {})).status, 503); // what is not counted is not let through
});
