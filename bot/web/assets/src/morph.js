// Pages and parts of them are changed in place: what is the same stays, with its focus, scroll and typed text.

import htmx from "htmx.org";
import { Idiomorph } from "idiomorph/dist/idiomorph.esm.js";

const callbacks = {
  beforeNodeMorphed(before, after) {
    if (before.nodeType !== Node.ELEMENT_NODE) return true;
    // What a script has made of an element is its own, as long as the page means the same thing by it.
    if (before.matches("[data-filled] > .card")) return false; // fetched by cards.js
    if (before.hasAttribute("data-mounted")) {
      return before.dataset.mount !== after.dataset?.mount || before.dataset.version !== after.dataset?.version;
    }
    return true;
  },
  beforeAttributeUpdated(name, node) {
    if (name === "data-filled" || name === "data-hovered") return false;
    if (name === "open" && node.matches("details")) return false; // opened or closed by the person
    if (name === "hidden" && node.id === "live") return false;
    if (name === "value" && isTyped(node)) return false;
    return true;
  },
  afterNodeAdded(node) {
    if (node.nodeType === Node.ELEMENT_NODE && node.dataset.arrives !== undefined && isLive) node.classList.add("fresh");
  },
};

let isLive = false;

// A field that somebody has written into and not sent yet.
function isTyped(node) {
  return node.matches("input, textarea") && node.value !== node.defaultValue;
}

// Idiomorph sets the text of a field to what the page says; a draft must survive that.
function keepDrafts(root, change) {
  const drafts = [...root.querySelectorAll("textarea[id], input[id]:not([type=hidden], [type=checkbox], [type=radio])")]
    .filter(isTyped)
    .map((field) => [field.id, field.form?.getAttribute("action"), field.value]);
  const result = change();
  for (const [id, action, value] of drafts) {
    const field = document.getElementById(id);
    if (field && field.form?.getAttribute("action") === action) field.value = value;
  }
  return result;
}

export function morph(target, content, { live = false, inner = false } = {}) {
  isLive = live;
  const options = { morphStyle: inner ? "innerHTML" : "outerHTML", ignoreActiveValue: true, callbacks };
  try {
    return keepDrafts(target, () => Idiomorph.morph(target, content, options));
  } finally {
    isLive = false;
  }
}

htmx.defineExtension("morph", {
  isInlineSwap: (style) => style === "morph",
  handleSwap(style, target, fragment) {
    if (style !== "morph") return false;
    return morph(target, fragment.children, { inner: target === document.body });
  },
});
