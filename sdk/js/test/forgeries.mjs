import { createHmac, generateKeyPairSync, sign } from 'node:crypto';

/** Tokens that nobody should take for one of the API's; those of e2e/sdk/go_verify_test.go. */
export async function forgeries(token) {
  const [head, body, signature] = token.split('.');
  const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  const decode = (part) => JSON.parse(Buffer.from(part, 'base64url').toString());
  const change = (part, fields) => encode({ ...decode(part), ...fields });
  const hs = `${change(head, { alg: 'HS256' })}.${body}`;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const own = sign('sha256', Buffer.from(`${head}.${body}`), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  const raw = Buffer.from(signature, 'base64url');
  return {
    'nothing': '', 'no text': undefined, 'nonsense': 'a.b.c', 'no signature': `${head}.${body}.`, 'two parts': `${head}.${body}`, 'four parts': `${token}.x`,
    'alg none': `${change(head, { alg: 'none' })}.${body}.`, 'alg none, signed': `${change(head, { alg: 'none' })}.${body}.${signature}`,
    'HS256': `${hs}.${createHmac('sha256', 'the public key').update(hs).digest('base64url')}`,
    'alg es256': `${change(head, { alg: 'es256' })}.${body}.${signature}`,
    'a critical extension': `${change(head, { crit: ['exp'] })}.${body}.${signature}`,
    'another customer': `${head}.${change(body, { sub: 'user_other' })}.${signature}`,
    'a later end': `${head}.${change(body, { exp: 99999999999 })}.${signature}`,
    'a key that is not published': `${change(head, { kid: 'nobody\'s' })}.${body}.${signature}`,
    'a key by an inherited name': `${change(head, { kid: '__proto__' })}.${body}.${signature}`,
    'no kid': `${change(head, { kid: '' })}.${body}.${signature}`, 'a stranger\'s signature': `${head}.${body}.${own}`,
    'a signature of zeros': `${head}.${body}.${Buffer.alloc(64).toString('base64url')}`,
    'a longer signature': `${head}.${body}.${Buffer.concat([raw, Buffer.from([0])]).toString('base64url')}`,
    'padded': `${token}=`, 'a line break': `${token}\n`, 'very long': `${head}.${'A'.repeat(1 << 20)}.${signature}`,
    'a header that is a list': `${encode([])}.${body}.${signature}`, 'a header that is null': `${encode('null')}.${body}.${signature}`,
  };
}
