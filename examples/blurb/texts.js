// What was written for whom, in one file of lines: a database in your product.
import { appendFile, readFile } from 'node:fs/promises';

const path = process.env.TEXTS ?? new URL('texts.jsonl', import.meta.url);

/** Keeps a text, `{about, tone, text}`. */
export async function add(customerId, text) {
  await appendFile(path, `${JSON.stringify({ customerId, at: new Date().toISOString(), ...text })}\n`);
}

/** The texts of a customer, the newest first, twenty at the most. */
export async function of(customerId) {
  const all = await readFile(path, 'utf8').catch((problem) => {
    if (problem.code === 'ENOENT') return '';
    throw problem;
  });
  return all.split('\n').filter(Boolean).map((line) => JSON.parse(line)).filter((text) => text.customerId === customerId).slice(-20).reverse();
}
