// The part of CodeMirror that the studio's editor uses. bundles.py makes one module of it.
export { autocompletion, closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap, completionStatus, startCompletion } from "@codemirror/autocomplete";
export { defaultKeymap, history, historyField, historyKeymap } from "@codemirror/commands";
export { bracketMatching, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
export { setDiagnostics } from "@codemirror/lint";
export { Annotation, Compartment, EditorState, StateEffect, StateField } from "@codemirror/state";
export { EditorView, keymap, placeholder, showTooltip } from "@codemirror/view";
export { classHighlighter } from "@lezer/highlight";
