// Elements that a script makes more of: `data-mount="chart"` is given to `mount(element)` of chart.js, loaded when needed.
// What was mounted is left alone when the page around it changes, until its `data-version` is another one.

import { toEnd } from "./scrolling.js";

const modules = {
  chart: () => import("./chart.js"),
  editor: () => import("./editor.js"),
  list: () => import("./list.js"),
  merge: () => import("./merge.js"),
};

async function mount(element) {
  const load = modules[element.dataset.mount];
  if (!load || element.hasAttribute("data-mounted")) return;
  element.setAttribute("data-mounted", "");
  try {
    (await load()).mount(element);
  } catch (error) {
    element.removeAttribute("data-mounted"); // the page stays as it works without
    throw error;
  }
}

export function mountIn(root) {
  if (root.matches("[data-mount]")) mount(root);
  root.querySelectorAll("[data-mount]").forEach(mount);
}

// For a page, or a part of it, that has just come.
export function settle(root) {
  mountIn(root);
  root.querySelectorAll("[data-from-end]").forEach(toEnd);
}
