// What a condition would weigh with a word that is being typed and stands nowhere yet.

let newest = null;
let isAsking = false;

// `ask` answers with the card as it would be with one edit more, or null; of several words the last one counts.
export async function weigh(field, edit, ask) {
  newest = { field, edit };
  if (isAsking) return;
  isAsking = true;
  try {
    while (newest) {
      const { field, edit } = newest;
      const value = field.value.replace(/,$/, "").trim();
      newest = null;
      const html = await ask(value ? [{ ...edit, value }] : []);
      if (html !== null && !newest && field.isConnected && field.value.replace(/,$/, "").trim() === value) show(field, html);
    }
  } catch (error) {
    console.warn(error);
  } finally {
    isAsking = false;
  }
}

// It stands somewhere by now.
export const isAdded = () => (newest = null);

function show(field, html) {
  const made = new DOMParser().parseFromString(html, "text/html");
  for (const weight of field.closest(".rule-card").querySelectorAll("[data-weight]")) {
    const fresh = made.querySelector(`[data-weight="${weight.dataset.weight}"]`);
    if (fresh && fresh.innerHTML !== weight.innerHTML) weight.replaceChildren(...fresh.childNodes);
  }
}
