// The part of CodeMirror that the studio's editor uses. bundles.py makes one module of it.
export { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, completionStatus } from "@codemirror/autocomplete";
export { defaultKeymap } from "@codemirror/commands";
export { bracketMatching, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
export { setDiagnostics } from "@codemirror/lint";
export { Annotation, Compartment, EditorState, StateField } from "@codemirror/state";
export { EditorView, keymap, placeholder, showTooltip } from "@codemirror/view";
export { classHighlighter } from "@lezer/highlight";

/** @typedef {import("@codemirror/view").ViewUpdate} ViewUpdate */
/** @typedef {import("@codemirror/autocomplete").CompletionContext} CompletionContext */
