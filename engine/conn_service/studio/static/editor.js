// @ts-check
/**
 * The editor of one expression: CodeMirror with the colors, the completions and the faults of an expression. Tab leaves
 * it, and its undo is the page's, which survives a reload.
 */
import {
  Annotation, Compartment, EditorState, EditorView, StateField, StreamLanguage, autocompletion, bracketMatching,
  classHighlighter, closeBrackets, closeBracketsKeymap, completionKeymap, completionStatus, defaultKeymap, keymap,
  placeholder, setDiagnostics, showTooltip, syntaxHighlighting,
} from "./vendor/codemirror.js";
import { debounce } from "./api.js";
import { findCompletions, readCaret } from "./completion.js";
import { jsonata } from "./jsonata.js";

const FAULT_PAUSE = 600;
const fromPage = Annotation.define();

export class Editor {
  /** @type {Operation | null} */ operation = null;
  /** @type {Fault | null} The newest fault. */ fault = null;
  /** @type {Fault | null} The fault that is marked. */ marked = null;
  onchange = (/** @type {string} */ _text) => {};
  /** Called with the fault once it is shown, and with null at the next key. */
  onfault = (/** @type {Fault | null} */ _fault) => {};
  onundo = (/** @type {boolean} */ _isRedo) => {};
  #label = new Compartment();
  #hint = new Compartment();
  #editable = new Compartment();

  constructor() {
    const nonce = document.querySelector('meta[name="csp-nonce"]')?.getAttribute("content") ?? "";
    const undo = (/** @type {boolean} */ isRedo) => () => (this.onundo(isRedo), true);
    this.view = new EditorView({
      state: EditorState.create({
        extensions: [
          EditorView.cspNonce.of(nonce), EditorView.lineWrapping, this.#label.of([]), this.#hint.of([]), this.#editable.of([]),
          StreamLanguage.define(jsonata), syntaxHighlighting(classHighlighter), bracketMatching(), closeBrackets(),
          autocompletion({ override: [(context) => this.#complete(context)], icons: false, maxRenderedOptions: 60 }),
          this.#signature(),
          keymap.of([
            { key: "Mod-z", run: undo(false), preventDefault: true }, { key: "Mod-y", run: undo(true), preventDefault: true },
            { key: "Mod-Shift-z", run: undo(true), preventDefault: true },
            ...closeBracketsKeymap, ...completionKeymap, ...defaultKeymap,
          ]),
          EditorView.updateListener.of((update) => this.#follow(update)),
        ],
      }),
    });
  }

  get dom() {
    return this.view.dom;
  }

  get text() {
    return this.view.state.doc.toString();
  }

  /** Show a text. The caret stays where it is if the text is the same, and goes to what changed if it is not. @param {string} text */
  show(text) {
    const before = this.text;
    if (text === before) return;
    let start = 0;
    while (start < Math.min(text.length, before.length) && text[start] === before[start]) start += 1;
    let same = 0;
    while (same < Math.min(text.length, before.length) - start && text.at(-1 - same) === before.at(-1 - same)) same += 1;
    this.view.dispatch({
      changes: { from: start, to: before.length - same, insert: text.slice(start, text.length - same) },
      selection: { anchor: text.length - same }, annotations: fromPage.of(true),
    });
  }

  /** @param {{ label: string, hint: string, isEditable: boolean }} options */
  configure({ label, hint, isEditable }) {
    this.view.dispatch({
      effects: [
        this.#label.reconfigure(EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", autocapitalize: "off" })),
        this.#hint.reconfigure(placeholder(hint)),
        this.#editable.reconfigure([EditorState.readOnly.of(!isEditable), EditorView.editable.of(isEditable)]),
      ],
    });
  }

  /** Insert a text at the caret. @param {string} text */
  insert(text) {
    this.view.dispatch(this.view.state.replaceSelection(text));
    this.view.focus();
  }

  /** Take a fault, which is shown after a pause in typing; that there is none any more is shown at once. @param {Fault | null} fault */
  setFault(fault) {
    this.fault = fault;
    if (!fault && this.marked) this.#showFault();
    else if (fault && fault.message !== this.marked?.message && !this.#whenPaused.isWaiting) this.#whenPaused();
  }

  #showFault = () => {
    if (this.fault && completionStatus(this.view.state) === "active") return this.#whenPaused();
    const { fault } = this;
    const length = this.view.state.doc.length;
    const hasPlace = fault && typeof fault.offset === "number" && (fault.text === undefined || fault.text === this.text);
    const from = Math.min(fault?.offset ?? 0, length);
    const to = Math.min(Math.max(fault?.end ?? from + 1, from + 1), length);
    const marks = hasPlace ? [{ from: Math.min(from, Math.max(to - 1, 0)), to, severity: /** @type {const} */ ("error"), message: fault.message }] : [];
    this.marked = fault;
    this.view.dispatch(setDiagnostics(this.view.state, marks));
    this.onfault(fault);
  };

  #whenPaused = debounce(FAULT_PAUSE, () => this.#showFault());

  /** Show the fault of a text that nobody is typing. */
  showFaultNow() {
    this.#whenPaused.cancel();
    this.#showFault();
  }

  /** @param {import("./vendor/codemirror.js").ViewUpdate} update */
  #follow(update) {
    if (!update.docChanged) return;
    this.#whenPaused();
    if (this.marked) this.onfault(null);
    if (!update.transactions.some((transaction) => transaction.annotation(fromPage))) this.onchange(this.text);
  }

  /** @param {import("./vendor/codemirror.js").CompletionContext} context */
  #complete(context) {
    if (!this.operation) return null;
    const caret = readCaret(context.state.doc.toString(), context.pos);
    const isAfterDot = context.state.sliceDoc(context.pos - 1, context.pos) === ".";
    if (!caret.text && !isAfterDot && !context.explicit) return null;
    const options = findCompletions(caret, this.operation);
    return options.length ? { from: caret.from, options, validFor: /^[$`]?[\w ]*$/ } : null;
  }

  #signature() {
    const find = (/** @type {import("./vendor/codemirror.js").EditorState} */ state) => {
      const { head } = state.selection.main;
      const call = this.operation && state.doc.length ? readCaret(state.doc.toString(), head).call : null;
      const known = call && this.operation?.names.functions.find((entry) => entry.name.replace(/^\$?/, "$") === call.name);
      if (!known) return null;
      return { pos: head, above: true, create: () => ({ dom: drawSignature(known) }) };
    };
    return StateField.define({
      create: find,
      update: (tooltip, transaction) => (transaction.docChanged || transaction.selection ? find(transaction.state) : tooltip),
      provide: (field) => showTooltip.from(field),
    });
  }
}

/** @param {{ name: string, signature?: string, description?: string }} entry */
function drawSignature(entry) {
  const dom = document.createElement("div");
  dom.className = "signature";
  const code = document.createElement("code");
  code.textContent = entry.signature || entry.name;
  dom.append(code);
  if (entry.description) dom.append(` ${entry.description}`);
  return dom;
}
