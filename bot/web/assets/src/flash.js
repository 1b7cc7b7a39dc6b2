// A sentence over the page, as the bot writes them itself; who has read it clicks it away.

export function say(sentence, ...more) {
  const flash = document.querySelector(".flash") ?? document.createElement("p");
  flash.className = "flash bad";
  flash.setAttribute("role", "alert");
  flash.replaceChildren(sentence, ...more);
  document.getElementById("main").before(flash);
}

addEventListener("click", ({ target }) => target.closest?.("button, .flash a") ?? target.closest?.(".flash")?.remove());

// Whether an answer says that the login has ended. Nobody is led away from what they write: the login leads back to it.
export function isLoggedOut(answer) {
  const login = answer.headers.get("HX-Redirect");
  if (!login) return false;
  const shown = document.querySelector(".flash a[data-login]");
  if (shown) {
    shown.href = login; // a new one under a pointer that is pressed would take the click away
    return true;
  }
  const link = Object.assign(document.createElement("a"), { href: login, textContent: "Log in again" });
  link.setAttribute("hx-boost", "false");
  link.dataset.login = "";
  say("Your login has ended. What you write stays on this page. ", link);
  return true;
}
