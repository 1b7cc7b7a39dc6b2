// Who waits for a person: counted in the tab's title and, by choice, told by a sound and a notification of the system.

import htmx from "htmx.org";

const WAITING = "/console/conversations?waiting=1";
//: What all tabs of this browser know: the count, who they are, and since when the newest waits.
const SHARED = "bot_waiting";

let now = { count: 0, urgent: 0, newest: null };
let asked = null;

const key = () => `bot_told_${document.body.dataset.person ?? ""}`;
const parsed = (text, usual) => {
  try {
    return { ...usual, ...JSON.parse(text) };
  } catch {
    return usual;
  }
};
const chosen = () => parsed(localStorage.getItem(key()), { sound: false, desktop: false });

export const wantsToBeTold = () => Object.values(chosen()).some(Boolean);

// The title as the page has it, with the count before it.
function count() {
  const bare = document.title.replace(/^\(\d+\) /, "");
  document.title = now.count ? `(${now.count}) ${bare}` : bare;
}

export function hear(waiting) {
  now = waiting;
  count();
  const before = parsed(localStorage.getItem(SHARED), { count: 0, newest: null });
  localStorage.setItem(SHARED, JSON.stringify(waiting));
  // One tab hears of it first, and tells; a person who came to wait before is old news. Whoever was snoozed and is back
  // waits since then, too: they are known by who waits, or by the count where that isn't named.
  const isMore = waiting.who && before.who ? waiting.who.some((each) => !before.who.includes(each)) : waiting.count > before.count;
  const isNews = isMore || (waiting.newest ?? "") > (before.newest ?? "");
  if (isNews && document.body.dataset.person) tell(waiting);
}

function tell({ count: many, urgent }) {
  const { sound, desktop } = chosen();
  if (sound) beep();
  if (desktop && window.Notification?.permission === "granted") {
    const who = many === 1 ? "Somebody waits for a person" : `${many} people wait for a person`;
    const said = urgent ? `${who}, ${many === 1 ? "urgently" : `${urgent} of them urgently`}` : who;
    const note = new Notification(said, { tag: "bot-waiting", renotify: true });
    note.addEventListener("click", () => {
      focus();
      location.assign(WAITING);
    });
  }
}

function beep() {
  asked ??= new AudioContext();
  asked.resume();
  const tone = new OscillatorNode(asked, { frequency: 660 });
  const volume = new GainNode(asked, { gain: 0.15 });
  volume.gain.exponentialRampToValueAtTime(0.001, asked.currentTime + 0.4);
  tone.connect(volume).connect(asked.destination);
  tone.start();
  tone.stop(asked.currentTime + 0.4);
}

// The two boxes of the account's menu show what was chosen; a page without this script has none.
function show() {
  const choice = document.getElementById("told");
  if (!choice) return;
  choice.hidden = false;
  const may = chosen();
  for (const box of choice.querySelectorAll("[data-told]")) box.checked = may[box.dataset.told];
}

addEventListener("change", async ({ target }) => {
  const what = target.dataset?.told;
  if (!what) return;
  if (what === "sound" && target.checked) beep();
  if (what === "desktop" && target.checked && (await window.Notification?.requestPermission()) !== "granted") {
    target.checked = false;
    document.getElementById("told-trouble").textContent = "The browser allows this page no notifications.";
  }
  localStorage.setItem(key(), JSON.stringify({ ...chosen(), [what]: target.checked }));
});
// Another tab of this browser has heard.
addEventListener("storage", (event) => {
  if (event.key !== SHARED || !event.newValue) return;
  now = parsed(event.newValue, now);
  count();
});
function settle() {
  show();
  count();
}
document.addEventListener("htmx:afterSettle", settle);
htmx.onLoad(settle);
settle();
