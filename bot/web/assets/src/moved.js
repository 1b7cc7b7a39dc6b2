// What somebody else has saved is told to who has the file open.

import { form } from "./editor.js";

document.addEventListener("console:refreshed", async (event) => {
  if (event.detail !== "files" || document.getElementById("paper")?.dataset.mount !== "editor" || form().elements.is_new || !form().elements.etag.value) return;
  const answer = await fetch(form().action, { headers: { "HX-Request": "true" }, cache: "no-store" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const etag = page.querySelector("#writing input[name=etag]")?.value;
  const moved = document.getElementById("moved");
  if (moved) moved.hidden = etag === form().elements.etag.value;
});
