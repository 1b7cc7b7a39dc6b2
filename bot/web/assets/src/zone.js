// The server writes times in the person's zone once it knows which: told here, once, and again when they travel.

import { fetchAgain } from "./live.js";

export function keepZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const known = document.cookie.split("; ").find((cookie) => cookie.startsWith("bot_zone="));
  if (!zone || known === `bot_zone=${zone}`) return;
  document.cookie = `bot_zone=${zone}; path=/console; max-age=31536000; samesite=strict`;
  if (zone !== "UTC" && document.querySelector("main time")) fetchAgain(document.getElementById("main"));
}
