// The editor of a rule file: findings under the line they are about as somebody types, and a phone that runs the text.

import { forceParsing } from "@codemirror/language";
import { setDiagnostics } from "@codemirror/lint";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, keymap, WidgetType } from "@codemirror/view";
import { fillForm, standsFor, textChanged } from "./form_text.js";
import { forgetDraft, keepAll, keepSoon, unkept } from "./keeping.js";
import { ownDraft } from "./new_file.js";
import { answers, fields, fromLink, give, keepTyped, mountPhone, phoneButtons } from "./phone.js";
import "./moved.js";
import { post as send } from "./post.js";
import { mountRecipes, recipeButtons } from "./recipes.js";
import { flush, isComing, isFormAlone, lit, mountCard, resume, revealInCard, takesSubmit, takeTyped, unspliced, update as updateCard, whatIsMissing } from "./rule_card.js";
import { barButtons, edit, tell } from "./save_bar.js";
import { help } from "./schema.js";
import { lay, take } from "./unkept.js";
import { coloured, writing } from "./writing.js";

const SOON = 250; // ms after the last key until the text is checked
const PAUSE = 3000; // ms after the last key until what is unfinished counts as wrong
const LATER = 900; // ms until it is tried on stored messages
const UNNAMED = "new.yaml";
const PARTS = { check: "findings", play: "phone", changes: "changes" };

let view = null;
let timers = {};
let running = {};
let isChecking = false;
let isListOpen = false;
let marked = []; // what was found, without what is merely unfinished
let written = 0; // the line that somebody is writing
let isPausing = true;
let isReadOnly = false;
let isFlushed = false; // what was typed into a card is in the text
let kept = null; // where the reader was when the text was saved
let draft = null; // what the text is kept as, also once the page is gone: an edit of the card may be on its way

export const form = () => document.getElementById("writing");
const paper = () => document.getElementById("paper");
export const file = () => form().elements.name?.value || form().dataset.file || UNNAMED;
const isTable = () => /\.csv$/i.test(file());
const heard = () => [...form().querySelectorAll("input[name=heard]")].map((input) => input.value);
// Whether the editor is still on the page that is shown.
const isHere = () => view.dom.isConnected && form() !== null;
function draftNow() {
  const { elements, dataset } = form();
  const of = elements.is_new ? { file: file(), is_new: "1" } : { file: dataset.file };
  return { ...of, etag: elements.etag.value };
}
// For an edit of the card that comes when its page is gone.
const lateFor = (of, isReadOnly) => (text) => isReadOnly || keepSoon(of, () => text);
const layName = () => `card ${draft.is_new ?? draft.file} ${draft.etag}`;
const isDirty = () => paper().hasAttribute("data-unsaved") || paper().dataset.saved !== view.state.doc.toString();

export function mount(element) {
  const later = kept?.file === file() ? writtenSince(kept.text) : null;
  view?.destroy();
  timers = {};
  const textarea = element.querySelector("textarea");
  element.dataset.saved = textarea.defaultValue;
  marked = [];
  view = new EditorView({
    parent: element,
    state: EditorState.create({
      doc: textarea.value,
      extensions: [
        keymap.of([{ key: "Mod-s", run: save, preventDefault: true }]),
        writing(element.querySelector("label").textContent, isTable(), !isFormAlone()),
        isTable() ? [] : help(),
        found,
        lit,
        EditorView.updateListener.of((update) => {
          updateCard(update);
          if (update.docChanged) changed(update);
          else if (update.selectionSet || update.focusChanged) left(update);
        }),
      ],
    }),
  });
  textarea.hidden = true;
  standsFor(view, textarea);
  draft = draftNow();
  isReadOnly = element.hasAttribute("data-read-only");
  if (!isReadOnly) ownDraft(form()).then(() => isHere() && (draft = draftNow()));
  const late = lateFor(draft, isReadOnly);
  const lost = (why) => tell(`What you typed last is not in the text: ${why}`, true);
  const cannotShow = () => tell("The bot does not answer, so there is no form yet.", true);
  mountCard(view, { file, drawn: tellCard, late, lost, cannotShow, looked, isAsMade: textarea.value === textarea.defaultValue });
  const line = Number(/^#L(\d+)$/.exec(location.hash)?.[1] ?? element.dataset.line);
  if (kept?.file === file()) {
    view.dispatch({ selection: { anchor: Math.min(kept.at, view.state.doc.length) } });
    view.scrollDOM.scrollTop = kept.top;
    if (document.activeElement === document.body) view.focus(); // nobody is elsewhere by now, such as on the toast's Undo
  } else if (line) goTo(line);
  if (later && textarea.value === kept.text) view.dispatch(later);
  kept = null;
  forceParsing(view, view.viewport.to, 50);
  foldFindings();
  for (const each of [mountPhone, mountRecipes]) each();
  if (fromLink()) return;
  bringBack();
  if (document.getElementById("findings").querySelector(".tests")) mark();
  else check();
}

// What somebody wrote between a save and its answer goes on in the page that answers.
function writtenSince(text) {
  const { doc, selection } = view.state;
  if (doc.toString() === text) return null;
  forgetDraft(draft); // of what is saved by now
  return { changes: { from: 0, to: text.length, insert: doc }, selection, scrollIntoView: true };
}

// What the bot could not keep when this page was left; the card's edits are made in the text that they are for.
function bringBack() {
  const found = unkept(draft);
  const edits = take(layName());
  if (found && found.text !== view.state.doc.toString()) {
    const { name } = form().elements;
    if (name && !name.value && found.name !== UNNAMED) name.value = found.name;
    replace(found.text);
  }
  if (edits) resume(edits);
}

addEventListener("pagehide", () => {
  const edits = view && isHere() && unspliced();
  if (edits) lay(layName(), edits);
});

// Texts and the parts of the page

function changed({ state, transactions }) {
  isPausing = !transactions.some((each) => each.isUserEvent("input.type") || each.isUserEvent("delete"));
  written = state.doc.lineAt(state.selection.main.head).number;
  after("pause", PAUSE, pause);
  textChanged();
  const editor = view; // a page later there is another one
  if (isHere()) draft = draftNow();
  const isGiven = transactions.some((each) => each.isUserEvent("given"));
  if (!isReadOnly && !isGiven) keepSoon(draft, () => editor.state.doc.toString());
  after("check", SOON, check);
}

// Nobody looks at the colours of a text that is hidden, and to find them in a large one takes longer than a key.
function looked() {
  view.dispatch({ effects: coloured(!isFormAlone()) });
  mark();
}

function pause() {
  if (isPausing || !isHere()) return;
  isPausing = true;
  mark();
}

// Who leaves a line has written it; a transaction can't be dispatched while one is under way.
function left({ state }) {
  if (state.doc.lineAt(state.selection.main.head).number !== written || !view.hasFocus) after("pause", 0, pause);
}

function after(what, wait, run) {
  clearTimeout(timers[what]);
  timers[what] = setTimeout(run, wait);
}

// One at a time: where checking takes long, a next one waits until it is worth it.
async function check() {
  if (isChecking) {
    after("check", SOON, check);
    return;
  }
  isChecking = true;
  const isTold = await ask("check");
  isChecking = false;
  if (!isTold || !isHere()) return;
  if (heard().length) ask("play");
  if (isDirty() || document.querySelector("#changes .what, #changes .tests-say")) after("changes", LATER, () => ask("changes"));
}

// Whether the answer is to the text as it is now; a newer question makes an older one worthless.
export async function ask(what, todo = "") {
  if (!isHere()) return false;
  running[what]?.abort();
  const abort = (running[what] = new AbortController());
  const text = view.state.doc.toString();
  try {
    const answer = await post(what, todo, abort.signal);
    const html = await answer.text();
    if (!answer.ok || !isHere() || view.state.doc.toString() !== text) return false;
    const part = document.getElementById(PARTS[what]);
    if (what === "play") keepTyped(part, () => (part.innerHTML = html));
    else part.innerHTML = html;
    if (what === "check") {
      foldFindings();
      mark();
    }
    if (what === "play") part.scrollTop = part.scrollHeight;
    return true;
  } catch (error) {
    if (error.name !== "AbortError") console.warn(error);
    return false;
  }
}

// The unsaved text and its talk, given to the server.
export async function post(what, todo = "", signal = undefined) {
  const body = new URLSearchParams({ file: file(), text: view.state.doc.toString() });
  for (const each of heard()) body.append("heard", each);
  for (const { name, value } of [...answers(), ...fields(), ...form().querySelectorAll("[name=find], [name=is_new]")]) body.append(name, value);
  if (todo) body.append("do", todo);
  return send(`/console/rules/draft/${what}`, body, { signal });
}

// Findings

class Found extends WidgetType {
  constructor(level, text, mend) {
    super();
    Object.assign(this, { level, text, mend });
  }
  eq(other) {
    return other.level === this.level && other.text === this.text && other.mend === this.mend;
  }
  toDOM() {
    const line = document.createElement("div");
    line.className = `cm-found ${this.level}`;
    line.textContent = `~ ${this.text} `;
    if (this.mend && !paper().hasAttribute("data-read-only")) {
      const { label, edits } = JSON.parse(this.mend);
      const button = Object.assign(document.createElement("button"), { type: "button", className: "button little", textContent: label });
      button.addEventListener("click", () => make(edits));
      line.append(button);
    }
    return line;
  }
  ignoreEvent() {
    return true;
  }
}

const show = StateEffect.define();
const found = StateField.define({
  create: () => Decoration.none,
  update(lines, transaction) {
    for (const effect of transaction.effects) if (effect.is(show)) return effect.value;
    return lines.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

// Columns count characters; the document counts UTF-16 units, of which an emoji has two.
function placeOf(line, column) {
  const { doc } = view.state;
  const { from, text } = doc.line(Math.min(Math.max(line, 1), doc.lines));
  return from + [...text].slice(0, column - 1).join("").length;
}

export function make(edits) {
  const changes = edits.map((edit) => ({
    from: placeOf(edit.line, edit.column),
    to: placeOf(edit.end_line, edit.end_column),
    insert: edit.text,
  }));
  view.dispatch({ changes, userEvent: "input.mend" });
  if (!document.querySelector("dialog[open]")) view.focus();
}

// A line that somebody is writing at its end is not wrong yet, nor is the rule that it belongs to for want of a key.
// What is empty on a card waits to be filled in.
function isUnfinished({ from, line, code, severity }) {
  const { doc, selection } = view.state;
  if (severity === "error" && isFormAlone() && /^(\[\s*\]|""|'')/.test(doc.sliceString(from, from + 9))) return true;
  if (severity !== "error" || isPausing || !view.hasFocus) return false;
  const here = doc.lineAt(selection.main.head);
  if (here.number !== written || !/^["'\]}\s]*$/.test(here.text.slice(selection.main.head - here.from))) return false;
  if (line.number === here.number) return true;
  if (code !== "E204" || line.number > here.number) return false;
  const margin = /^\s*/.exec(line.text)[0].length;
  for (let at = line.number + 1; at <= here.number; at++) {
    const { text } = doc.line(at);
    if (text.trim() && /^\s*/.exec(text)[0].length <= margin) return false;
  }
  return true;
}

function mark() {
  const { doc } = view.state;
  const all = [...document.querySelectorAll("#findings [data-finding]")].map(({ dataset }) => {
    const line = doc.line(Math.min(Math.max(Number(dataset.line), 1), doc.lines));
    const start = Math.min(placeOf(line.number, Number(dataset.column)), line.to);
    const length = /^[^\s,\]}]*/.exec(line.text.slice(start - line.from))[0].length;
    const { level: severity, code, mend, message: said } = dataset;
    const message = `${severity} ${code}: ${said}`;
    return { from: start, to: Math.min(start + Math.max(length, 1), line.to), line, severity, message, said, code, mend };
  });
  const findings = all.filter((each) => !isUnfinished(each));
  const errors = (some) => some.filter(({ severity }) => severity === "error").length;
  const isBegun = errors(all) > 0 && errors(findings) === 0;
  document.getElementById("findings").classList.toggle("unfinished", isBegun);
  document.getElementById("findings").classList.toggle("to-be-filled", isBegun && isFormAlone());
  const under = findings
    .filter(({ severity }) => severity !== "info")
    .sort((one, other) => one.line.from - other.line.from)
    .map(({ line, severity, message, mend }) =>
      Decoration.widget({ widget: new Found(severity, message, mend), block: true, side: 1 }).range(line.to),
    );
  const marks = findings.map(({ from, to, severity, message }) => ({ from, to, severity, message }));
  marked = findings;
  tellCard();
  view.dispatch({ effects: show.of(Decoration.set(under)) });
  view.dispatch(setDiagnostics(view.state, marks));
}

// What was found in the rule that is shown as a card stands on the card, too.
function tellCard() {
  const card = document.querySelector("#card .rule-card");
  if (!card || !view) return;
  const { doc } = view.state;
  const line = (name) => doc.lineAt(Math.min(Number(card.dataset[name]), doc.length)).number;
  const [first, last] = [line("from"), line("to")];
  const here = marked.filter(({ severity, line: { number } }) => severity !== "info" && first <= number && number <= last);
  const list = Object.assign(document.createElement("ol"), { className: "findings small" });
  for (const { severity, said, mend } of here) {
    const item = Object.assign(document.createElement("li"), { className: severity, textContent: `${said} ` });
    if (mend && !paper().hasAttribute("data-read-only")) {
      const { label, edits } = JSON.parse(mend);
      const button = Object.assign(document.createElement("button"), { type: "button", className: "button little", textContent: label });
      button.addEventListener("click", () => make(edits));
      item.append(button);
    }
    list.append(item);
  }
  document.getElementById("card-findings").replaceChildren(...(here.length ? [list] : []));
}

// They stand in the text already: the list is for whoever wants it.
function foldFindings() {
  const list = document.querySelector("#findings details");
  if (!list) return;
  list.classList.remove("to-fold");
  list.open = isListOpen || list.querySelector("li:not([data-finding])") !== null;
  list.addEventListener("toggle", () => (isListOpen = list.open));
}

function goTo(number) {
  const line = view.state.doc.line(Math.min(Math.max(number, 1), view.state.doc.lines));
  view.dispatch({ selection: { anchor: line.to }, effects: EditorView.scrollIntoView(line.from, { y: "center" }) });
  if (!revealInCard(line.from + /^\s*/.exec(line.text)[0].length)) view.focus();
}

// What the buttons do without leaving the page

function save() {
  document.getElementById("save")?.click();
  return true;
}

export function hear(value) {
  document.getElementById("phone").append(Object.assign(document.createElement("input"), { type: "hidden", name: "heard", value }));
  document.getElementById("after-talk").hidden = false;
}

const buttons = {
  check: () => check(),
  answer(button) {
    give(button);
    ask("play");
  },
  ask: () => ask("play", "ask"),
  changes: () => ask("changes"),
  ...phoneButtons,
  ...barButtons,
  ...recipeButtons,
  try(button) {
    const say = document.getElementById("say");
    const isEnterInAnswer = !button.id && document.activeElement.matches("input.answer");
    if (isEnterInAnswer || !say.value.trim()) {
      if (give(button)) ask("play");
      return;
    }
    hear(say.value);
    say.value = "";
    ask("play");
  },
};

document.addEventListener(
  "submit",
  (event) => {
    if (event.target.id !== "writing" || !paper()?.hasAttribute("data-mounted") || paper().dataset.mount !== "editor") return;
    if (takesSubmit(event.submitter)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    const { value = "" } = event.submitter ?? {};
    const button = buttons[value] ?? (value.startsWith("recipe ") ? () => edit(value) : null);
    if (!isFlushed && value !== "drop" && takeTyped()) {
      const { target, submitter } = event;
      event.preventDefault();
      event.stopImmediatePropagation();
      flush().then(() => {
        const missing = button || value === "remove" ? "" : whatIsMissing();
        if (missing) return tell(missing, true);
        isFlushed = true;
        target.requestSubmit(submitter);
        isFlushed = false;
      });
      return;
    }
    if (button) {
      event.preventDefault();
      event.stopImmediatePropagation();
      button(event.submitter);
    } else {
      fillForm();
      kept = { file: file(), text: view.state.doc.toString(), at: view.state.selection.main.head, top: view.scrollDOM.scrollTop };
    }
  },
  true,
);
// A link is followed once the text has what was typed into the card.
document.addEventListener(
  "htmx:confirm",
  async (event) => {
    if (event.detail.verb !== "get" || !view || !isHere() || !takeTyped() || !isComing()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    await flush();
    keepAll();
    event.detail.issueRequest(true);
  },
  true,
);
document.addEventListener("click", (event) => {
  const line = /^#L(\d+)$/.exec(event.target.closest?.("a")?.getAttribute("href") ?? "")?.[1];
  if (!line || !paper()) return;
  event.preventDefault();
  goTo(Number(line));
});

// A text that nobody has written here, such as that of a link: it is kept for nobody before somebody changes it.
export function showGiven(text) {
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, userEvent: "given" });
}

// The draft was dropped: the page is that of the saved text from here on.
export function isAsSaved() {
  document.getElementById("back")?.remove();
  paper().removeAttribute("data-unsaved");
  paper().dataset.saved = view.state.doc.toString();
}

function replace(text) {
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
}
