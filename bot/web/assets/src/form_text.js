// The field by which a form sends the text of an editor. A browser takes longer to put a megabyte into it than anybody
// takes for a key, so a large text is put there when it is wanted.

const LARGE = 100_000; // characters

let view = null;
let field = null;
let isBehind = false;

export function standsFor(editor, textarea) {
  [view, field, isBehind] = [editor, textarea, false];
}

export function textChanged() {
  isBehind = true;
  if (view.state.doc.length < LARGE) fillForm();
}

export function fillForm() {
  if (isBehind) field.value = view.state.doc.toString();
  isBehind = false;
}

document.addEventListener("htmx:beforeSwap", fillForm);
