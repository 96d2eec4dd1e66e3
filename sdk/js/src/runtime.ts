// What differs between Node, Deno, Bun, edge runtimes and browsers.

interface Surroundings {
  window?: { document?: unknown };
  navigator?: { userAgent?: string; product?: string };
  process?: { env?: Record<string, string | undefined> };
  crypto?: Crypto;
}

const here = globalThis as Surroundings;

/** Whether others than you can read what this program knows: a browser's page or worker, or an app on somebody's phone. */
export function isInTheOpen(): boolean {
  return here.window?.document !== undefined || here.navigator?.product === 'ReactNative' ||
    (here.navigator?.userAgent ?? '').startsWith('Mozilla/'); // as that of every browser, and of no server
}

/** What fetch is told besides: a browser is to send no cookies, and Next.js to keep no answers. Workers know neither. */
export function fetchOptions(): RequestInit {
  return here.navigator?.userAgent === 'Cloudflare-Workers' ? {} : { credentials: 'omit', cache: 'no-store' };
}

/** A variable of the environment, where there is one. */
export function variable(name: string): string | undefined {
  try {
    return here.process?.env?.[name];
  } catch {
    return undefined; // Deno asks for permission, which it was not given
  }
}

let found: Promise<Crypto> | undefined;

/** Web Crypto. Node 18 has it in a module alone; to bundlers for other places the name of that is not to be seen. */
export function webCrypto(): Promise<Crypto> {
  if (here.crypto?.subtle) return Promise.resolve(here.crypto);
  const module = ['node', 'crypto'].join(':');
  found ??= (import(/* @vite-ignore */ /* webpackIgnore: true */ module) as Promise<{ webcrypto: Crypto }>).then((m) => m.webcrypto);
  return found;
}

/** Text that nobody guesses: so many random bytes in base64url. */
export async function randomText(bytes: number): Promise<string> {
  return base64url((await webCrypto()).getRandomValues(new Uint8Array(bytes)));
}

export function base64url(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/** Reads base64url as it is written in a JWT, and nothing else. */
export function fromBase64url(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) throw new TypeError('no base64url');
  const plain = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
  const bytes = Uint8Array.from(plain, (c) => c.charCodeAt(0));
  if (base64url(bytes) !== text) throw new TypeError('no base64url'); // another text for the same bytes
  return bytes;
}
