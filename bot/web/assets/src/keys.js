// The keyboard: a control with `data-key` is focused or clicked by its key; links with `data-row` are walked by j and k.

import htmx from "htmx.org";

const isTyping = (target) =>
  target.closest("input, textarea, select, [contenteditable], dialog") !== null && target.type !== "checkbox";

// Whoever dictates, or rests a hand on the keys, turns single ones off; those with Ctrl or Alt stay.
const choice = () => `bot_keys_off_${document.body.dataset.person ?? ""}`;
// Whether a single key does nothing now: also while the list of them is read.
export const isQuiet = (key) =>
  localStorage.getItem(choice()) !== null || (key !== "?" && document.querySelector("#keys:popover-open") !== null);

addEventListener("change", ({ target }) => {
  if (target.id !== "single-keys") return;
  if (target.checked) localStorage.removeItem(choice());
  else localStorage.setItem(choice(), "1");
});
function showChoice() {
  if (!document.getElementById("single-keys")) {
    const field = Object.assign(document.createElement("fieldset"), { className: "told" });
    field.innerHTML = '<legend>Keys</legend><label><input type="checkbox" id="single-keys"> Single keys act</label>';
    document.getElementById("told")?.after(field);
  }
  const box = document.getElementById("single-keys");
  if (box) box.checked = localStorage.getItem(choice()) === null;
}
htmx.onLoad(showChoice);
showChoice();

addEventListener("keydown", (event) => {
  if (event.key === "Escape" && isTyping(event.target)) return event.target.blur();
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || isQuiet(event.key)) return;
  if (goes(event.key)) return;
  if (event.key === "j" || event.key === "k") return walk(event.key === "j" ? 1 : -1);
  const control = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === event.key);
  if (!control || control.disabled) return;
  event.preventDefault();
  if (control.matches("input, textarea, select")) {
    control.focus();
    control.select?.();
  } else {
    control.click();
    // What a key opens is gone on with by the keyboard.
    const sheet = control.matches("summary") && control.parentElement.open && control.nextElementSibling;
    if (sheet) sheet.querySelector("textarea, button, select, input:not([type=hidden])")?.focus();
  }
});

// Ctrl+S saves rules, also before the editor's script has come; in its text the editor hears it.
addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key !== "s" || !document.querySelector('#paper[data-mount="editor"]')) return;
  event.preventDefault();
  if (!event.target.closest(".cm-editor")) document.getElementById("save")?.click();
});

// Enter sends a text, as on a phone; with Shift it begins a new line.
addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || !event.target.matches("[data-enter-sends]")) return;
  event.preventDefault();
  event.target.form.requestSubmit();
});

// `g` and then a letter goes to a place: `g c` to the conversations.
let leader = -Infinity;
function goes(key) {
  if (key === "g") return (leader = performance.now());
  const place = performance.now() - leader < 1_500 && document.querySelector(`[data-go="${CSS.escape(key)}"]`);
  leader = -Infinity;
  place?.click?.();
  return Boolean(place);
}

// Where one was: when the row that was open is done and gone, the next one stands in its place.
let was = -1;
function remember() {
  const rows = [...document.querySelectorAll("[data-row]")];
  const open = rows.findIndex((row) => row.getAttribute("aria-current") || row === document.activeElement);
  if (open >= 0) was = open;
}
document.addEventListener("focusin", ({ target }) => target.matches?.("[data-row]") && remember());
document.addEventListener("htmx:afterSettle", remember);
document.addEventListener("console:refreshed", remember);

function walk(step) {
  const rows = [...document.querySelectorAll("[data-row]")].filter((row) => row.checkVisibility());
  if (!rows.length) return;
  const here = rows.indexOf(document.activeElement);
  const current = here >= 0 ? here : rows.findIndex((row) => row.getAttribute("aria-current"));
  const gone = was >= 0 ? was - (step > 0 ? 1 : 0) : step > 0 ? -1 : rows.length;
  const next = Math.min(Math.max((current < 0 ? gone : current) + step, 0), rows.length - 1);
  rows[next].focus();
  rows[next].scrollIntoView({ block: "nearest" });
}
