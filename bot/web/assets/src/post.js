// A form by script, with the proof that it came from a page of this session, and the page to which a login leads back.

import { isLoggedOut } from "./flash.js";

export async function post(address, fields, options = {}) {
  const answer = await fetch(address, {
    method: "POST",
    body: fields instanceof URLSearchParams ? fields : new URLSearchParams(fields),
    headers: {
      "X-CSRF-Token": document.body.dataset.csrf ?? "",
      "HX-Request": "true",
      "HX-Current-URL": location.href,
    },
    redirect: "manual",
    ...options,
  });
  if (document.body.dataset.csrf) isLoggedOut(answer);
  return answer;
}
