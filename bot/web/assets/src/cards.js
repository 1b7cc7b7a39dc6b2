// All about a message: a card that opens by a tap, or when the pointer rests on its line; fetched when it is wanted, as
// the sheets of a conversation and of the list are, which open by a tap alone.

import htmx from "htmx.org";

const SOON = 250; // ms
let timer;

async function fill(card) {
  if (card.dataset.filled !== undefined) return;
  const box = card.querySelector(".card, .sheet");
  const address = box.querySelector("a").href;
  card.dataset.filled = "";
  const answer = await fetch(address, { headers: { "HX-Request": "true" }, cache: "no-store" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const content = page.getElementById("card");
  if (!content) return;
  box.replaceChildren(...content.childNodes);
  htmx.process(box);
}

addEventListener(
  "toggle",
  (event) => {
    const card = event.target;
    if (!card.matches?.("[data-card], [data-sheet]")) return;
    clearTimeout(timer);
    if (!card.open) return delete card.dataset.filled;
    fill(card).catch(() => delete card.dataset.filled);
    if (card.matches("[data-card]")) for (const other of document.querySelectorAll("[data-card][open]")) if (other !== card) other.open = false;
  },
  true,
);

addEventListener("pointerover", (event) => {
  const card = event.target.closest?.("[data-card]");
  clearTimeout(timer);
  if (event.pointerType !== "mouse") return;
  const open = document.querySelector("[data-card][data-hovered]");
  if (open && open !== card) {
    open.open = false;
    delete open.dataset.hovered;
  }
  if (!card || card.open) return;
  fill(card).catch(() => {});
  timer = setTimeout(() => {
    card.open = true;
    card.dataset.hovered = "";
  }, SOON);
});

// A click on a card that is open by the pointer alone keeps it open.
addEventListener("click", (event) => {
  const card = event.target.closest?.("[data-card][data-hovered] > summary")?.parentElement;
  if (!card) return;
  event.preventDefault();
  delete card.dataset.hovered;
});

addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && document.querySelector("[data-card][open], .actions details[open], .later[open], .noting[open], .more-filters[open], .again[open], .ruled details[open]");
  if (!open) return;
  clearTimeout(timer); // the pointer that rests there opens it no more
  open.open = false;
  open.querySelector("summary").focus();
});

// A sheet closes when something beside it is clicked.
addEventListener("click", (event) => {
  for (const sheet of document.querySelectorAll(".actions details[open], .later[open], .more-filters[open], .again[open], .ruled details[open], [data-card][open]")) {
    if (!sheet.contains(event.target)) sheet.open = false;
  }
});
