import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { Dream } from 'dream-api';
import { backend, facts, signIn, someone, take } from './world.mjs';

test('a secret key is refused where others can read it', () => {
  const places = {
    'a browser\'s page': { window: { document: {} } },
    'a browser\'s worker': { navigator: { userAgent: 'Mozilla/5.0 (X11; Linux x86_64)' } },
    'an app': { navigator: { product: 'ReactNative' } },
  };
  for (const [place, globals] of Object.entries(places)) {
    const before = Object.keys(globals).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
    for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    try {
      assert.throws(() => new Dream(facts.SECRET_KEY), (e) => /no place in a browser/.test(e.message) && !e.message.includes(facts.SECRET_KEY), place);
      assert.ok(new Dream(facts.PUBLISHABLE_KEY, { baseUrl: facts.API }), place);
    } finally {
      for (const [name, had] of before) {
        if (had) Object.defineProperty(globalThis, name, had);
        else delete globalThis[name];
      }
    }
  }
  for (const userAgent of ['Node.js/21', 'Deno/2', 'Bun/1', 'Cloudflare-Workers']) {
    Object.defineProperty(globalThis, 'navigator', { value: { userAgent }, configurable: true, writable: true });
    assert.ok(new Dream(facts.SECRET_KEY, { baseUrl: facts.API }), userAgent);
    delete globalThis.navigator;
  }
});

test('fetch can be another, and the address comes from the environment', async () => {
  const asked = [];
  const own = backend({ fetch: (url, init) => { asked.push([url, init.method]); return fetch(url, init); } });
  await own.tiers.list();
  assert.deepEqual(asked, [[`${facts.API}/api/tiers`, 'GET']]);
  process.env.DREAM_API_URL = `${facts.API}/`;
  assert.equal((await new Dream(facts.SECRET_KEY).tiers.list()).length, 3);
  delete process.env.DREAM_API_URL;
  assert.throws(() => new Dream(facts.SECRET_KEY), /set DREAM_API_URL/); // a key goes nowhere that was not named
});

test('as in Node 18, without a global crypto', async () => {
  const { id } = await someone();
  const { code, codeVerifier } = await signIn(backend(), 'jsold@example.com');
  for (const [kind, load] of [['module', 'await import'], ['commonjs', 'require']]) {
    const program = `(async () => {
      delete globalThis.crypto; // of what is given by -e
      if (globalThis.crypto) throw new Error('there is a crypto');
      const { Dream } = ${load}('dream-api');
      const dream = new Dream(${JSON.stringify(facts.SECRET_KEY)}, { baseUrl: ${JSON.stringify(facts.API)},
        issuer: ${JSON.stringify(facts.ISSUER)}, publishableKey: ${JSON.stringify(facts.PUBLISHABLE_KEY)} });
      console.log((await dream.track(${JSON.stringify(id)})).count);
      if (${kind === 'module'}) {
        const { token } = await dream.sessions.exchange(${JSON.stringify(code)}, { codeVerifier: ${JSON.stringify(codeVerifier)} });
        await dream.sessions.verify(token);
      }
    })()`;
    const out = execFileSync(process.execPath, ['--no-experimental-global-webcrypto', `--input-type=${kind}`, '-e', program], {
      cwd: new URL('..', import.meta.url), encoding: 'utf8',
    });
    assert.equal(out.trim(), kind === 'module' ? '1' : '2');
  }
  assert.ok((await take()).some((r) => r.request === 'POST /api/data' && r.key.length > 20));
});

test('both builds are whole, and import nothing', async () => {
  const require = createRequire(import.meta.url);
  const parts = ['dream-api', 'dream-api/express', 'dream-api/hono', 'dream-api/next', 'dream-api/pricing'];
  for (const part of parts) {
    const module = await import(part);
    assert.deepEqual(Object.keys(require(part)).sort(), Object.keys(module).filter((n) => n !== 'module.exports').sort(), part);
    assert.ok(Object.keys(module).length > 0);
  }
  const dist = new URL('../dist/', import.meta.url);
  for (const build of ['esm/', 'cjs/']) {
    const files = (await readdir(new URL(build, dist))).filter((f) => f.endsWith('.js'));
    assert.ok(files.length > 10);
    for (const file of files) {
      const text = await readFile(new URL(build + file, dist), 'utf8');
      for (const [, name] of text.matchAll(/(?:from\s*|require\(|import\()\s*['"]([^'"]+)['"]/g)) {
        assert.match(name, /^\.\/[\w-]+\.js$/, `${build}${file} imports ${name}`);
      }
    }
  }
});
