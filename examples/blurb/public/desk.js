// Shows a text while it is written. Without this the form works as well, and brings a page.
const [form, says] = ['write', 'says'].map((id) => document.getElementById(id));

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = form.querySelector('button');
  if (button.disabled) return;
  button.disabled = true;
  says.textContent = 'Writing …';
  try {
    says.textContent = await write(new URLSearchParams(new FormData(form)));
  } catch {
    says.textContent = 'That did not work. Please try again.';
  }
  button.disabled = false;
});

/** Returns why nothing was written, or ''. */
async function write(body) {
  const answer = await fetch('/write', { method: 'POST', body, headers: { Accept: 'text/plain' } });
  if (answer.status === 401) return location.reload();
  if (!answer.ok) {
    await renew('usage').catch(() => undefined); // what is left may be less than the page shows
    return answer.text();
  }
  const place = document.getElementById('new');
  place.textContent = '';
  place.hidden = false;
  try {
    for (const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) break;
      place.append(value);
    }
  } catch (problem) {
    place.hidden = true;
    throw problem;
  }
  form.reset();
  await renew('usage', 'texts').catch(() => location.reload());
  return '';
}

/** Takes parts of the page anew. */
async function renew(...ids) {
  const answer = await fetch('/');
  if (!answer.ok) throw new Error(`the page answers ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const id of ids) document.getElementById(id).replaceWith(page.getElementById(id));
}
