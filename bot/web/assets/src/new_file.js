// A new file's draft is one tab's at a time: a second tab that shows it keeps what is written there as another new file.

import { tell } from "./save_bar.js";

let held = null; // the lock of the draft that this tab has, and what gives it back

const nameOf = (mark) => `bot_new_file ${document.body.dataset.person ?? ""} ${mark}`;

async function giveBack() {
  const mine = held;
  held = null;
  mine?.done();
  await mine?.isOver;
}

// Whether this tab has it from now on.
function take(mark) {
  return new Promise((resolve) => {
    const lock = { isOver: null, done: null };
    const isDone = new Promise((done) => (lock.done = done));
    lock.isOver = navigator.locks.request(nameOf(mark), { ifAvailable: true }, (found) => {
      if (found) held = lock;
      resolve(found !== null);
      return found && isDone;
    });
  });
}

// Over plain HTTP a browser has no locks, and nobody can tell.
export async function ownDraft({ elements }) {
  await giveBack();
  if (!elements.is_new || !navigator.locks || (await take(elements.etag.value))) return;
  const mark = `new-${crypto.randomUUID().replaceAll("-", "")}`;
  elements.etag.value = mark;
  history.replaceState(history.state, "", `/console/rules/new?draft=${mark}`);
  tell("Another tab has this new file open: what you write here is kept as another one.");
  await take(mark);
}

document.addEventListener("htmx:afterSettle", () => held && !document.getElementById("writing")?.elements.is_new && giveBack());
