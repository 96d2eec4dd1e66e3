// What makes the dashboard a little quicker to use. Nothing needs it.
for (const block of document.querySelectorAll('.copyable')) {
  if (!navigator.clipboard) break;
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  button.setAttribute('aria-label', 'Copy');
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(block.querySelector('code').textContent);
    button.classList.add('copied');
    button.setAttribute('aria-label', 'Copied');
    setTimeout(() => {
      button.classList.remove('copied');
      button.setAttribute('aria-label', 'Copy');
    }, 2000);
  });
  const box = document.createElement('div');
  box.className = 'copybox';
  block.before(box);
  box.append(block, button);
}

// A list that lies over the page closes when one goes elsewhere.
const list = document.querySelector('.switch');
addEventListener('click', (event) => {
  if (!list.contains(event.target)) list.open = false;
});
addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && list.open) {
    list.open = false;
    list.querySelector('summary').focus();
  }
});

// A file that would be refused is refused before it is sent.
for (const field of document.querySelectorAll('input[type=file][data-most]')) {
  field.addEventListener('change', () => {
    const large = field.files[0] && field.files[0].size > Number(field.dataset.most);
    field.setCustomValidity(large ? `The file has ${Math.ceil(field.files[0].size / 1000)} kB, and may have ${field.dataset.most / 1000}.` : '');
    field.reportValidity();
  });
}

// Who picks a colour wants it.
for (const field of document.querySelectorAll('input[type=color][data-chooses]')) {
  field.addEventListener('input', () => { document.getElementById(field.dataset.chooses).checked = true; });
}

// What is awaited shows as it comes: the page is read again, and the part that changed takes the place of what is there.
const awaited = () => document.querySelector('[data-live]');
async function lookAgain() {
  if (!document.hidden) {
    try {
      const answer = await fetch(location.pathname, {headers: {Accept: 'text/html'}});
      const now = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById(awaited().id);
      if (now && now.textContent !== awaited().textContent) awaited().replaceWith(now);
    } catch {
      // it is tried again
    }
  }
  if (awaited()) setTimeout(lookAgain, Number(awaited().dataset.live));
}
if (awaited()) setTimeout(lookAgain, Number(awaited().dataset.live));
