// Two versions of a rule file side by side: theirs at the left, mine at the right to be put together.

import { MergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { writing } from "./writing.js";

let view = null;

export function mount(element) {
  view?.destroy();
  const [mine, theirs] = [element.querySelector("#text"), element.querySelector("#theirs")];
  view = new MergeView({
    parent: element,
    revertControls: "a-to-b",
    collapseUnchanged: { margin: 3, minSize: 6 },
    a: { doc: theirs.value, extensions: [writing("As it is saved now"), EditorState.readOnly.of(true)] },
    b: {
      doc: mine.value,
      extensions: [
        writing("Your text"),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) mine.value = update.state.doc.toString();
        }),
      ],
    },
  });
  mine.hidden = true;
  theirs.closest("details").hidden = true;
}
