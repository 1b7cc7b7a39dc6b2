// The phone page keeps itself up to date. Without this file its forms and links do all of it, a page at a time.

const phone = document.querySelector(".phone");
const talk = document.getElementById("talk");
const screen = document.querySelector(".screen");
const text = document.getElementById("text");
const trouble = document.getElementById("trouble");
const news = document.getElementById("news");
const live = document.getElementById("live");

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

// Times come in the sandbox's zone; people read them in theirs.
function localise(root) {
  for (const time of root.querySelectorAll("time")) {
    const moment = new Date(time.dateTime);
    time.textContent = clock.format(moment);
    time.title = exact.format(moment);
  }
}

function say(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  localise(template.content);
  const fresh = template.content.querySelector("li");
  const known = document.getElementById(fresh.id);
  if (known) {
    // Only the fate changes; the bubble stays, so that it is not read out again.
    known.querySelector(".fate").replaceWith(fresh.querySelector(".fate"));
    const reason = known.querySelector(".fate.bad .reason");
    if (reason) news.textContent = reason.textContent;
    return;
  }
  fresh.classList.add("fresh");
  talk.append(fresh);
  document.getElementById("nothing-yet").hidden = true;
  screen.scrollTo({ top: 0 }); // the screen is laid out from its end: 0 is the newest message
}

async function send(message) {
  trouble.textContent = "";
  text.removeAttribute("aria-invalid");
  try {
    const answer = await fetch("/sandbox/inbound", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ from: phone.dataset.phone, text: message }),
    });
    if (answer.ok) return true;
    const problem = await answer.json().catch(() => ({}));
    trouble.textContent = "✕ " + (problem.detail ?? `The sandbox answered ${answer.status}.`);
  } catch {
    trouble.textContent = "✕ The sandbox does not answer. Is it still running?";
  }
  text.setAttribute("aria-invalid", "true");
  return false;
}

for (const form of document.querySelectorAll("form[data-send]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const hint = event.submitter?.name === "text" ? event.submitter.value : null;
    const message = hint ?? text.value;
    if (message.trim() === "") return;
    if (hint === null) text.value = "";
    text.focus();
    if (!(await send(message)) && hint === null && text.value === "") text.value = message;
  });
}

const stream = new EventSource(phone.dataset.stream);
stream.addEventListener("open", () => (live.textContent = " · live"));
stream.addEventListener("error", () => (live.textContent = " · reconnecting…"));
stream.addEventListener("bubble", (event) => say(event.data));
// The sandbox was started anew and has forgotten what this page shows.
stream.addEventListener("stale", () => location.reload());
addEventListener("pagehide", () => stream.close());
addEventListener("pageshow", (event) => event.persisted && location.reload());

localise(document);
