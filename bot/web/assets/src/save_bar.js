// The save bar: what a button did to the text, and the way back.

import { isAsSaved, make, post } from "./editor.js";
import { flush, forget } from "./rule_card.js";

let timer;

export function tell(sentence, isBad = false) {
  const said = document.getElementById("said");
  if (!said) return;
  said.textContent = sentence;
  said.classList.toggle("bad", isBad);
  clearTimeout(timer);
  if (!isBad) timer = setTimeout(() => (said.textContent = ""), 12_000);
}

// The server says what changes in the text; the editor makes the change, so that its own undo has it.
export async function edit(todo) {
  const answer = await post("edit", todo);
  if (!answer.ok) return tell("That did not work. Is the bot still running?", true);
  const { edits, said, trouble } = await answer.json();
  if (edits.length) make(edits);
  document.getElementById("recipes")?.close();
  tell(trouble || said, Boolean(trouble));
  return !trouble;
}

async function drop() {
  await flush();
  if (!(await edit("drop"))) return;
  forget();
  isAsSaved();
}

export const barButtons = { accept: () => edit("accept"), drop };
