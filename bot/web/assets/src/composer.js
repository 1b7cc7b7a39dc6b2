// The composer: what is written is kept for its writer and measured by the bot a moment after the last key; `/` at its
// beginning opens the texts of the rules folder. Everybody else who has the conversation open sees who writes.

import htmx from "htmx.org";
import { post } from "./post.js";
import { lay, take } from "./unkept.js";

const SOON = 300; // ms after the last key
const AGAIN = 3_000; // ms until what was not kept is tried again
const PAUSE = 5_000; // ms without a key after which nobody is writing any more
const MOST_AT_THE_END = 60_000; // bytes that a browser still sends for a page that is gone
let timer;
let pause;
let pending = null;
let underway = null;
let isTrouble = false;
let isSent = false;

// What stands beside the address to which a reply is sent.
const beside = (form, name) => form.getAttribute("action").replace(/reply$/, name);
const layName = (form) => `reply ${form.getAttribute("action")}`;
const fieldOf = (target) => target.closest?.("[data-composer]");

addEventListener("input", ({ target }) => {
  const field = fieldOf(target);
  if (!field) return;
  pending = field;
  isSent = false;
  clearTimeout(timer);
  clearTimeout(pause);
  timer = setTimeout(keep, SOON, field, true);
  pause = setTimeout(keep, PAUSE, field, false);
  choose(field);
});

async function keep(field, isTyping, isLeaving = false) {
  clearTimeout(timer);
  pending = null;
  const { value, form } = field;
  const name = layName(form);
  const fields = { text: value, ...(isTyping ? { typing: "1" } : {}) };
  const short = new URLSearchParams(fields).toString().length < MOST_AT_THE_END;
  underway?.abort();
  underway = new AbortController();
  const { signal } = underway;
  try {
    const answer = await post(beside(form, "draft"), fields, { keepalive: isLeaving && short, signal });
    // What was written since has its own measure under way.
    if (!answer.ok) throw new Error(`not kept: ${answer.status}`);
    isTrouble = false;
    if (field.isConnected && field.value === value) {
      form.querySelector("#reply-cost").innerHTML = await answer.text();
      field.dataset.kept = value;
    }
  } catch (error) {
    console.info(error);
    if (error.name === "AbortError" || isSent) return;
    if (field.isConnected && layName(form) === name) notKept(field);
    else lay(name, value); // the page of another conversation by now
  }
}

function notKept(field) {
  isTrouble = true;
  pending ??= field;
  field.form.querySelector("#reply-cost").textContent = "Not kept: the bot does not answer. It is tried again.";
  clearTimeout(timer);
  timer = setTimeout(keep, AGAIN, field, false);
}

// A reply that could not be kept, or sent for want of a login, is there again when its conversation is.
document.addEventListener("htmx:beforeOnLoad", ({ detail: { xhr, elt } }) => {
  if (xhr.status === 401 && elt.matches?.(".composer")) lay(layName(elt), elt.elements.text.value);
});
function bringBack() {
  const field = document.querySelector("[data-composer]");
  const text = field && take(layName(field.form));
  if (!text || text === field.value) return;
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

// Whoever leaves the field or the page for another has it kept at once; what is sent is no draft any more.
document.addEventListener(
  "submit",
  (event) => {
    clearTimeout(timer);
    clearTimeout(pause);
    pending = null;
    isSent = event.target.matches(".composer");
    if (isSent) underway?.abort();
  },
  true,
);
addEventListener("click", ({ target }) => target.closest?.("a[href]") && pending && keep(pending, false), true);
addEventListener("focusout", () => pending && keep(pending, false));
addEventListener("pagehide", () => {
  if (!pending) return;
  if (isTrouble) lay(layName(pending.form), pending.value);
  keep(pending, false, true);
});

// Texts to choose from

const OPEN = { "aria-autocomplete": "list", "aria-haspopup": "listbox", "aria-controls": "canned" };
let list = null;
let isLoading = false;

function close() {
  list?.remove();
  list = null;
  const field = document.querySelector("[data-composer]");
  for (const name of [...Object.keys(OPEN), "aria-activedescendant"]) field?.removeAttribute(name);
}

async function load(field) {
  if (isLoading) return null;
  isLoading = true;
  try {
    const answer = await fetch(beside(field.form, "texts"), { headers: { "HX-Request": "true" }, cache: "no-store" });
    if (!answer.ok || !field.isConnected) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("canned");
  } catch {
    return null;
  } finally {
    isLoading = false;
  }
}

async function choose(field) {
  if (!field.value.startsWith("/") || field.value.includes("\n")) return close();
  if (!list) {
    const loaded = await load(field);
    if (!loaded || list || !field.value.startsWith("/")) return;
    list = loaded;
    if (list.matches("ul")) list.setAttribute("role", "listbox");
    list.classList.add("canned");
    list.setAttribute("aria-label", "Texts to send");
    list.querySelectorAll("li").forEach((item, at) => {
      item.id = `text-${at}`;
      item.setAttribute("role", "option");
    });
    field.form.append(list);
    for (const [name, value] of Object.entries(OPEN)) field.setAttribute(name, value);
  }
  const wanted = field.value.slice(1).trim().toLowerCase();
  for (const item of list.querySelectorAll("li")) {
    item.hidden = !`${item.dataset.name}\n${item.dataset.text}`.toLowerCase().includes(wanted);
  }
  select(field, shown()[0]);
}

const shown = () => [...(list?.querySelectorAll("li") ?? [])].filter((item) => !item.hidden);

function select(field, item) {
  for (const each of list.querySelectorAll("li")) each.setAttribute("aria-selected", String(each === item));
  if (item) {
    field.setAttribute("aria-activedescendant", item.id);
    item.scrollIntoView({ block: "nearest" });
  } else field.removeAttribute("aria-activedescendant");
}

function insert(field, item) {
  field.value = item.dataset.text;
  close();
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

addEventListener(
  "keydown",
  (event) => {
    const field = event.target.closest?.("[data-composer]");
    // While they are fetched, nobody is sent the beginning of a name.
    if (field && isLoading && event.key === "Enter" && field.value.startsWith("/")) {
      event.preventDefault();
      return event.stopImmediatePropagation();
    }
    if (!field || !list) return;
    const items = shown();
    const at = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && items.length) select(field, items[(at + step + items.length) % items.length]);
    else if ((event.key === "Enter" || event.key === "Tab") && items[at]) insert(field, items[at]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);
addEventListener("pointerdown", (event) => {
  const item = event.target.closest?.(".composer .canned li");
  if (!item) return list && !event.target.closest?.("[data-composer]") && close();
  event.preventDefault();
  insert(item.closest("form").querySelector("[data-composer]"), item);
});
document.addEventListener("htmx:afterSettle", () => list && !list.isConnected && (list = null));

htmx.onLoad(bringBack);
bringBack();
