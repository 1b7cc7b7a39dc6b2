// What somebody has not saved is kept for them by the bot, a moment after the last key and when they leave the page.

const SOON = 800; // ms
const MOST_AT_THE_END = 60_000; // bytes that a browser still sends for a page that is gone
let timer;
let pending = null;

export function keepSoon(form, file, text) {
  const { elements, dataset } = form();
  const fields = { file: file(), etag: elements.etag.value, csrf: document.body.dataset.csrf };
  if (elements.is_new) fields.is_new = "1";
  else fields.file = dataset.file;
  pending = { fields, text };
  clearTimeout(timer);
  timer = setTimeout(keep, SOON);
}

function keep(isLeaving = false) {
  clearTimeout(timer);
  if (!pending) return;
  const { fields, text } = pending;
  pending = null;
  const body = new URLSearchParams({ ...fields, text: text() });
  fetch("/console/rules/draft/keep", {
    method: "POST",
    body,
    headers: { "X-CSRF-Token": document.body.dataset.csrf, "HX-Request": "true" },
    keepalive: isLeaving && body.toString().length < MOST_AT_THE_END,
  }).catch((error) => console.warn(error));
}

// A form that is sent carries the text itself: a draft kept after it was saved would bring the old one back.
document.addEventListener("submit", () => (clearTimeout(timer), (pending = null)), true);
addEventListener("click", ({ target }) => target.closest?.("a[href]") && keep(), true);
addEventListener("focusout", () => pending && keep());
addEventListener("pagehide", () => keep(true));
