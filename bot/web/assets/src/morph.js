// Pages and parts of them are changed in place: what is the same stays, with its focus, scroll and typed text.

import htmx from "htmx.org";
import { Idiomorph } from "idiomorph/dist/idiomorph.esm.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");
let isLive = false;
let isAnotherPage = false;
// Where a form was just sent to: what was typed into it is no draft any more, unless it could not be done.
let sent = null;
// The ticks with which something was just done to many conversations: those that were set meanwhile stay.
let acted = new Set();
const ticksIn = (root) => [...root.querySelectorAll("#bulk input:checked")].map(({ name, value }) => `${name}=${value}`);

document.addEventListener("htmx:beforeRequest", (event) => {
  sent = event.detail.requestConfig.verb === "post" ? event.detail.elt.getAttribute("action") : null;
  acted = new Set(event.detail.elt.id === "bulk" ? ticksIn(document) : []);
});

// htmx remembers where a link or a form led when it came to the page. Changed in place it may lead elsewhere, and whoever
// is quick is there before htmx has looked again: a reply must not go to the conversation that was open before.
document.addEventListener("htmx:configRequest", ({ detail }) => {
  const { elt, triggeringEvent, verb } = detail;
  if (elt.matches("a[href]")) detail.path = elt.getAttribute("href");
  if (verb === "post" && elt.matches("form[action]") && !triggeringEvent?.submitter?.hasAttribute("formaction")) {
    detail.path = elt.getAttribute("action");
  }
});

const callbacks = {
  beforeNodeMorphed(before, after) {
    if (before.nodeType !== Node.ELEMENT_NODE) return true;
    if (before.matches("[data-filled] > .card, [data-filled] > .sheet")) return false; // fetched by cards.js
    if (before.id === "live") return false; // live.js knows
    // What a script has made of an element is its own, as long as the page means the same thing by it.
    if (before.hasAttribute("data-mounted")) {
      return before.dataset.mount !== after.dataset?.mount || before.dataset.version !== after.dataset?.version;
    }
    return true;
  },
  beforeAttributeUpdated(name, node) {
    if (name === "data-filled" || name === "data-hovered" || name === "draggable") return false; // a script's own
    if (name.startsWith("aria-") && node.matches("[data-composer]")) return false;
    if (name === "open" && !isAnotherPage && node.matches("details")) return false; // opened or closed by the person
    return true;
  },
  // The texts that composer.js has opened, and what it says of them to a screen reader.
  beforeNodeRemoved: (node) => node.nodeType !== Node.ELEMENT_NODE || !node.matches(".composer > .canned"),
  afterNodeAdded(node) {
    if (isLive && !calm.matches && node.nodeType === Node.ELEMENT_NODE && node.matches(".message")) {
      node.animate([{ opacity: 0, transform: "translateY(8px)" }, {}], { duration: 120, easing: "ease-out" });
    }
  },
};

// Fields that somebody has written into and not sent yet. The same field of another form is another field. Boxes of the
// list that are ticked are kept by the conversation that they stand for.
function draftsIn(root) {
  const ticked = ticksIn(root).map((tick) => ({ ticked: tick }));
  const written = [...root.querySelectorAll("textarea[id], input[id]:not([type=hidden], [type=checkbox], [type=radio])")]
    .filter((field) => field.value !== field.defaultValue)
    .map((field) => ({ id: field.id, action: field.form?.getAttribute("action"), text: field.value }));
  return [...ticked, ...written];
}

function restore(drafts) {
  for (const { id, action, text, ticked } of drafts) {
    const field = document.getElementById(id);
    if (ticked) {
      for (const box of document.querySelectorAll("#bulk input[type=checkbox]")) box.checked ||= `${box.name}=${box.value}` === ticked;
      continue;
    }
    if (field && field.form?.getAttribute("action") === action && field.value !== text) field.value = text;
  }
}

// A part that changed while it was looked at: nothing that somebody does there is disturbed.
export function morphLive(part, fresh) {
  const drafts = draftsIn(part);
  isLive = true;
  try {
    Idiomorph.morph(part, fresh, { morphStyle: "outerHTML", ignoreActiveValue: true, callbacks });
  } finally {
    isLive = false;
  }
  htmx.process(document.getElementById(part.id) ?? part); // else a form that is new there would load the whole page
  restore(drafts);
}

htmx.defineExtension("morph", {
  isInlineSwap: (style) => style === "morph",
  handleSwap(style, target, fragment) {
    if (style !== "morph") return false;
    const failed = fragment.querySelector(".flash.bad") !== null;
    const drafts = draftsIn(target).filter(({ action, ticked }) => failed || (ticked ? !acted.has(ticked) : action !== sent));
    sent = null;
    acted.clear();
    isAnotherPage = target === document.body;
    try {
      const morphStyle = isAnotherPage ? "innerHTML" : "outerHTML";
      return Idiomorph.morph(target, [...fragment.children], { morphStyle, callbacks });
    } finally {
      isAnotherPage = false;
      restore(drafts);
    }
  },
});
