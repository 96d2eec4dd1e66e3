// Blurb writes a few sentences about what people sell. Each text counts, and who wants more of them pays: this is a whole
// product of that kind. Beside `make run`, `make example` runs it.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DreamError, RateLimitError } from 'dream-api';
import express from 'express';
import { withLimit } from 'dream-api/express';
import * as accounts from './accounts.js';
import { api, dream, listensOn, origin } from './config.js';
import * as pages from './pages.js';
import * as texts from './texts.js';
import { faultOf, write } from './writer.js';

const { signedIn } = accounts;
const folderOf = (url) => dirname(fileURLToPath(url));
const app = express();
app.disable('x-powered-by');
app.use(guarded);
app.use('/static', express.static(join(folderOf(import.meta.url), 'public')));
app.use('/dream-api', express.static(folderOf(import.meta.resolve('dream-api')))); // for <dream-pricing>
app.use(express.urlencoded({ extended: false, limit: '16kb' }));

app.get('/login', accounts.login);
app.get('/callback', accounts.callback);
app.post('/sign-out', accounts.signOut);
app.get('/token', signedIn, (request, response) => { // for our pages' scripts: a token never stands in an address
  response.type('text/plain').send(request.session.token);
});

app.get('/', accounts.known, async (request, response) => {
  response.send(request.session ? await desk(request) : pages.welcome());
});

// What can't be written is refused before it counts; what counted and could not be written is given back.
app.post('/write', signedIn, checked, withLimit(dream, customerOf, { onRefusal }), async (request, response) => {
  const streams = wantsText(request);
  if (streams) response.type('text/plain');
  let text = '';
  try {
    for await (const piece of write(request.brief)) {
      text += piece;
      if (streams) response.write(piece);
    }
    await texts.add(customerOf(request), { ...request.brief, text });
  } catch (problem) {
    await giveBack(request, response.locals.usage.requestId);
    throw problem;
  }
  if (streams) response.end();
  else response.redirect(303, '/');
});

app.get('/plans', signedIn, async (request, response) => {
  const [usage, tiers] = await Promise.all([accounts.usage(request.session), dream.tiers.list()]);
  response.send(pages.plans(request.session, usage, tiers));
});

// To Stripe, whose page leads back here: the plan is then the new one. There is no webhook to write.
app.post('/upgrade', signedIn, async (request, response) => {
  const { url } = await dream.checkout(customerOf(request), String(request.body?.tier), {
    interval: request.body?.interval, successUrl: `${origin}/`, cancelUrl: `${origin}/plans`,
  });
  response.redirect(303, url);
});

app.use((request, response) => void response.status(404).send(pages.problem('There is no such page', 'The address may be mistyped.')));
app.use(failed);

const server = app.listen(Number(process.env.PORT ?? 4001), process.env.HOST ?? 'localhost', (problem) => {
  if (problem) throw problem;
  listensOn(server.address().port);
  console.log(`Blurb is at ${origin}`);
});

function customerOf(request) {
  return request.session.customer.id;
}

/** Gives the unit back, once whatever happens. Where even that fails, the log says to whom it is owed. */
async function giveBack(request, countedAs) {
  try {
    await dream.track(customerOf(request), { quantity: -1, idempotencyKey: `back-${countedAs}` });
  } catch (problem) {
    console.error(`one unit is owed to ${customerOf(request)}, for the call ${countedAs}:`, problem);
  }
}

async function desk(request, refusal) {
  const usage = refusal?.status === 503 ? undefined : await accounts.usage(request.session); // then it can't be had either
  return pages.desk(request.session, usage, await texts.of(customerOf(request)), refusal);
}

/** Whether our script asks, which shows a text while it is written; a form without it wants a page. */
function wantsText(request) {
  return request.accepts(['html', 'text']) === 'text';
}

function checked(request, response, next) {
  request.brief = { about: String(request.body?.about ?? '').trim(), tone: String(request.body?.tone ?? '') };
  const fault = faultOf(request.brief);
  return fault ? refuse(request, response, 422, fault) : next();
}

/** Answers who is not let through: beyond the plan (402), too fast (429), or while nothing can be counted (503). */
function onRefusal({ status, headers, body }, request, response) {
  if (headers['Retry-After']) response.set('Retry-After', headers['Retry-After']);
  return refuse(request, response, status, body.message);
}

/** Says why nothing was written: in words for the script, or on the page, which keeps what was typed. */
async function refuse(request, response, status, words) {
  response.status(status);
  if (wantsText(request)) response.type('text/plain').send(words);
  else response.send(await desk(request, { status, words, brief: request.brief }));
}

function failed(problem, request, response, next) { // Express knows it by its four parameters
  if (response.headersSent) { // half of a text: the script is to see that it is not whole
    console.error(problem);
    response.destroy();
    return;
  }
  let [status, title, words] = [502, 'That did not work', 'That did not work just now. Please try again.'];
  if (problem instanceof accounts.SignedOut) {
    if (problem.cause) console.error(problem.cause);
    accounts.forget(request, response);
    [status, title, words] = [401, 'You are signed out', 'Your session here has ended. Please sign in again.'];
  } else if (problem instanceof RateLimitError || (!(problem instanceof DreamError) && [400, 413].includes(problem.status))) {
    [status, words] = [problem.status, problem.message]; // about what the user sent, in words for them
  } else {
    console.error(problem); // ours: a key, Stripe's set-up, the network, the model
  }
  response.status(status);
  if (wantsText(request)) response.type('text/plain').send(words);
  else response.send(pages.problem(title, words));
}

/** No other site sends our forms, and our pages load nothing from elsewhere. */
function guarded(request, response, next) {
  response.set({
    'Content-Security-Policy': "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
      + `connect-src 'self' ${api}; base-uri 'none'; frame-ancestors 'none'`, // no form-action: a plan's button goes on to Stripe
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'same-origin',
    'Cache-Control': 'no-store',
  });
  const theirs = !['same-origin', 'none', undefined].includes(request.get('Sec-Fetch-Site'));
  if (request.method === 'POST' && theirs) response.status(403).type('text/plain').send('This form was sent from another site.');
  else next();
}
