// One stream for each page tells what changed; the elements that show it are fetched again and changed in place.

import { morphLive } from "./morph.js";
import { mountIn } from "./mounting.js";
import { holdPlace } from "./scrolling.js";
import { hear, wantsToBeTold } from "./told.js";

let stream = null;
let listening = "";
let busy = false;
const changed = new Set();

const parts = () => [...document.querySelectorAll("[data-live]")];
const topicsOf = (part) => part.dataset.live.split(" ");

function show(state) {
  const dot = document.getElementById("live");
  if (!dot) return;
  dot.className = `live ${state}`;
  dot.textContent = state === "on" ? "live" : "reconnecting…";
}

export function listen() {
  const topics = [...new Set(parts().flatMap(topicsOf))].sort().join(" ");
  // A page that shows nothing live has a light as well: it says that the bot is there.
  const seen = document.hidden ? (holdsWatch && wantsToBeTold() ? "-" : "") : topics || "-";
  const wanted = document.getElementById("live") ? seen : "";
  if (wanted === listening) {
    // The next page wants the same: its bar has yet to say that the stream is open.
    if (stream?.readyState === EventSource.OPEN) show("on");
    return;
  }
  listening = wanted;
  stream?.close();
  stream = null;
  if (!wanted) return;
  const { mark } = document.getElementById("main").dataset;
  stream = new EventSource(`/console/live?${new URLSearchParams({ topics: wanted, since: mark })}`);
  stream.addEventListener("open", () => show("on"));
  stream.addEventListener("error", () => show("off"));
  stream.addEventListener("waiting", (event) => hear(JSON.parse(event.data)));
  // Whoever was removed comes to the login, whoever may do something else now sees that.
  stream.addEventListener("over", () => location.reload());
  stream.addEventListener("changed", (event) => {
    for (const topic of event.data.split(" ")) changed.add(topic);
    if (listening === "-") return;
    // Where the news stands now: whoever comes back to this page missed nothing before it.
    document.getElementById("main").dataset.mark = event.lastEventId;
    refresh();
  });
}

async function refresh() {
  if (busy) return;
  busy = true;
  try {
    while (changed.size) {
      const topics = new Set(changed);
      const began = performance.now();
      changed.clear();
      const wanting = parts().filter((part) => topicsOf(part).some((topic) => topics.has(topic)));
      await Promise.all(wanting.map(fetchAgain));
      // A bot that takes long to answer has better things to do than to be asked again at once.
      await new Promise((resume) => setTimeout(resume, Math.min(performance.now() - began, 500)));
    }
  } catch {
    show("off"); // the stream comes back by itself, and with it what was missed
  } finally {
    busy = false;
  }
}

// Answers to what people do on the page: each is newer than any part that was asked for before it came.
let answers = 0;
document.addEventListener("htmx:afterSwap", () => (answers += 1));

export async function fetchAgain(part) {
  const here = location.href;
  const before = answers;
  const address = part.dataset.liveSrc ?? location.pathname + location.search;
  const answer = await fetch(address, {
    headers: { "HX-Request": "true", "HX-Target": part.id },
    cache: "no-store",
    redirect: "manual",
  });
  if (answer.headers.has("HX-Redirect")) location.assign(answer.headers.get("HX-Redirect"));
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById(part.id);
  // Meanwhile the person may have gone to another page.
  if (!fresh || location.href !== here || document.getElementById(part.id) !== part) return;
  if (answers !== before) {
    await fetchAgain(part);
    return;
  }
  const hold = holdPlace(part);
  morphLive(part, fresh);
  mountIn(document.getElementById(part.id));
  hold();
  document.dispatchEvent(new CustomEvent("console:refreshed", { detail: part.id }));
}

// Of the tabs that nobody looks at, one at most goes on listening, for who wants to be told that somebody waits.
let holdsWatch = false;
let endWatch = null;
function watch() {
  endWatch?.();
  endWatch = null;
  if (document.hidden && wantsToBeTold())
    navigator.locks?.request("bot-watch", () => {
      if (!document.hidden) return undefined;
      holdsWatch = true;
      listen();
      return new Promise((end) => (endWatch = end)).then(() => (holdsWatch = false));
    });
  listen();
}

document.addEventListener("visibilitychange", watch);
addEventListener("htmx:afterSettle", listen);
// Browsers keep a few streams open for each site: one that nobody looks at must not take a place.
addEventListener("pagehide", () => {
  stream?.close();
  listening = "";
});
addEventListener("pageshow", (event) => event.persisted && location.reload());
listen();
