// Recipes in a dialog over the editor, found as somebody types.

import { post } from "./editor.js";

const SOON = 200; // ms
let timer;

const dialog = () => document.getElementById("recipes");

async function show() {
  const answer = await post("recipes");
  if (!answer.ok) return;
  fill(await answer.text());
  if (!dialog().open) dialog().showModal();
  document.getElementById("find").focus();
}

function fill(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const now = document.getElementById("recipe-list");
  const list = page.getElementById("recipe-list");
  if (now) now.replaceWith(list);
  else dialog().replaceChildren(...page.getElementById("recipes").childNodes);
}

async function find() {
  const answer = await post("recipes");
  if (answer.ok) fill(await answer.text());
}

export function mountRecipes() {
  if (dialog()?.open) {
    dialog().close();
    dialog().showModal();
  }
  dialog()?.addEventListener("input", (event) => {
    if (event.target.id !== "find") return;
    clearTimeout(timer);
    timer = setTimeout(find, SOON);
  });
}

export const recipeButtons = { recipes: show, "close-recipes": () => dialog().close() };
