// The palette: every place and every button of the page that has a key, found by its words. Ctrl+K opens it.

let dialog = null;

const words = (element) => {
  const copy = element.cloneNode(true);
  copy.querySelectorAll("kbd, svg").forEach((each) => each.remove());
  const own = element.getAttribute("aria-label") || copy.textContent || element.title || element.getAttribute("placeholder");
  return own.replace(/\s+/g, " ").trim();
};

function commands() {
  const found = [];
  for (const place of document.querySelectorAll(".bar nav a")) {
    found.push({ say: `Go to ${words(place)}`, key: place.dataset.go ? `g ${place.dataset.go}` : "", run: () => place.click() });
  }
  for (const tab of document.querySelectorAll(".index .tabs > a, .index .filters ul a")) {
    found.push({ say: `Show ${words(tab)}`, key: "", run: () => tab.click() });
  }
  for (const control of document.querySelectorAll("[data-key], .sheet .line, .menu .line")) {
    if (control.disabled || control.closest("dialog")) continue;
    const say = control.labels?.length ? words(control.labels[0]) : words(control);
    found.push({
      say,
      key: control.dataset.key ?? "",
      run: () => (control.matches("input, textarea") ? control.focus() : control.click()),
    });
  }
  return found.filter((each) => each.say);
}

function open() {
  if (dialog?.open) return;
  dialog = document.createElement("dialog");
  dialog.className = "palette";
  dialog.setAttribute("aria-label", "Commands");
  dialog.innerHTML =
    '<label class="unseen" for="command">What to do, or a number or text to search for</label>' +
    '<input id="command" class="field" role="combobox" aria-expanded="true" aria-controls="commands" aria-autocomplete="list" autocomplete="off" placeholder="What to do…">' +
    '<ul id="commands" role="listbox" aria-label="Commands"></ul>';
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("ul");
  const known = commands();
  let items = [];
  let at = 0;
  const select = (next) => {
    at = items.length ? (next + items.length) % items.length : 0;
    [...list.children].forEach((each, place) => each.setAttribute("aria-selected", String(place === at)));
    const chosen = list.children[at];
    chosen?.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", chosen?.id ?? "");
  };
  const fill = () => {
    const wanted = input.value.trim().toLowerCase();
    items = known.filter((each) => wanted.split(/\s+/).every((word) => each.say.toLowerCase().includes(word)));
    if (wanted) {
      const q = input.value.trim();
      const address = `/console/conversations?${new URLSearchParams({ q })}`;
      items.push({ say: `Search for “${q}”`, key: "", run: () => location.assign(address) });
    }
    list.replaceChildren(
      ...items.map((each, place) => {
        const line = document.createElement("li");
        line.id = `command-${place}`;
        line.setAttribute("role", "option");
        line.append(each.say);
        if (each.key) line.append(Object.assign(document.createElement("kbd"), { textContent: each.key }));
        line.addEventListener("click", () => run(each));
        return line;
      }),
    );
    select(0);
  };
  const run = (command) => {
    dialog.close();
    command?.run();
  };
  input.addEventListener("input", fill);
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) select(at + step);
    else if (event.key === "Enter") run(items[at]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  fill();
}

addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey) return;
  if (event.target.closest?.(".cm-editor")) return; // there it is the editor's own
  event.preventDefault();
  open();
});
addEventListener("click", ({ target }) => target.closest?.("[data-palette]") && open());
