// What somebody has not saved is kept for them by the bot, a moment after the last key and when they leave the page; what
// it could not keep is told, tried again, and there when the page comes again.

import { post } from "./post.js";
import { tell } from "./save_bar.js";
import { lay, take } from "./unkept.js";

const SOON = 800; // ms
const LATEST = 3000; // ms after the first key, also where somebody goes on writing
const AGAIN = 3000; // ms until it is tried again
const MOST_AT_THE_END = 60_000; // bytes that a browser still sends for a page that is gone
const UNKEPT = "drafts";
const WHY = {
  401: "Your login has ended.",
  403: "This page is older than your login: load it anew, and what you wrote is still there.",
  413: "The text is larger than the bot takes.",
};
const pending = new Map(); // by what they are drafts of
let timer = null;
let since = null; // when the first of them was written
let isTrouble = false;
let sent = null;

const nameOf = ({ file, etag, is_new }) => `${is_new ? "new" : file} ${etag}`;

export function keepSoon(fields, text) {
  pending.set(nameOf(fields), { fields, text });
  since ??= performance.now();
  clearTimeout(timer);
  timer = setTimeout(keepAll, Math.max(Math.min(SOON, since + LATEST - performance.now()), 0));
}

export function forgetDraft(fields) {
  pending.delete(nameOf(fields));
}

export function keepAll(isLeaving = false) {
  clearTimeout(timer);
  since = null;
  for (const each of pending.values()) if (isLeaving || !each.isUnderway) keep(each, isLeaving);
}

async function keep(draft, isLeaving) {
  const { fields, text } = draft;
  const body = new URLSearchParams({ ...fields, text: text() });
  draft.isUnderway = true;
  let status = 0;
  try {
    const keepalive = isLeaving && body.toString().length < MOST_AT_THE_END;
    ({ status } = await post("/console/rules/draft/keep", body, { keepalive }));
  } catch (error) {
    console.info(error);
  }
  draft.isUnderway = false;
  if (pending.get(nameOf(fields)) !== draft) return; // a newer one, or it is sent by now
  if (status === 204) {
    pending.delete(nameOf(fields));
    if (isTrouble && !pending.size) tell("Kept.");
    isTrouble = pending.size > 0;
    return;
  }
  isTrouble = true;
  tell(`Not kept: ${WHY[status] ?? "the bot does not answer. It is tried again."}`, true);
  if (WHY[status]) return;
  clearTimeout(timer);
  timer = setTimeout(keepAll, AGAIN);
}

// What this page's draft is, where the bot has an older one or none.
export function unkept(fields) {
  for (const each of take(UNKEPT) ?? []) if (!pending.has(nameOf(each.fields))) keepSoon(each.fields, () => each.text);
  const found = pending.get(nameOf(fields));
  return found ? { name: found.fields.file, text: found.text() } : null;
}

// A form that is sent carries the text itself: a draft kept after it was saved would bring the old one back.
addEventListener("submit", ({ target }) => {
  if (target.id !== "writing") return keepAll();
  sent = [...pending.values()];
  pending.clear();
});
const isOfText = ({ detail }) => detail.elt.id === "writing";
const bring = () => {
  for (const { fields, text } of sent ?? []) keepSoon(fields, text);
  sent = null;
};
document.addEventListener("htmx:sendError", (event) => isOfText(event) && bring());
document.addEventListener("htmx:beforeOnLoad", (event) => isOfText(event) && (event.detail.xhr.status === 401 ? bring() : (sent = null)));
addEventListener("click", ({ target }) => target.closest?.("a[href]") && keepAll(), true);
addEventListener("focusout", () => keepAll());
addEventListener("pagehide", () => {
  const left = [...pending.values()].map(({ fields, text }) => ({ fields, text: text() }));
  if (!left.length) return;
  lay(UNKEPT, left);
  keepAll(true);
});
