// A rule as a form. The text is the only state: what is typed into a field goes to the server with the text, which answers
// with the change of the text and the card anew; the change is made in the editor, so that undo and drafts know of it.

import { StateEffect, StateField, Text } from "@codemirror/state";
import { Decoration, EditorView } from "@codemirror/view";
import { Idiomorph } from "idiomorph/dist/idiomorph.esm.js";
import { post as sendTo } from "./post.js";
import { isAdded, weigh } from "./weighing.js";

const SOON = 120; // ms after the last key until the card follows the text, or the text what need not be whole yet
const AGAIN = 2000; // ms until an edit that nobody answered is tried again
const OF_FILE = "-1"; // in the place of a rule's number
const YEAR = 31536000; // s

let view = null;
let options = null;
let waiting = new Map(); // the edits that the text lacks yet, the newest of each field
let sending = new Map(); // those of them that are on their way
let refused = new Map(); // those that can't be made: their fields keep what was typed, and saving waits until it is mended
let trouble = ""; // why the newest of them can't
let timer = null;
let running = null;
let isMine = false; // the change of the text is the card's own
let asked = 0;
let presses = 0;

const form = () => document.getElementById("writing");
const place = () => document.getElementById("card");
const card = () => place()?.querySelector(".rule-card");
const shownAs = () => form()?.dataset.view ?? "text";

// Whether the text is hidden behind the card.
export const isFormAlone = () => shownAs() === "form" && Boolean(card());

// The node of the field that has the focus, lit in the text.
const light = StateEffect.define();
export const lit = StateField.define({
  create: () => Decoration.none,
  update(marks, transaction) {
    for (const effect of transaction.effects) {
      if (!effect.is(light)) continue;
      const [from, to] = effect.value;
      return to > from ? Decoration.set(Decoration.mark({ class: "cm-lit" }).range(from, to)) : Decoration.none;
    }
    return marks.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

export function mountCard(editor, given) {
  view = editor;
  options = given;
  [waiting, sending, refused, trouble] = [new Map(), new Map(), new Map(), ""];
  listen();
  if (!card()) return;
  if (!given.isAsMade) delete card().dataset.needs;
  card().querySelector("[name=card-of]")?.remove(); // the script takes the fields over: the form sends the text alone
  card().querySelector(".without-scripts")?.remove();
  for (const field of card().querySelectorAll("input.field, textarea.field, select.field")) typedBefore(field);
}

function listen() {
  if (place().dataset.listens !== undefined) return;
  place().dataset.listens = "";
  place().addEventListener("input", typed);
  place().addEventListener("change", chosen);
  place().addEventListener("keydown", pressed);
  place().addEventListener("focusin", focused);
  place().addEventListener("toggle", opened, true);
}

// Back is not held up: what is typed goes off before the page does.
addEventListener("popstate", () => card() && waiting.size && flush());

// What somebody does to the card

// Somebody was quicker than this script.
function typedBefore(field) {
  const before = field.matches("select") ? field.querySelector("option[selected]")?.value : field.defaultValue;
  if (before === undefined || field.value === before) return;
  typed({ target: field });
  if (field.matches("select") || field !== document.activeElement) chosen({ target: field });
}

function typed(event) {
  const field = event.target;
  if (field.name === "card-source") return later("source", field.value, SOON);
  if (!field.name?.startsWith("card:") || field.matches("select")) return;
  const edit = JSON.parse(field.name.slice(5));
  for (const [name] of wordsOf(field)) refused.delete(name);
  if (edit.do === "add") return weigh(field, edit, as); // it is added when it is whole: Enter, a comma, or leaving the field
  if (edit.do === "rename") return;
  later(field.name, { ...edit, value: field.value }, edit.do === "write" ? SOON : 0);
}

function chosen(event) {
  const field = event.target;
  if (!field.name?.startsWith("card:")) return;
  const edit = JSON.parse(field.name.slice(5));
  if (field.matches("select") || edit.do === "rename") return later(field.name, { ...edit, value: field.value });
  if (edit.do === "add") added(field, edit);
}

function added(field, edit) {
  const value = field.value.replace(/,$/, "").trim();
  if (!value) return;
  isAdded();
  field.value = "";
  field.defaultValue = "";
  later(`${field.name} ${value}`, { ...edit, value });
}

// What is typed and not left yet counts, too; whether the text lacks anything now.
export function takeTyped() {
  for (const field of card()?.querySelectorAll("input[name^='card:']") ?? []) {
    const edit = JSON.parse(field.name.slice(5));
    if (edit.do === "add") added(field, edit);
    if (edit.do === "rename" && field.value !== field.defaultValue) waiting.set(field.name, { ...edit, value: field.value });
  }
  for (const [name, edit] of refused) if (!waiting.has(name)) waiting.set(name, edit);
  return isComing();
}

// An edit for the text is on its way or waits for one.
export const isComing = () => waiting.size > 0 || running !== null;

// Why the text lacks something of what was typed; empty: it has all.
export function whatIsMissing() {
  if (isComing()) return "Not saved: the bot does not answer, so the text lacks what you typed last. It is tried again.";
  return refused.size ? `Not saved: ${trouble}` : "";
}

// What the text lacks, for when this page comes again.
export function unspliced() {
  const edits = [...refused, ...sending, ...waiting];
  return card() && edits.length ? { rule: card().dataset.rule, edits } : null;
}

export async function resume({ rule, edits }) {
  if (!(await show({ rule }))) return;
  for (const [name, edit] of edits) waiting.set(name, edit);
  await flush();
}

// The text is as it is saved: nothing that was typed for it counts any more.
export function forget() {
  for (const edits of [waiting, refused]) edits.clear();
  if (card()) show({ rule: card().dataset.rule });
}

function pressed(event) {
  const field = event.target;
  if (event.key === "Escape") return closeMenus(event);
  if (event.key !== "Enter" && event.key !== ",") return;
  if (!field.matches("input")) return;
  const edit = field.name?.startsWith("card:") ? JSON.parse(field.name.slice(5)) : null;
  if (event.key === "," && edit?.do !== "add") return;
  event.preventDefault(); // Enter in a field would press the form's first button
  if (edit?.do === "add") added(field, edit);
}

function closeMenus(event) {
  const open = event.target.closest("details.choose[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
}

function opened(event) {
  if (!event.target.open) return;
  for (const other of place().querySelectorAll("details.choose[open]")) if (other !== event.target) other.open = false;
  event.target.querySelector("menu")?.scrollIntoView({ block: "nearest" });
}

addEventListener("click", (event) => {
  if (!place() || event.target.closest?.("details.choose")) return;
  for (const open of place().querySelectorAll("details.choose[open]")) open.open = false;
});

// Whether a button of the form was the card's: then it is done here.
export function takesSubmit(button) {
  const what = button?.value ?? "";
  if (what.startsWith("view ")) return look(what.slice(5)), true;
  if (!card()?.contains(button)) return false;
  button.closest("details.choose")?.removeAttribute("open");
  if (what.startsWith("show ")) return show({ rule: button.dataset.show }).then(goToRule), true;
  if (what.startsWith("card ")) return now(what.slice(5)), true;
  if (what.startsWith("value ")) return put(button), true;
  return false;
}

// A value goes where the caret was.
function put({ dataset }) {
  const field = document.getElementById(dataset.into);
  field.setRangeText(dataset.value, field.selectionStart, field.selectionEnd, "end");
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

async function look(how, isKept = true) {
  if (shownAs() === "text" && how !== "text") {
    const isShown = show({ at: view.state.selection.main.head });
    if (!card() && !(await isShown)) return options.cannotShow(); // the page of a text comes without a card
  }
  form().dataset.view = how;
  form().elements.view.value = how;
  if (isKept) document.cookie = `bot_rules_view=${how}; path=/console; max-age=${YEAR}; samesite=strict`;
  for (const button of form().querySelectorAll(".views button")) {
    button.setAttribute("aria-pressed", String(button.value === `view ${how}`));
  }
  view.requestMeasure();
  options.looked();
}

// The text follows: at once, and while an answer is on its way the newest of each field waits for it.

function later(name, edit, wait = 0) {
  waiting.delete(name);
  waiting.set(name, edit);
  clearTimeout(timer);
  timer = setTimeout(flush, wait);
}

async function now(edits) {
  await flush();
  waiting.set(`button ${++presses}`, JSON.parse(edits));
  await flush({ isPressed: true });
}

export async function flush({ isPressed = false } = {}) {
  clearTimeout(timer);
  while (running) await running;
  if (!waiting.size || !card()) return;
  sending = waiting;
  waiting = new Map();
  running = send(sending, isPressed).catch(() => false);
  const isDone = await running;
  const some = sending;
  [running, sending] = [null, new Map()];
  if (isDone === false) {
    putBack(some);
    timer = setTimeout(flush, AGAIN);
  } else if (waiting.size) await flush();
}

// What was typed stays in the fields, and is tried again.
function putBack(some) {
  for (const [name, edit] of some) if (!waiting.has(name)) waiting.set(name, edit);
}

async function send(some, isPressed) {
  const { doc } = view.state;
  const [editor, given] = [view, options];
  const source = some.get("source");
  const edits = [...some.values()].flat();
  const change = source === undefined ? { edits: JSON.stringify(edits) } : { source };
  const isOfRule = source === undefined && edits.every((edit) => edit.do !== "rule");
  const number = ++asked;
  const answer = await splice(doc, { rule: card().dataset.rule, ...change }, isOfRule);
  if (!answer) return false;
  if (answer.trouble && some.size > 1) return sendApart(some);
  const { from, to, insert } = answer;
  const isChanged = from !== null && (from !== to || insert);
  if (editor !== view || !card()) {
    // The page is gone meanwhile: its draft has the edit.
    if (isChanged) given.late(doc.replace(from, to, Text.of(insert.split("\n"))).toString());
    return true;
  }
  if (view.state.doc !== doc) {
    // Somebody has written into the text meanwhile: the edit is made in that one.
    putBack(some);
    return true;
  }
  settle(some, answer.trouble);
  if (isChanged) {
    isMine = true;
    try {
      view.dispatch({ changes: { from, to, insert }, userEvent: isPressed ? "input.card" : "input.type.card" });
    } finally {
      isMine = false;
    }
  }
  if (number === asked) draw(answer.card, isPressed);
  return true;
}

// One of them can't be made: the others are made without it.
async function sendApart(some) {
  for (const each of some) {
    const one = new Map([each]);
    if (!(await send(one, false).catch(() => false))) putBack(one);
  }
  return true;
}

function settle(some, why) {
  if (why) trouble = why;
  for (const [name, edit] of some) {
    sending.delete(name);
    if (!why) refused.delete(name);
    else if (!name.startsWith("button ")) refused.set(name, edit);
  }
}

// A word that can't be added is in its field again, until somebody changes it there.
function* wordsOf(field) {
  for (const [name, edit] of refused) if (edit.do === "add" && name.startsWith(`${field.name} `)) yield [name, edit.value];
}

// The card as it would be, for who only asks; null where the text is another one by now.
async function as(edits) {
  while (running) await running;
  if (waiting.size || !card()) return null;
  const { doc } = view.state;
  const made = await splice(doc, { rule: card().dataset.rule, edits: JSON.stringify(edits) }, true);
  return !made || made.trouble || view.state.doc !== doc || running || waiting.size ? null : made.card;
}

async function splice(doc, body, isOfRule) {
  const answer = await post("splice", doc, body, isOfRule);
  const made = answer && (await answer.json());
  return made?.needs_all ? splice(doc, body, false) : made;
}

// With the text, or as much of it as a card needs: of a file with 10,000 rules, each letter would send a megabyte.
async function post(what, doc, more, isOfRule) {
  const ranges = isOfRule && JSON.parse(card()?.dataset.needs ?? "null");
  const text = ranges ? ranges.map(([from, to]) => doc.sliceString(from, to)).join("") : doc.toString();
  const body = new URLSearchParams({ file: options.file(), text, ...more });
  if (ranges) body.set("ranges", JSON.stringify(ranges));
  // Its number may be another one by now; its place has moved with the text.
  else if (more.rule === card()?.dataset.rule && more.rule !== OF_FILE) body.set("at", card().dataset.from);
  const answer = await sendTo(`/console/rules/draft/${what}`, body);
  return answer.ok ? answer : null;
}

// The card follows

const isNewer = (name) => [waiting, sending, refused].some((edits) => edits.has(name));

const callbacks = {
  beforeAttributeUpdated(name, node) {
    return !(name === "open" && node.matches("details"));
  },
  // What somebody is writing is newer than what the server knows.
  beforeNodeMorphed(before, after) {
    if (before.nodeType !== Node.ELEMENT_NODE) return true;
    if (before.id === "card-rules" && after.dataset?.part !== undefined) return rename(before, after), false;
    return !(isNewer(before.name) && before.matches("textarea, select"));
  },
};

// The menu of the rules stays where the answer knows of one rule alone.
function rename(menu, fresh) {
  const name = fresh.querySelector("[data-name]")?.textContent;
  for (const each of menu.querySelectorAll("[data-name]")) each.textContent = name;
}

function draw(html, isPressed) {
  const before = new Set([...place().querySelectorAll("[id]")].map(({ id }) => id));
  const number = card()?.dataset.rule;
  const active = document.activeElement;
  const typing = place().contains(active) && "value" in active ? { field: active, value: active.value } : null;
  const written = new Map([...place().querySelectorAll("input")].map(({ name, value }) => [name, value]));
  Idiomorph.morph(place(), html, { morphStyle: "innerHTML", ignoreActiveValue: true, callbacks });
  for (const field of place().querySelectorAll("input, textarea, select")) {
    if (field === document.activeElement) continue;
    if (isNewer(field.name)) {
      field.value = written.get(field.name) ?? field.value;
      continue;
    }
    const value = field.matches("select") ? field.querySelector("option[selected]")?.value : field.defaultValue;
    if (value !== undefined && field.value !== value) field.value = value;
  }
  for (const field of place().querySelectorAll("input")) for (const [, word] of wordsOf(field)) field.value ||= word;
  if (typing && typing.field.isConnected && typing.field.value !== typing.value) typing.field.value = typing.value;
  if (refused.size && card()?.dataset.rule !== number) {
    refused.clear();
    options.lost(trouble);
  }
  if (refused.size && !card().querySelector(".notice.bad")) {
    const notice = Object.assign(document.createElement("p"), { className: "notice bad", role: "alert", textContent: trouble });
    card().prepend(notice);
  }
  options.drawn();
  if (!isPressed) return;
  if (card() && card().dataset.rule !== number) return card().querySelector(".field")?.select(); // a new rule: its name first
  // Who has added something goes on there.
  const fresh = [...place().querySelectorAll("input.field, textarea.field, select.field")].find(({ id }) => !before.has(id));
  if (fresh) fresh.focus();
  else if (!document.activeElement || document.activeElement === document.body) card()?.querySelector("summary, .field")?.focus();
}

// Whether the card is the one that was asked for: an answer to an older text or before a newer question is dropped.
async function show(which) {
  await flush();
  const { doc } = view.state;
  const number = ++asked;
  const shown = card()?.dataset.rule;
  const isShown = which.at === undefined ? which.rule === shown : shown !== OF_FILE && isWithin(which.at);
  const rule = isShown ? { rule: shown } : which;
  let html = await textOf(post("card", doc, rule, isShown));
  if (html !== null && isShown && !html.trim()) html = await textOf(post("card", doc, which, false));
  if (html === null || number !== asked || view.state.doc !== doc) return false;
  draw(html);
  return true;
}

const textOf = async (asking) => (await asking)?.text() ?? null;
const isWithin = (at) => card() !== null && Number(card().dataset.from) <= at && at <= Number(card().dataset.to);

// Only who has chosen a rule is led to its text: the caret of somebody who writes there stays where it is.
function goToRule(isShown) {
  if (!isShown || !card()) return;
  const from = Number(card().dataset.from);
  view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "start" }) });
}

// The rule that is written in, or else the one that is shown already.
function followText() {
  const at = view.state.selection.main.head;
  clearTimeout(place().timer);
  place().timer = setTimeout(() => show(view.hasFocus ? { at } : { rule: card().dataset.rule }).then(glow), SOON);
}

export function update(change) {
  if (!place() || !card()) return;
  if (change.docChanged) {
    move(change.changes);
    if (!isMine && shownAs() !== "text") followText();
  } else if (change.selectionSet && view.hasFocus && shownAs() === "both") {
    const at = change.state.selection.main.head;
    if (!isWithin(at)) {
      clearTimeout(place().timer);
      place().timer = setTimeout(() => show({ at }).then(glow), SOON);
    } else glow();
  }
}

// The places of the nodes move with the text. Where it is changed elsewhere, a card needs all of it for once.
function move(changes) {
  const needs = JSON.parse(card().dataset.needs ?? "null");
  let isElsewhere = false;
  changes.iterChangedRanges((from, to) => (isElsewhere ||= !needs?.some((range) => range[0] <= from && to <= range[1])));
  if (isElsewhere) delete card().dataset.needs;
  else card().dataset.needs = JSON.stringify(needs.map(([from, to]) => [changes.mapPos(from, -1), changes.mapPos(to, 1)]));
  for (const node of place().querySelectorAll("[data-from]")) {
    node.dataset.from = changes.mapPos(Math.min(Number(node.dataset.from), changes.length), 1);
    node.dataset.to = changes.mapPos(Math.min(Number(node.dataset.to), changes.length), 1);
  }
}

// The place of a text that is hidden: in the card of its rule, or, where no card has it, in the text beside the card.
export function revealInCard(at) {
  if (!isFormAlone()) return false;
  const isHere = () => isWithin(at);
  const reveal = (isShown) => {
    if (!isShown) return;
    if (isHere()) return glow(), focusLit();
    look("both", false);
    view.focus();
  };
  if (isHere()) reveal(true);
  else show({ at }).then(reveal);
  return true;
}

// Whoever writes somewhere already goes on there.
function focusLit() {
  if (document.activeElement?.matches("input, textarea, select")) return;
  const wanted = place().querySelector(".lit :is(input, textarea, select), :is(input, textarea, select).lit");
  (wanted ?? card().querySelector(".field"))?.focus();
}

// The node under the caret, lit in the card.
function glow() {
  const at = view.state.selection.main.head;
  for (const node of place().querySelectorAll(".lit")) node.classList.remove("lit");
  const within = [...place().querySelectorAll("[data-from]")].filter(
    ({ dataset }) => Number(dataset.from) <= at && at <= Number(dataset.to),
  );
  const size = ({ dataset }) => dataset.to - dataset.from;
  const smallest = within.sort((one, other) => size(one) - size(other))[0];
  if (smallest && !smallest.matches(".rule-card")) smallest.classList.add("lit");
}

function focused(event) {
  const node = event.target.closest("[data-from]");
  if (!node || node.matches(".rule-card")) return;
  const length = view.state.doc.length;
  const range = [Math.min(Number(node.dataset.from), length), Math.min(Number(node.dataset.to), length)];
  view.dispatch({ effects: [light.of(range), EditorView.scrollIntoView(range[0], { y: "nearest" })] });
}
