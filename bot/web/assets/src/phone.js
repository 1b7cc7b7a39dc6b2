// The phone beside the editor: as if at another time and from somebody else, and what becomes of a talk.

import { ask, form, hear, post, showGiven } from "./editor.js";
import { edit, tell } from "./save_bar.js";

const inputs = () => [...form().querySelectorAll("[name^=as-]")];

// What is not as usual.
export function fields() {
  return inputs().filter((input) => (input.type === "checkbox" ? input.checked : input.value.trim()));
}

export function mountPhone() {
  const details = document.querySelector(".as-if");
  if (!details) return;
  const back = document.getElementById("as-usual");
  back.addEventListener("click", () => {
    for (const input of inputs()) {
      if (input.type === "checkbox") input.checked = false;
      else input.value = "";
    }
    changed();
  });
  details.addEventListener("change", changed);
  describe();
}

function changed() {
  describe();
  ask("play");
}

// The line above the phone says what it is like, also while its fields are folded.
function describe() {
  const set = fields();
  document.getElementById("as-usual").hidden = !set.length;
  document.getElementById("as-if-said").textContent = set.length ? `As if ${set.map(said).join(", ")}` : "Now, from a new person";
}

function said({ name, value, type }) {
  if (name === "as-at" && type === "datetime-local") {
    const at = new Date(value);
    if (!Number.isNaN(at.getTime())) return at.toLocaleString([], { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false });
  }
  const text = value.trim().replaceAll("\n", ", ");
  const words = { "as-from": `from ${text}`, "as-to": `to ${text}`, "as-language": `in ${text}`, "as-tags": `tagged ${text}`, "as-values": text };
  return words[name] ?? (name === "as-known" ? "known" : text);
}

// What came from elsewhere for the messages of the phone, as far as somebody has given it: what they still type is not sent.
export function answers() {
  return [...form().querySelectorAll("input[type=hidden][name^=fetched-], input.answer[data-given]")].filter(({ value }) => value.trim());
}

// Enter in an answer or the button beside it gives that one, any other button all that are typed. Whether there is one.
export function give(button) {
  const beside = button.closest(".together")?.querySelector("input.answer");
  const { activeElement } = document;
  const one = beside ?? (activeElement.matches("input.answer") ? activeElement : null);
  const given = (one ? [one] : [...form().querySelectorAll("input.answer")]).filter(({ value }) => value.trim());
  for (const input of given) {
    input.dataset.given = "";
    input.addEventListener("input", () => delete input.dataset.given, { once: true });
  }
  return given.length > 0;
}

// An answer that somebody is typing stays when the talk is shown anew meanwhile, and so does the cursor in it.
export function keepTyped(part, change) {
  const typed = [...part.querySelectorAll("input.answer")].filter(({ value }) => value);
  const { name, selectionStart, selectionEnd } = document.activeElement ?? {};
  const wasIn = part.contains(document.activeElement) && name;
  change();
  const input = (wanted) => [...part.querySelectorAll("input.answer")].find((each) => each.name === wanted);
  for (const { name, value } of typed) {
    const now = input(name);
    if (now && !now.value) now.value = value;
  }
  const again = wasIn && input(name);
  if (!again) return;
  again.focus();
  again.setSelectionRange(selectionStart, selectionEnd);
}

// An address that carries a rule and a text: #rule=…&text=…; what stands behind # stays in the browser.
export function fromLink() {
  if (!location.pathname.endsWith("/try") || location.hash.length < 2) return false;
  const carried = new URLSearchParams(location.hash.slice(1).replaceAll("+", "%2B"));
  const rule = carried.get("rule") ?? "";
  const text = carried.get("text") ?? "";
  if (!rule.trim() && !text.trim()) return false;
  if (rule.trim()) showGiven(wrapped(rule));
  if (text.trim()) hear(text.slice(0, 2000));
  ask("check").then(() => ask("play"));
  return true;
}

// A rule alone becomes a file with this rule.
function wrapped(rule) {
  const lines = rule.replaceAll("\r\n", "\n").replace(/\n+$/, "").split("\n");
  const first = lines.find((line) => line.trim() && !line.startsWith("#")) ?? "";
  if (!first.startsWith("- ")) return `${lines.join("\n")}\n`;
  return `rules:\n${lines.map((line) => (line ? `  ${line}` : "")).join("\n")}\n`;
}

async function link() {
  const answer = await post("link");
  if (!answer.ok) return;
  const address = new URL((await answer.json()).link, location.href).href;
  const field = document.getElementById("linked-to");
  document.getElementById("linked").hidden = false;
  field.value = address;
  field.focus();
  field.select();
  try {
    await navigator.clipboard.writeText(address);
    tell("The address is copied.");
  } catch {
    tell("Copy the address.");
  }
}

function clear() {
  form().querySelectorAll("input[name=heard], input[name^=fetched-]").forEach((input) => input.remove());
  for (const id of ["after-talk", "linked"]) document.getElementById(id).hidden = true;
  ask("play");
  document.getElementById("say").focus();
}

export const phoneButtons = { keep: () => edit("keep"), link, clear };
