// Who has a conversation open tells the others so, and how far they have read; both only while it is in sight.

import { fetchAgain } from "./live.js";
import { post } from "./post.js";

const AGAIN = 20_000; // ms; the bot takes it that somebody has gone after 50 s
let told = null;

function tell() {
  const talk = document.querySelector("[data-read]");
  if (!talk || document.hidden || !document.querySelector("#act")) return leave();
  const { live, read } = talk.dataset;
  const here = `/console/conversations/${live}/here`;
  if (told && told !== here) leave();
  told = here;
  post(here, { read }).catch(() => {});
}

function leave() {
  if (!told) return;
  post(told, { over: "1" }, { keepalive: true }).catch(() => {});
  told = null;
}

let lastRead = "";
function settle() {
  const talk = document.querySelector("[data-read]");
  const mark = talk ? `${talk.dataset.live} ${talk.dataset.read}` : "";
  if (mark === lastRead) return;
  lastRead = mark;
  tell();
}

setInterval(() => {
  tell();
  // Whoever has gone without a word is not shown for ever.
  const others = document.getElementById("others");
  if (others?.childElementCount && !document.hidden) fetchAgain(others).catch(() => {});
}, AGAIN);
document.addEventListener("htmx:afterSettle", settle);
document.addEventListener("console:refreshed", settle);
document.addEventListener("visibilitychange", () => (document.hidden ? leave() : tell()));
addEventListener("pagehide", leave);
settle();
