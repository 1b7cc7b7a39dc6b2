// What makes the console quick. Every page works without this file: its links and forms do all of it, a page at a time.

import htmx from "htmx.org";
import "./cards.js";
import "./composer.js";
import "./inbox.js";
import "./keys.js";
import "./live.js";
import "./morph.js";
import "./palette.js";
import { say } from "./flash.js";
import "./presence.js";
import { settle } from "./mounting.js";
import "./prefetch.js";
import { keepZone } from "./zone.js";

// Requests by script carry the same proof as forms do.
addEventListener("htmx:configRequest", (event) => {
  const { csrf } = document.body.dataset;
  if (csrf && event.detail.verb !== "get") event.detail.headers["X-CSRF-Token"] = csrf;
});

// What cannot be fetched is told, not swallowed.
addEventListener("htmx:sendError", () => say("The bot does not answer. Is it still running?"));

// Fields that filter say so at once; Enter and the button do it without this.
addEventListener("change", (event) => event.target.closest?.("[data-submits]")?.form?.requestSubmit());

document.addEventListener("htmx:afterSettle", () => settle(document.body));
settle(document.body);
keepZone();
