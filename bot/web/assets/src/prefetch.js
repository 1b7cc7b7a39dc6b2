// A page is asked for when the pointer rests on its link or presses it; the click finds it here.

import htmx from "htmx.org";

const SOON = 65; // ms: shorter is passing over, longer is meant
const FRESH = 3000; // ms
const pages = new Map();
let timer;

function pathOf(target) {
  const link = target.closest?.("a[href^='/console']");
  if (!link || link.closest("[hx-boost=false]") || link.hasAttribute("download")) return null;
  const isHere = link.pathname === location.pathname && link.search === location.search;
  return isHere || link.hash ? null : link.pathname + link.search;
}

function ask(path) {
  const known = pages.get(path);
  if (known && performance.now() - known.at < FRESH) return;
  const answer = fetch(path, { headers: { "HX-Request": "true", "HX-Boosted": "true" }, cache: "no-store" })
    .then((got) => (got.ok && !got.redirected ? got.text() : null))
    .catch(() => null);
  pages.set(path, { at: performance.now(), answer });
}

addEventListener("pointerover", (event) => {
  const path = pathOf(event.target);
  clearTimeout(timer);
  if (path && event.pointerType === "mouse") timer = setTimeout(ask, SOON, path);
});
addEventListener("pointerdown", (event) => {
  clearTimeout(timer);
  const path = event.button === 0 && pathOf(event.target);
  if (path) ask(path);
});

document.addEventListener("htmx:confirm", async (event) => {
  const { elt, path, verb, issueRequest } = event.detail;
  const known = pages.get(path);
  if (verb !== "get" || !elt.matches("a") || !known) return;
  pages.delete(path);
  if (performance.now() - known.at > FRESH) return;
  event.preventDefault();
  const html = await known.answer;
  if (html === null) return issueRequest(true);
  history.replaceState({ htmx: true }, "", location.href);
  history.pushState({ htmx: true }, "", path);
  htmx.swap(document.body, html, { swapStyle: "morph", swapDelay: 0, settleDelay: 0, show: "top", showTarget: "window" });
});

// Whatever is changed makes every page that was asked for before it old.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.requestConfig.verb !== "get") pages.clear();
});
document.addEventListener("console:refreshed", () => pages.clear());
