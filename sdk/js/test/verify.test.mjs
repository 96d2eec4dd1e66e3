import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { afterEach, beforeEach, test } from 'node:test';
import { Dream, TokenError } from 'dream-api';
import { thrown } from './world.mjs';

// Tokens of the API itself, and forgeries of them, are tried in sessions.test.mjs. Here are tokens whose signature is right
// and which say what the API never would.

const issuer = 'https://api.example.com';
const audience = 'pk_test_shop';
const now = 1_900_000_000;
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const { x, y } = publicKey.export({ format: 'jwk' });
const keys = [
  { kty: 'RSA', kid: 'rsa', n: 'AQAB', e: 'AQAB' }, { kty: 'EC', crv: 'P-256', kid: 'off the curve', x, y: x },
  { kty: 'EC', crv: 'P-256', kid: 'for encryption', use: 'enc', x, y }, { kty: 'EC', crv: 'P-256', kid: 'good', alg: 'ES256', use: 'sig', x, y },
];

const realNow = Date.now;
let time;
beforeEach(() => { time = now * 1000; Date.now = () => time; });
afterEach(() => { Date.now = realNow; });

function verifier() {
  const asked = [];
  const dream = new Dream('sk_test_x', {
    baseUrl: 'https://here.example.com', issuer, publishableKey: audience,
    fetch: async (url) => { asked.push(url); return new Response(JSON.stringify({ keys })); },
  });
  return { verify: (token) => dream.sessions.verify(token), asked };
}

/** A token of the usual header and claims, changed; undefined takes one away. */
function token(header = {}, claims = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = part({ alg: 'ES256', kid: 'good', typ: 'JWT', ...header }) + '.' +
    part({ iss: issuer, aud: audience, sub: 'eve', sid: 'uss_1', plan: 'free', iat: now, exp: now + 600, ...claims });
  return `${signed}.${sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

test('a token is held to every claim', async () => {
  const { verify } = verifier();
  for (const claims of [
    {}, { aud: [audience] }, { plan: undefined }, { iat: now + 29 }, { exp: now + 1 }, { nbf: now },
  ]) {
    assert.equal((await verify(token({}, claims))).customerId, 'eve', JSON.stringify(claims));
  }
  for (const claims of [
    { exp: now }, { exp: now - 9999 }, { exp: undefined }, { exp: 'never' }, { exp: null }, { iat: undefined }, { iat: now + 31 }, { nbf: now + 31 }, { nbf: 'x' },
    { sub: undefined }, { sub: '' }, { sub: 7 }, { sid: undefined }, { iss: undefined }, { iss: `${issuer}.evil.example` }, { aud: undefined }, { aud: 'pk_test_other' },
    { aud: [audience, 'pk_test_other'] }, { aud: [] },
  ]) {
    assert.ok(await thrown(verify(token({}, claims))) instanceof TokenError, JSON.stringify(claims));
  }
  for (const header of [
    { alg: undefined }, { alg: 'none' }, { alg: 'HS256' }, { alg: 'ES384' }, { alg: 'RS256' }, { alg: ['ES256'] }, { crit: ['b64'] }, { kid: undefined }, { kid: 'other' },
    { kid: 'rsa' }, { kid: 'off the curve' }, { kid: 'for encryption' }, { kid: undefined, jwk: { kty: 'EC', crv: 'P-256', x, y } },
  ]) {
    assert.ok(await thrown(verify(token(header))) instanceof TokenError, JSON.stringify(header));
  }
});

test('the keys are kept for an hour, and unknown ones asked for once a minute', async () => {
  const { verify, asked } = verifier();
  const good = token({}, { exp: now + 9999 });
  const unknown = token({ kid: 'other' });
  for (const [seconds, which, fetches] of [
    [0, good, 1], [3540, good, 1], [3540, unknown, 2], [3599, unknown, 2], [3601, unknown, 3], [7140, good, 3], [7260, good, 4],
  ]) {
    time = (now + seconds) * 1000;
    for (let i = 0; i < 5; i++) await verify(which).catch(() => undefined);
    assert.equal(asked.length, fetches, `after ${seconds} s`);
  }
  assert.deepEqual(new Set(asked), new Set(['https://here.example.com/.well-known/jwks.json']));
});

test('old keys serve for a day where fresh ones can not be had, and a fetch holds up only who needs it', async () => {
  let state = 'former';
  let fetches = 0;
  let release;
  const published = async () => {
    fetches++;
    if (state === 'down') return new Response('x', { status: 404 });
    if (release) await release.promise;
    return new Response(JSON.stringify({ keys: keys.map((k) => ({ ...k, kid: state === 'former' && k.kid === 'good' ? 'former' : k.kid })) }));
  };
  const dream = new Dream('sk_test_x', { baseUrl: 'https://here.example.com', issuer, publishableKey: audience, fetch: published });
  const [former, good] = [token({ kid: 'former' }, { exp: now + 999999 }), token({}, { exp: now + 999999 })];
  await dream.sessions.verify(former);
  state = 'good';
  release = {};
  release.promise = new Promise((resolve) => { release.open = resolve; });
  const many = Array.from({ length: 8 }, () => dream.sessions.verify(good)); // a new key, which all of them meet at once
  const stop = new AbortController();
  const leaving = thrown(dream.sessions.verify(good, { signal: stop.signal }));
  await dream.sessions.verify(former);
  stop.abort();
  assert.equal((await leaving).name, 'AbortError');
  release.open();
  await Promise.all(many);
  assert.equal(fetches, 2);
  state = 'down';
  time += 23 * 3_600_000;
  await dream.sessions.verify(good);
  time += 2 * 3_600_000;
  const problem = await thrown(dream.sessions.verify(good));
  assert.ok(!(problem instanceof TokenError));
});

test('what is asked to be waited is waited, and no longer than is said', async () => {
  const answers = (...list) => {
    let n = 0;
    return async () => {
      const [status, after] = list[n++] ?? [200];
      return new Response(status === 200 ? '{"tiers": []}' : 'x', { status, headers: after ? { 'Retry-After': after } : {} });
    };
  };
  Date.now = realNow;
  const dream = (...list) => new Dream('sk_test_x', { baseUrl: 'https://here.example.com', fetch: answers(...list) });
  const soon = new Date(realNow() + 2500).toUTCString(); // a date has whole seconds
  const began = realNow();
  await dream([503, soon]).tiers.list();
  assert.ok(realNow() - began >= 1000);
  for (const [header, want] of [['60', 60], ['soon', null], ['-1', null], [undefined, null]]) {
    const problem = await thrown(dream([503, header], [503, header], [503, header], [503, header]).tiers.list());
    assert.equal(problem.retryAfter, want, header);
  }
});
