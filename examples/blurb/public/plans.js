// Draws the price list, whose buttons lead to the checkout.
import '/dream-api/pricing.js';

const list = document.querySelector('dream-pricing');
list.token = () => fetch('/token').then((answer) => answer.text());
list.labels = { limit: '{count} texts {per}', unlimited: 'As many texts as you like' };
