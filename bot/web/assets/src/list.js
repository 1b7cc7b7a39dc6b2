// The list of rules: moved by dragging or with Alt and an arrow, and filtered as somebody types. Buttons do it without.

import { fetchAgain } from "./live.js";

const SOON = 200; // ms after the last key until the list is filtered
let focused = null; // the rule that was moved by keys: it keeps the focus
let timer;

const list = () => document.getElementById("list");
const rowOf = (target) => target.closest?.("#list li[data-key-of]");

function press(verb, row, to = "") {
  const form = list();
  form.querySelectorAll("[data-pressed]").forEach((old) => old.remove());
  for (const [name, value] of Object.entries({ do: `${verb}/${row.dataset.keyOf}`, to })) {
    const input = Object.assign(document.createElement("input"), { type: "hidden", name, value });
    input.dataset.pressed = "";
    form.append(input);
  }
  form.requestSubmit();
}

addEventListener("keydown", (event) => {
  if (!event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  const row = rowOf(event.target);
  if (!row?.querySelector(".switch")) return;
  event.preventDefault();
  if (event.repeat) return;
  focused = row.id;
  press(event.key === "ArrowUp" ? "up" : "down", row);
});

document.addEventListener("htmx:afterSettle", () => {
  document.querySelectorAll("#list [data-pressed]").forEach((old) => old.remove());
  const row = focused && document.getElementById(focused);
  focused = null;
  row?.querySelector("[data-row]").focus();
});

// Dragging: the line under the pointer says where it goes.

let dragged = null;
let over = null;

function mark(row, isBelow) {
  over?.row.classList.remove("above", "below");
  over = row && { row, isBelow };
  row?.classList.add(isBelow ? "below" : "above");
}

addEventListener("pointerdown", (event) => {
  const grip = event.target.closest?.("#list .grip");
  for (const row of document.querySelectorAll("#list li[draggable]")) row.removeAttribute("draggable");
  if (grip) rowOf(grip).draggable = true;
});
addEventListener("dragstart", (event) => {
  dragged = event.target.matches?.("#list li[draggable=true]") ? event.target : null;
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged.dataset.keyOf);
  dragged.classList.add("dragged");
});
addEventListener("dragover", (event) => {
  if (!dragged) return;
  const heading = event.target.closest?.("#list h2.file");
  const row = rowOf(event.target) ?? heading?.nextElementSibling?.querySelector?.("li");
  if (!row && !event.target.closest?.("#list")) return;
  event.preventDefault();
  if (!row) return;
  const { top, height } = row.getBoundingClientRect();
  mark(row, !heading && event.clientY > top + height / 2);
});
addEventListener("drop", (event) => {
  if (!dragged || !over) return;
  event.preventDefault();
  const { row, isBelow } = over;
  const next = isBelow ? row.nextElementSibling : row;
  const { file, count } = row.parentElement.dataset;
  const [, at] = row.dataset.keyOf.split("/");
  const last = next === null && Number(at) + 1 < Number(count) ? `${file}/${Number(at) + 1}/` : `${file}/${count}/`;
  if (next !== dragged && !(next === null && row === dragged)) press("put", dragged, next?.dataset.keyOf ?? last);
});
addEventListener("dragend", () => {
  mark(null);
  dragged?.classList.remove("dragged");
  dragged = null;
});

// Filtering

addEventListener("input", (event) => {
  if (event.target.id !== "find") return;
  clearTimeout(timer);
  timer = setTimeout(() => {
    const { value } = event.target;
    history.replaceState(history.state, "", value ? `/console/rules?${new URLSearchParams({ q: value })}` : "/console/rules");
    const part = document.getElementById("book-now");
    if (part) fetchAgain(part);
  }, SOON);
});

export function mount() {}
