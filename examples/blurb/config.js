// Which API, by which keys, and where we are ourselves. What the environment does not say, `make run` does.
import { readFileSync } from 'node:fs';
import { Dream } from 'dream-api';

const { DREAM_API_URL, DREAM_SECRET_KEY, DREAM_PUBLISHABLE_KEY, ORIGIN } = process.env;
const said = [DREAM_API_URL, DREAM_SECRET_KEY, DREAM_PUBLISHABLE_KEY].filter(Boolean).length;
if (said !== 0 && said !== 3) stop('Set all of DREAM_API_URL, DREAM_SECRET_KEY and DREAM_PUBLISHABLE_KEY, or none.');
const dev = said ? undefined : ofMakeRun();

export const api = DREAM_API_URL ?? dev.apiUrl.replace('//api.localhost', '//localhost'); // a name that every system knows
export const publishableKey = DREAM_PUBLISHABLE_KEY ?? dev.demo.publishableKey;
export const dream = new Dream(DREAM_SECRET_KEY ?? dev.demo.secretKey, { baseUrl: api, publishableKey });

/** Where browsers find us, such as `https://blurb.example`. */
export let origin = ORIGIN;

export function listensOn(port) {
  origin ??= `http://localhost:${port}`;
}

function ofMakeRun() {
  const path = process.env.DEV_JSON ?? new URL('../../.dreamapi/dev.json', import.meta.url);
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return stop('Set DREAM_API_URL, DREAM_SECRET_KEY and DREAM_PUBLISHABLE_KEY, or start `make run` first.');
  }
}

function stop(why) {
  console.error(why);
  process.exit(1);
}
