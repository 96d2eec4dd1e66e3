// What an edge runtime has: the web's own functions, and neither Node's nor the making of code from text.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import vm from 'node:vm';
import { backend, callback, facts, signIn, someone, take } from './world.mjs';

const ofTheWeb = [
  'AbortController', 'AbortSignal', 'Blob', 'DOMException', 'Event', 'EventTarget', 'FormData', 'Headers', 'ReadableStream', 'Request', 'Response',
  'TextDecoder', 'TextEncoder', 'URL', 'URLSearchParams', 'atob', 'btoa', 'clearTimeout', 'console', 'crypto', 'performance', 'queueMicrotask',
  'setTimeout', 'structuredClone',
];

/** A world of its own, which loads the package. */
function edge(userAgent) {
  const globals = Object.fromEntries(ofTheWeb.map((name) => [name, globalThis[name]]));
  const context = vm.createContext({
    ...globals,
    navigator: { userAgent },
    fetch(input, init = {}) { // as that of workers, which knows no cookies and no cache
      for (const unknown of ['credentials', 'cache', 'mode']) {
        if (userAgent === 'Cloudflare-Workers' && unknown in init) throw new Error(`The '${unknown}' field on 'RequestInitializerDict' is not implemented.`);
      }
      return fetch(input, init);
    },
  }, { codeGeneration: { strings: false, wasm: false } });
  const loaded = new Map();
  return function load(name) {
    if (!/^\.\/[\w-]+\.js$/.test(name)) throw new Error(`${name} is not here`);
    if (!loaded.has(name)) {
      const module = { exports: {} };
      loaded.set(name, module);
      const text = readFileSync(new URL(`../dist/cjs/${name}`, import.meta.url), 'utf8');
      new vm.Script(`(function (exports, require, module) {${text}\n})`, { filename: name }).runInContext(context)(module.exports, load, module);
    }
    return loaded.get(name).exports;
  };
}

for (const userAgent of ['Cloudflare-Workers', 'Vercel Edge']) {
  test(`in a runtime that has only what the web has: ${userAgent}`, async () => {
    const load = edge(userAgent);
    const { Dream, TierLimitError } = load('./index.js');
    const dream = new Dream(facts.SECRET_KEY, { baseUrl: facts.API, issuer: facts.ISSUER, publishableKey: facts.PUBLISHABLE_KEY });
    const { id } = await someone();
    assert.equal((await dream.track(id)).count, 1);
    assert.equal((await dream.track.batch([{ userId: id, quantity: 17 }]))[0].usage.count, 18);
    await assert.rejects(dream.track(id, { quantity: 3 }), (error) => error instanceof TierLimitError && error.usage.remaining === 2);

    const { code, codeVerifier } = await signIn(backend(), `${userAgent.toLowerCase().replace(/\W/g, '')}@example.com`);
    const { token, customer } = await dream.sessions.exchange(code, { codeVerifier, redirectUrl: callback });
    assert.equal((await dream.sessions.verify(token)).customerId, customer.id); // the signature, by what the web has
    assert.match((await dream.sessions.begin({ redirectUrl: callback })).codeVerifier, /^[\w-]{43,}$/);

    const handler = load('./next.js').withLimit(dream, () => id, () => new Response('done'), { quantity: 2 });
    assert.equal(await (await handler(new Request('https://app.example/generate'))).text(), 'done');
    assert.equal((await handler(new Request('https://app.example/generate'))).status, 402);

    const sent = (await take()).filter((r) => r.request === 'POST /api/data');
    assert.ok(sent.length >= 4 && sent.every((r) => r.key.length > 20)); // whose randomness is the web's
  });
}
