// Draws the price list, whose buttons lead to the checkout.
import '/dream-api/pricing.js';

const list = document.querySelector('dream-pricing');
list.token = async () => {
  const answer = await fetch('/token');
  if (answer.status === 401) location.assign('/login'); // signed out meanwhile
  if (!answer.ok) throw new Error(`there is no token: ${answer.status}`);
  return answer.text();
};
list.labels = { limit: '{count} texts {per}', unlimited: 'As many texts as you like' };
