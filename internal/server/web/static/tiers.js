// A tier is edited in its card on the price list: what its own page has for that comes into the card, and so does what the server
// answers to the form. Whatever else comes back the browser shows as it would without a script. Nothing needs it.
const list = document.querySelector('.price-list');
const shown = new WeakMap(); // what a card shows when it is not edited

async function read(address, options) {
  const answer = await fetch(address, {headers: {Accept: 'text/html'}, ...options});
  return new DOMParser().parseFromString(await answer.text(), 'text/html');
}

const saidOn = (page) => page.querySelector('main > .notice[role]');

// Whoever uses the keyboard goes on at what is wrong, else at what came, else at the first field.
function edit(card, page, form) {
  const said = saidOn(page);
  const next = form.querySelector('[aria-invalid]') || said || form.querySelector('section h2') || form.querySelector('input:not([type=hidden])');
  card.classList.add('editing');
  card.replaceChildren(card.querySelector('h2'), ...(said ? [said] : []), form);
  if (next.tabIndex < 0) next.tabIndex = -1;
  next.focus();
}

function leave(card) {
  card.classList.remove('editing');
  card.replaceChildren(...shown.get(card));
  card.querySelector('[data-edit]').focus();
}

function show(card, page) {
  const said = saidOn(page), saved = page.getElementById(card.id), link = saved.querySelector('[data-edit]');
  if (said) saved.prepend(said);
  card.replaceWith(saved);
  link.focus();
}

// One thing at a time; where it fails, the browser does it by itself.
async function attempt(card, work, otherwise) {
  if (card.ariaBusy) return;
  card.ariaBusy = 'true';
  try {
    await work();
  } catch {
    otherwise();
  }
  card.ariaBusy = null;
}

list.addEventListener('click', (event) => {
  const link = event.target.closest('[data-edit], [data-leave]');
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const card = link.closest('.card[id]');
  if (link.matches('[data-leave]')) {
    leave(card);
    return;
  }
  attempt(card, async () => {
    const page = await read(link.href), form = page.querySelector('.tier-edit'), now = [...card.children];
    edit(card, page, form);
    shown.set(card, now.filter((part) => !part.matches('.notice')));
  }, () => location.assign(link.href));
});

list.addEventListener('submit', (event) => {
  event.preventDefault();
  const form = event.target, card = form.closest('.card[id]');
  attempt(card, async () => {
    const page = await read(form.action, {method: 'POST', body: new URLSearchParams(new FormData(form))});
    const again = page.querySelector('.tier-edit');
    if (again) edit(card, page, again);
    else if (page.getElementById(card.id)) show(card, page);
    else form.submit(); // the page says that one is signed out, and holds what was typed
  }, () => location.assign(location.pathname)); // it may have been carried out: the page says how things are
});
