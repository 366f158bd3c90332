// @ts-check
/** The page: columns, toolbar and dialogs around one session, and the keys that work everywhere. */
import { ROOT, get } from "./api.js";
import { byId, count, h, render } from "./dom.js";
import { MappingColumn } from "./mapping.js";
import { Review } from "./review.js";
import { Session } from "./session.js";
import { Toolbar } from "./toolbar.js";
import { UnifiedColumn } from "./unified.js";
import { VendorColumn } from "./vendor.js";

const TITLE = document.title;
const session = new Session();
const toolbar = new Toolbar(session);
const vendor = new VendorColumn(session);
const mapping = new MappingColumn(session);
const unified = new UnifiedColumn(session);
const review = new Review(session);
const dialog = /** @type {HTMLDialogElement} */ (byId("dialog"));
const TABS = /** @type {const} */ ([["vendor", "Vendor record"], ["mapping", "Mapping"], ["unified", "Unified record"]]);
/** @type {Account[]} */ let firstAccounts = [];
let shownField = "";

function draw() {
  const { place, opened, problem } = session;
  document.title = [place.operation, place.account, TITLE].filter(Boolean).join(" · ");
  document.body.dataset.tab = place.tab;
  document.body.classList.toggle("is-open", opened !== null);
  toolbar.draw();
  render(byId("notices"),
    problem && problem.code !== "shared_text" && problem !== session.failure &&
      h("div", { class: "message error" }, problem.message, problem.fix && h("span", { class: "fix" }, problem.fix)),
    session.refusal && h("div", { class: "message note" }, session.refusal),
    session.notice && h("div", { class: "message note" }, session.notice, " ",
      session.edits.length > 0 && h("button", { class: "small", onclick: () => session.discard() }, "Discard the edits"),
      h("button", { class: "small quiet", onclick: () => { session.notice = ""; draw(); } }, "Dismiss")),
    opened && place.level === "environment" && opened.file.shared_by > 0 &&
      h("div", { class: "message warning" },
      `Edits go to ${opened.file.path}, which ${count(opened.file.shared_by, "other account")} ${opened.file.shared_by === 1 ? "uses" : "use"} too.`));
  render(byId("tabs"), opened &&
    TABS.map(([name, label]) => h("button", { key: name, class: `tab ${name}`, "aria-pressed": String(place.tab === name),
    onclick: () => session.go({ tab: name }) }, label)));
  vendor.draw();
  mapping.draw();
  unified.draw();
  if (!opened) render(byId("mapping"), start());
  render(byId("status"), session.isLoading ? "Loading…" : unified.summary());
  if (shownField !== place.field) {
    shownField = place.field;
    for (const open of document.querySelectorAll("#mapping .entry.open, #unified .outcome.open")) open.scrollIntoView({ block: "nearest" });
  }
  byId("status").dataset.sequence = String(session.sequence);
}

/** What to do first: choose an account, then an operation. @returns {Children} */
function start() {
  const { place, operations } = session;
  if (session.isLoading || session.problem) return null;
  if (!place.account) {
    return h("div", { class: "start" }, h("h1", { id: "mapping-title" }, "Choose an account"),
      h("p", null, "See a recorded record of its vendor next to the mapping and the unified record. ",
        "Each change shows its effect as you type, and nothing is saved until you have reviewed it."),
      h("ul", { class: "choices" },
        firstAccounts.map((account) => h("li", { key: account.name }, h("a",
        { href: `${ROOT}edit/${encodeURIComponent(account.name)}`, onclick: follow({ account: account.name }) }, h("strong", null, account.name),
        h("span", { class: "dim" }, [account.label, account.connector, account.environment].filter(Boolean).join(" · ")))))),
      firstAccounts.length === 0 && h("div", { class: "empty" }, h("p", null, "This workspace has no account yet."),
        h("code", null, "conn account create acme --connector NAME")),
      toolbar.accountTotal > firstAccounts.length && h("p", { class: "dim" }, "Search for the others above."));
  }
  return h("div", { class: "start" }, h("h1", { id: "mapping-title" }, `Choose an operation of ${session.account.label || place.account}`),
    h("p", null, "Operations with a recording show their effect on real records."),
    h("ul", { class: "choices" },
      [...operations].sort((one, other) => Number(other.recordings > 0) - Number(one.recordings > 0)).map((one) => h("li", { key: one.name },
      h("a", { href: `${ROOT}edit/${encodeURIComponent(place.account)}/${encodeURIComponent(one.name)}`, onclick: follow({ operation: one.name }) },
        h("strong", null, one.name), h("span", { class: "dim" }, one.recordings ? count(one.recordings, "recording") : "no recording"))))));
}

/** @param {Partial<import("./session.js").Location>} change */
const follow = (change) => (/** @type {MouseEvent} */ event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  session.go(change);
};

// -- the keyboard -----------------------------------------------------------------------------------------------------

/** @param {number} step */
const moveRecord = (step) => {
  const record = session.place.record + step;
  if (record >= 0 && record < session.total) session.go({ record });
};
/** @param {string} selector */
const focusFirst = (selector) => {
  const elements = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(selector)]);
  (elements.find((element) => element.tabIndex === 0) ?? elements[0])?.focus();
};
/** @type {[string, string, () => void][]} */
const SHORTCUTS = [
  ["a", "Choose the account", () => byId("account").focus()],
  ["/", "Search the vendor record", () => { session.go({ tab: "vendor" }); document.getElementById("vendor-search")?.focus(); }],
  ["1", "Go to the vendor record", () => { session.go({ tab: "vendor" }); focusFirst("#vendor [role=treeitem]"); }],
  ["2", "Go to the mapping", () => { session.go({ tab: "mapping" }); focusFirst("#mapping button.row"); }],
  ["3", "Go to the unified record", () => { session.go({ tab: "unified" }); focusFirst("#unified button.result"); }],
  ["n", "Next record", () => moveRecord(1)],
  ["p", "Previous record", () => moveRecord(-1)],
  ["e", "Edit the expression of the chosen field", () => mapping.focusEditor()],
  ["w", "Why has the chosen field its value", () => { if (session.row) session.explain(session.row.field); }],
  ["u", "Undo", () => session.undo()],
  ["?", "Show these shortcuts", () => showShortcuts()],
];
const OFF = "conn-studio shortcuts off";

function showShortcuts() {
  render(dialog,
    h("div", { class: "dialog-head" }, h("h2", { id: "dialog-title" }, "Keyboard shortcuts"),
      h("button", { class: "quiet icon", "aria-label": "Close", onclick: () => dialog.close() }, "✕")),
    h("div", { class: "dialog-body" },
      h("dl", { class: "shortcuts" }, [["Ctrl+S", "Review and save"], ["Ctrl+Z", "Undo, also after a reload"], ["Ctrl+Shift+Z", "Redo"],
        ["Ctrl+Space", "Complete the expression"], ["Escape", "Leave the editor"], ["↑ ↓ ← →", "Move in a list, open and close"], ...SHORTCUTS]
        .map(([key, text]) => [h("dt", null, h("kbd", null, /** @type {string} */ (key))), h("dd", null, /** @type {string} */ (text))])),
      h("label", { class: "commit" }, h("input", { type: "checkbox", checked: localStorage.getItem(OFF) === null,
        onchange: (/** @type {Event} */ event) => { if (/** @type {HTMLInputElement} */ (event.target).checked) localStorage.removeItem(OFF);
        else localStorage.setItem(OFF, "yes"); } }), "Single-key shortcuts")));
  if (!dialog.open) dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (dialog.open) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey) {
    const key = event.key.toLowerCase();
    if (key === "s" && session.edits.length) review.open();
    else if (key === "z" && !target.matches("input, textarea") && !event.defaultPrevented) event.shiftKey ? session.redo() : session.undo();
    else if (key !== "s") return;
    event.preventDefault();
    return;
  }
  if (event.key === "Escape" && target.closest(".cm-editor") && !event.defaultPrevented) {
    focusFirst(`#mapping button.row[aria-expanded=true]`);
    return;
  }
  const isTyping = target.matches("input, textarea, select") || target.isContentEditable;
  if (isTyping || event.altKey || event.ctrlKey || event.metaKey || localStorage.getItem(OFF)) return;
  const shortcut = SHORTCUTS.find(([key]) => key === event.key);
  if (!shortcut) return;
  event.preventDefault();
  shortcut[2]();
});

// -- together ---------------------------------------------------------------------------------------------------------

let isDrawing = false;
session.onchange = () => {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    draw();
  });
};
toolbar.onreview = () => review.open();
toolbar.onhelp = showShortcuts;
vendor.onmap = (field, expression) => {
  const row = session.rows.find((one) => one.field === field);
  session.go({ field, tab: "mapping" });
  if (row) session.change(row, "set", expression);
  mapping.focusEditor();
};
vendor.oninsert = (expression) => {
  session.go({ tab: "mapping" });
  mapping.insert(expression);
};
vendor.onadd = (name, expression) => mapping.add(name, expression);
addEventListener("popstate", () => session.followLocation());
matchMedia("(max-width: 819px)").addEventListener("change", () => draw());
get("api/accounts", { search: "", limit: 24 }).then((answer) => {
  firstAccounts = answer.accounts;
  toolbar.accountTotal = answer.total;
  session.onchange();
}, () => {});
session.open();
