const light = `
  --_text: var(--dream-text, #1b1f24); --_muted: var(--dream-muted, #57606a); --_surface: var(--dream-surface, #ffffff);
  --_border: var(--dream-border, #d0d7de); --_accent: var(--dream-accent, #3346c4); --_on: var(--dream-accent-text, #ffffff);
  --_bad: var(--dream-error, #b3261e);`;
const dark = `
  --_text: var(--dream-text, #e6e8eb); --_muted: var(--dream-muted, #a5adb8); --_surface: var(--dream-surface, #171a1f);
  --_border: var(--dream-border, #3a414b); --_accent: var(--dream-accent, #aab6ff); --_on: var(--dream-accent-text, #10131a);
  --_bad: var(--dream-error, #ffb4ab);`;

export const style = `
:host { display: block; color: var(--_text); font: 400 1rem/1.5 var(--dream-font, system-ui, sans-serif); color-scheme: light; ${light} }
:host([hidden]) { display: none; }
@media (prefers-color-scheme: dark) { :host(:not([theme="light"])) { color-scheme: dark; ${dark} } }
:host([theme="dark"]) { color-scheme: dark; ${dark} }
* { box-sizing: border-box; }
fieldset { border: 0; margin: 0 0 1.25rem; padding: 0; display: flex; flex-wrap: wrap; justify-content: center; gap: 0.25rem; }
fieldset[hidden] { display: none; }
legend { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
label { position: relative; border: 1px solid var(--_border); border-radius: var(--dream-radius, 0.5rem); padding: 0.4rem 0.9rem; cursor: pointer;
  background: var(--_surface); }
label:has(input:checked) { background: var(--_accent); border-color: var(--_accent); color: var(--_on); }
label:has(input:focus-visible) { outline: 3px solid var(--_accent); outline-offset: 2px; }
input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: pointer; }
ul { list-style: none; margin: 0; padding: 0; }
.tiers { display: grid; gap: var(--dream-gap, 1rem); grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr)); }
.tier { display: flex; flex-direction: column; min-width: 0; overflow-wrap: anywhere; padding: 1.25rem; background: var(--_surface);
  border: 1px solid var(--_border); border-radius: var(--dream-radius, 0.5rem); }
.tier[aria-current] { border-color: var(--_accent); box-shadow: 0 0 0 1px var(--_accent); }
.name { font-size: 1.125rem; line-height: inherit; margin: 0; }
p { margin: 0; }
.amount { font-size: 1.75rem; font-weight: 700; }
.interval, .trial { color: var(--_muted); }
.features { flex: 1; margin: 0.75rem 0 1.25rem; }
.features li { padding-left: 1.4em; text-indent: -1.4em; }
.features li::before { content: "✓"; display: inline-block; width: 1.4em; text-indent: 0; color: var(--_accent); }
button { font: inherit; font-weight: 600; padding: 0.6rem 1rem; min-height: 2.75rem; border: 1px solid var(--_accent);
  border-radius: var(--dream-radius, 0.5rem); background: var(--_accent); color: var(--_on); cursor: pointer; }
button:focus-visible { outline: 3px solid var(--_accent); outline-offset: 2px; }
button[aria-disabled="true"] { background: transparent; color: var(--_muted); border-color: var(--_border); cursor: default; }
.status { text-align: center; color: var(--_muted); }
.status:not(:empty) { margin-top: 1rem; padding: 0.75rem; background: var(--_surface); border: 1px solid var(--_border);
  border-radius: var(--dream-radius, 0.5rem); }
.status.bad { color: var(--_bad); }
`;
