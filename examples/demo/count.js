// Counts from the browser: the token comes from this product's own server, and goes to the API in a header alone.
const [button, says, used, bar] = ['count', 'says', 'used', 'bar'].map((id) => document.getElementById(id));
const { api } = button.closest('section').dataset;
let busy = false;

async function count() {
  const own = await fetch('/token');
  if (own.status === 401) return location.reload(); // signed out elsewhere: the page says so
  if (!own.ok) throw new Error('there is no token');
  const { token } = await own.json();
  const answer = await fetch(api + '/api/data', { method: 'POST', headers: { Authorization: `Bearer ${token}` } });
  if (answer.status === 401) return location.reload();
  const { usage, message } = await answer.json();
  says.textContent = message ?? ''; // of a refusal, such as 402 at the limit and 429 for too many at once
  if (answer.status === 402) document.getElementById('upgrade')?.classList.remove('quiet');
  if (!usage) return;
  used.textContent = usage.count;
  if (bar) bar.value = usage.count;
}

button.hidden = false;
button.addEventListener('click', async () => {
  if (busy) return;
  busy = true;
  try {
    await count();
  } catch {
    says.textContent = 'That did not work. Please try again in a moment.';
  }
  busy = false;
});
