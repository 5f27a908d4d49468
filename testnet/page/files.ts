import { html, type Markup } from "./markup.ts";

/** How often the page asks for what changed, ms. */
const REFRESH_MS = 1000;

/** The page around the part that changes. */
export function pageOf(live: Markup): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Klatch testnet</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<script src="/page.js" defer></script>
</head>
<body>
<noscript><p>Reload the page to see what changed.</p></noscript>
<main>${live}</main>
</body>
</html>
`.text;
}

/** Takes over what changed; what has the focus keeps it. */
export const SCRIPT = `"use strict";
async function refresh() {
  try {
    const answer = await fetch("/");
    if (!answer.ok) throw new Error();
    const now = new DOMParser().parseFromString(await answer.text(), "text/html");
    update(document.querySelector("main"), now.querySelector("main"));
    document.body.classList.remove("gone");
  } catch {
    document.body.classList.add("gone");
  }
  setTimeout(refresh, ${REFRESH_MS});
}
function update(old, now) {
  if (old.isEqualNode(now)) return;
  const alike = old.nodeName === now.nodeName && old.childNodes.length === now.childNodes.length;
  if (!alike) return old.replaceWith(now);
  if (old.nodeType !== 1) return void (old.nodeValue = now.nodeValue);
  for (const { name, value } of now.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const pairs = [...old.childNodes].map((child, index) => [child, now.childNodes[index]]);
  for (const [child, other] of pairs) update(child, other);
}
setTimeout(refresh, ${REFRESH_MS});
`;

export const STYLE = `:root {
  --paper: #f6f5f1; --card: #ffffff; --ink: #1b2023; --soft: #5d666b; --line: #e4e2db;
  --accent: #0f6b66; --fair: #a86a08; --poor: #b3372b; --away: #8d9698;
  font: 16px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #121618; --card: #1a2023; --ink: #e9e7e1; --soft: #9ea8ab; --line: #2c3437;
    --accent: #5cc2b8; --fair: #dfa64c; --poor: #ee8a7c; --away: #6d7a7e;
  }
}
body { margin: 0; }
body.gone main { opacity: 0.5; }
body.gone::before { content: "The testnet does not answer; tries again."; display: block; padding: 0.5rem; text-align: center; color: var(--poor); }
main { max-width: 76rem; margin: 0 auto; padding: 1rem clamp(0.75rem, 3vw, 2rem) 3rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.05rem; margin: 0 0 0.5rem; } p { margin: 0.2rem 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem; padding: 1rem; margin-top: 1rem; min-width: 0; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1rem; }
.network { width: 100%; max-height: 24rem; } img { width: 100%; background: #ffffff; }
line { stroke: var(--accent); opacity: 0.35; }
circle { fill: var(--accent); } .reduced circle { fill: var(--fair); } .isolated circle, .evicted circle { fill: var(--poor); } .away circle { fill: var(--away); }
text { font-size: 8px; fill: var(--ink); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
th, td { text-align: left; padding: 0.3rem 0.6rem 0.3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; font-weight: 400; }
thead th { color: var(--soft); } .right { text-align: right; } strong { color: var(--poor); font-weight: 600; } code { color: var(--soft); }
a { color: var(--accent); } :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.key { display: inline-block; width: 0.7em; height: 0.7em; border-radius: 50%; margin-right: 0.4em; background: var(--accent); }
.key.reduced { background: var(--fair); } .key.isolated, .key.evicted { background: var(--poor); } .key.away { background: var(--away); }
ol { margin: 0; padding: 0; list-style: none; color: var(--soft); }
`;
