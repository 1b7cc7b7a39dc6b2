// Elements that a script makes more of: `data-mount="chart"` is given to `mount(element)` of chart.js, loaded when needed.
// What was mounted is left alone when the page around it changes, until its `data-version` is another one.

import { toEnd } from "./scrolling.js";

const modules = {
  chart: () => import("./chart.js"),
  editor: () => import("./editor.js"),
  list: () => import("./list.js"),
  merge: () => import("./merge.js"),
};

const coming = new Map(); // elements whose script is on its way, and when it is there

async function mount(element) {
  const load = modules[element.dataset.mount];
  if (!load || element.hasAttribute("data-mounted")) return;
  element.setAttribute("data-mounted", "");
  const loading = load();
  coming.set(element, loading);
  try {
    (await loading).mount(element);
    element.setAttribute("data-mounted", "here");
  } catch (error) {
    element.removeAttribute("data-mounted"); // the page stays as it works without
    throw error;
  } finally {
    coming.delete(element);
  }
}

// A form that is sent while a script of it is on its way waits for that: else the answer would not reach what it makes.
addEventListener(
  "submit",
  async (event) => {
    const { target: form, submitter } = event;
    const awaited = [...coming].filter(([element]) => form.contains(element)).map(([, loading]) => loading);
    if (!awaited.length) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const active = document.activeElement;
    active?.blur(); // what was typed there is whole
    await Promise.allSettled(awaited);
    if (active?.isConnected) active.focus();
    form.requestSubmit(submitter?.isConnected ? submitter : undefined);
  },
  true,
);

export function mountIn(root) {
  if (root.matches("[data-mount]")) mount(root);
  root.querySelectorAll("[data-mount]").forEach(mount);
}

// For a page, or a part of it, that has just come.
export function settle(root) {
  mountIn(root);
  root.querySelectorAll("[data-from-end]").forEach(toEnd);
}
