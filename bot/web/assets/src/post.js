// A form by script, with the proof that it came from a page of this session.

export function post(address, fields, options = {}) {
  return fetch(address, {
    method: "POST",
    body: new URLSearchParams(fields),
    headers: { "X-CSRF-Token": document.body.dataset.csrf ?? "", "HX-Request": "true" },
    redirect: "manual",
    ...options,
  });
}
