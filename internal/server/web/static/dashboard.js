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
