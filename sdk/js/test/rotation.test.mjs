import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TokenError } from 'dream-api';
import { backend, control, signIn, thrown } from './world.mjs';

// It starts the program again, so it runs by itself.
test('a token that is signed with a new key is verified, and one with a key that is gone is not', async () => {
  const dream = backend();
  const token = async (email) => {
    const { code, codeVerifier } = await signIn(dream, email);
    return (await dream.sessions.exchange(code, { codeVerifier })).token;
  };
  const before = await token('jsbefore@example.com');
  assert.ok((await dream.sessions.verify(before)).customerId);
  await control('/rotate');
  assert.ok((await dream.sessions.verify(await token('jsafter@example.com'))).customerId);
  assert.ok(await thrown(dream.sessions.verify(before)) instanceof TokenError);
});
