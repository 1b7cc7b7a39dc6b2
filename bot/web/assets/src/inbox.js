// The list: which rows are chosen, how long people wait, and where one was when the row that was open has gone.

import { isQuiet } from "./keys.js";

const MINUTE = 60_000;

// "waits 3 h" goes on while the page stays open.
function tick() {
  for (const element of document.querySelectorAll("[data-waits]")) {
    const minutes = Math.floor((Date.now() - Date.parse(element.dateTime || element.dataset.waits)) / MINUTE);
    const days = Math.floor(minutes / 1_440);
    const hours = Math.floor(minutes / 60);
    const time = days ? ` ${days} d` : hours ? ` ${hours} h` : minutes > 0 ? ` ${minutes} min` : "";
    const said = `waits${time}`;
    if (element.textContent !== said) element.textContent = said;
  }
}
setInterval(tick, MINUTE / 2);

// `x` chooses the row that one stands on.
addEventListener("keydown", (event) => {
  if (event.key !== "x" || event.ctrlKey || event.metaKey || event.altKey || isQuiet("x")) return;
  const row = document.activeElement?.closest?.(".rows li") ?? document.querySelector(".row[aria-current]")?.closest("li");
  if (!row || event.target.matches("input:not([type=checkbox]), textarea, select")) return;
  row.querySelector("input[name=c]")?.click();
});

// Copy and print are the browser's.
addEventListener("click", async ({ target }) => {
  if (target.closest?.("[data-print]")) return print();
  const button = target.closest?.("[data-copy]");
  if (!button) return;
  const address = new URL(button.dataset.copy, location.href).href;
  try {
    await navigator.clipboard.writeText(address);
    button.textContent = "Copied";
  } catch {
    button.textContent = address; // to be copied by hand
  }
});
