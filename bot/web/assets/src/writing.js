// What the editors of rules share: how they look, and that their styles come with the page's nonce.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { lintKeymap } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment } from "@codemirror/state";
import {
  drawSelection,
  dropCursor,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

const look = EditorView.theme({
  "&": { backgroundColor: "var(--surface)", color: "var(--ink)" },
  ".cm-content": { caretColor: "var(--ink)", padding: "8px 0" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--quiet)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--sunk) 60%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--accent) 24%, transparent)",
  },
  ".cm-panels, .cm-tooltip": { backgroundColor: "var(--surface)", color: "var(--ink)", borderColor: "var(--line)" },
  ".cm-tooltip": { borderRadius: "8px", boxShadow: "var(--shadow)", maxWidth: "440px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--tint)", color: "var(--ink)" },
  ".cm-completionDetail": { color: "var(--quiet)" },
  ".cm-completionInfo, .cm-help": { padding: "8px 12px", font: "13px/1.5 system-ui, sans-serif" },
  ".cm-help strong": { display: "block" },
  ".cm-help code": { display: "block", color: "var(--quiet)", whiteSpace: "pre-wrap" },
  ".cm-found": { padding: "1px 12px 3px 6px", font: "13px/1.45 system-ui, sans-serif", whiteSpace: "normal", maxWidth: "80ch" },
  ".cm-found.error": { color: "var(--bad)" },
  ".cm-found.warning": { color: "var(--careful)" },
  ".cm-diagnostic": { font: "13px/1.5 system-ui, sans-serif" },
  // The lint package draws its waves with images, which the security policy has no place for.
  ".cm-lintRange": { backgroundImage: "none", textDecoration: "underline wavy 1px", textUnderlineOffset: "3px" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecorationColor: "var(--bad)" },
  ".cm-lintRange-warning": { backgroundImage: "none", textDecorationColor: "var(--careful)" },
  ".cm-lintRange-info": { backgroundImage: "none", textDecorationColor: "var(--line)" },
  ".cm-lintPoint::after": { borderBottomColor: "var(--bad)" },
  ".cm-specialChar": { color: "var(--bad)" },
});

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: tags.comment, color: "var(--quiet)", fontStyle: "italic" },
  { tag: [tags.separator, tags.punctuation, tags.squareBracket, tags.brace], color: "var(--quiet)" },
]);

const language = new Compartment();
export const coloured = (isShown) => language.reconfigure(isShown ? yaml() : []);

// A table is plain text: no brackets are closed in it, and nothing is coloured.
export function writing(label, isPlain = false, isShown = true) {
  const nonce = document.querySelector("meta[property=csp-nonce]")?.nonce ?? "";
  return [
    EditorView.cspNonce.of(nonce),
    lineNumbers(),
    highlightActiveLineGutter(),
    highlightActiveLine(),
    // What cannot be seen and turns the text round is shown as what it is.
    highlightSpecialChars({ addSpecialChars: /[\u00a0\u202f]/g }),
    highlightSelectionMatches(),
    history(),
    drawSelection(),
    dropCursor(),
    isPlain ? [] : [indentOnInput(), bracketMatching(), closeBrackets(), autocompletion(), language.of(isShown ? yaml() : [])],
    look,
    syntaxHighlighting(colours),
    EditorView.lineWrapping,
    // Tab goes on to the next control: nobody is caught in here. Spaces indent, and Ctrl+] does.
    keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
    EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", tabindex: "0" }),
  ];
}
