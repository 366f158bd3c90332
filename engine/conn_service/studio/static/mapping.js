// @ts-check
/** The mapping: a row per field of the model, and below the chosen one its editor with what each level declares. */
import { ROOT } from "./api.js";
import { byId, count, h, render, rove } from "./dom.js";
import { Editor } from "./editor.js";

const LETTERS = /** @type {Record<string, string>} */ ({ account: "A", environment: "E", base: "B" });

/** The level that sets a value: a letter in a color, and the word. @param {string | null} level */
export const badge = (level) =>
  level ? h("span", { class: `badge ${level}`, title: `Set by the ${level === "base" ? "connector" : level}` },
    h("span", { "aria-hidden": "true" }, LETTERS[level] ?? "?"), h("span", { class: "hidden-label" }, `${level} level`))
    : h("span", { class: "badge none", title: "Not mapped" }, h("span", { "aria-hidden": "true" }, "–"), h("span", { class: "hidden-label" }, "not mapped"));

/** The page of an operation's steps. @param {import("./session.js").Location} place */
const stepsOf = ({ account, operation, level }) => `${ROOT}steps/${encodeURIComponent(account)}/${encodeURIComponent(operation)}?level=${level}`;

/** @type {[string, string, (session: Session, row: Row) => boolean][]} */
const FILTERS = [
  ["all", "All", () => true],
  ["overridden", "Overridden", (session, row) => session.opened?.level === row.badge],
  ["unmapped", "Not mapped", (_session, row) => row.badge === null && row.kind !== "group"],
  ["errors", "Errors", (session, row) => session.faultOf(row) !== null || session.violationsOf(row).length > 0],
];

export class MappingColumn {
  filter = "all";
  editor = new Editor();
  /** @type {Fault | null} */ shownFault = null;
  /** @type {{ name: string, expression: string, problem: string } | null} A custom field that is being named. */ added = null;
  #edited = "";

  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.column = byId("mapping");
    this.list = document.createElement("div");
    this.list.className = "rows scroll";
    this.mark = rove(this.list, "button.row", (element, key) => {
      if (key !== "ArrowRight" && key !== "ArrowLeft") return false;
      const isOpen = element.getAttribute("aria-expanded") === "true";
      if (isOpen !== (key === "ArrowRight")) element.click();
      return true;
    });
    this.editor.onchange = (text) => this.#type(text);
    this.editor.onundo = (isRedo) => (isRedo ? session.redo() : session.undo());
    this.editor.onfault = (fault) => {
      this.shownFault = fault;
      session.onchange();
    };
  }

  /** @param {string} text */
  #type(text) {
    const { row } = this.session;
    if (!row || text === (row.expression ?? "").trimEnd()) return;
    if (text.trim() === "") this.session.change(row, "remove");
    else this.session.change(row, row.replace ? "replace" : "set", text);
  }

  draw() {
    const { session } = this;
    const { opened } = session;
    if (!opened) return render(this.column);
    this.#prepareEditor();
    const counts = FILTERS.map(([, , matches]) => session.rows.filter((row) => matches(session, row)).length);
    const chosen = FILTERS.find(([name]) => name === this.filter)?.[2] ?? (() => true);
    const visible = (/** @type {Row} */ row) => chosen(session, row) || row.field === session.place.field;
    const rows = opened.rows.filter(visible);
    const others = opened.others.filter(visible);
    render(this.column,
      h("div", { class: "column-head" }, h("h2", { id: "mapping-title" }, "Mapping"),
        h("div", { class: "filters", role: "group", "aria-label": "Show" }, FILTERS.map(([name, label], index) =>
          (name === "all" || counts[index] !== 0 || name === this.filter) &&
            h("button", { key: name, class: "filter", "aria-pressed": String(this.filter === name), onclick: () => { this.filter = name; this.draw(); } },
            label, h("span", { class: "number" }, String(counts[index])))))),
      this.list);
    render(this.list,
      rows.map((row) => this.#row(row)),
      rows.length === 0 && h("div", { class: "empty" }, h("p", null, "No field is like this. Show all fields instead.")),
      this.filter === "all" && opened.record && !opened.rows.some((row) => row.kind === "covered") && this.#adder(),
      others.length > 0 && h("h3", { key: "others" }, "What is sent, and other mappings"), others.map((row) => this.#row(row, true)),
      this.filter === "all" && opened.steps.map((step) => h("details", { key: `${step.key} ${step.level}`, class: "step" },
        h("summary", null, badge(step.level), h("code", null, step.key), h("span", { class: "dim" },
          step.key === "before" ? "steps that run before the request" : "steps that change the records afterwards")),
        h("pre", { class: "code", tabindex: "0" }, step.text), h("p", { class: "dim" }, `${step.place.file}:${step.place.line}`))),
      this.filter === "all" && opened.record && session.workspace?.has_steps &&
        h("p", { key: "steps" }, h("a", { href: stepsOf(session.place) }, "Change the steps before and after")));
    this.mark();
  }

  /** Put what the chosen row says into the editor. */
  #prepareEditor() {
    const { session, editor } = this;
    const { row } = session;
    if (!row || row.kind === "group") {
      this.#edited = "";
      return;
    }
    const place = `${session.place.account} ${session.place.operation} ${session.place.level} ${row.field}`;
    const isOther = place !== this.#edited;
    this.#edited = place;
    editor.operation = session.opened;
    if (isOther) {
      const below = row.levels.find((level) => level.level !== session.place.level && level.expression !== null);
      const hint = below?.expression ? `${textOf(below.expression).split("\n")[0]}   — from the ${nameLevel(below.level)}; type to override it`
        : "Type an expression, such as response.name";
      editor.configure({ label: `Expression for ${row.field}`, hint, isEditable: row.editable });
      this.shownFault = null;
    }
    editor.show(typeof row.expression === "string" ? row.expression.trimEnd() : "");
    editor.setFault(session.faultOf(row));
    if (isOther) {
      this.shownFault = session.faultOf(row);
      queueMicrotask(() => editor.showFaultNow());
    }
  }

  /** @param {Row} row @param {boolean} [isOther] The row is of another mapping than the record's. */
  #row(row, isOther = false) {
    const { session } = this;
    const isOpen = row.field === session.place.field;
    const fault = session.faultOf(row);
    const isBroken = fault !== null || session.violationsOf(row).length > 0;
    const shadowed = row.levels.filter((level) => level.overridden).length;
    const text = row.kind === "group" ? "" : row.state === "left out" ? "left out" : row.kind === "covered"
      ? `set by the expression of ${row.by ?? "the whole mapping"}` : effectiveText(row, session.place.level) ?? "not mapped";
    const isCode = row.kind !== "covered" && row.state !== "left out" && text !== "not mapped";
    return h("div", { key: row.field, class: `entry${isOpen ? " open" : ""}`, depth: row.depth },
      h("button", {
        class: `row ${row.kind}${isOther ? " other" : ""}`, "aria-expanded": String(isOpen), "data-field": row.field, title: row.description || null,
        onclick: () => session.go({ field: isOpen ? "" : row.field }),
      }, row.kind === "group" ? h("span", { class: "badge group", "aria-hidden": "true" }, "▾") : badge(row.badge),
      h("span", { class: "name" }, isOther ? row.field : String(row.steps.at(-1) ?? row.field), row.required && h("abbr", { title: "required" }, "*")),
      isCode ? h("code", { class: "text" }, text) : h("span", { class: "text dim" }, text),
      shadowed > 0 && h("span", { class: "more", title: `${count(shadowed, "level")} below declares this too` }, `+${shadowed}`),
      session.isEdited(row) && h("span", { class: "edited" }, "edited"),
      isBroken && h("span", { class: "broken" }, h("span", { "aria-hidden": "true" }, "!"), h("span", { class: "hidden-label" }, "has an error"))),
      isOpen && this.#panel(row));
  }

  /** @param {Row} row */
  #panel(row) {
    const { session } = this;
    const level = session.place.level;
    const who = level === "account" ? session.place.account : session.opened?.environment ?? "environment";
    const resource = session.place.operation.split(".").slice(-2, -1)[0] ?? "";
    const isSet = row.state === "own" || row.state === "left out";
    const facts = [row.type, row.format, row.required && "required", row.enum?.length
      ? `one of ${row.enum.slice(0, 12).join(", ")}${row.enum.length > 12 ? ", …" : ""}` : null].filter(Boolean);
    return h("div", { class: "panel", role: "group", "aria-label": `Mapping of ${row.field}` },
      h("p", { class: "about" }, h("strong", null, row.title || row.field), facts.length > 0 && h("span", { class: "dim" }, ` ${facts.join(" · ")}`)),
      row.description && h("p", null, row.description), row.kind === "group" && h("p", { class: "dim" }, "Its parts are the rows below."),
      row.kind !== "group" && row.editable && [
        h("p", { class: "label" }, badge(level), `Expression of ${who}`, h("span", { class: "dim" },
          row.scope === "operation" ? " · for this operation only" : resource ? ` · for every operation of ${resource}` : "")),
        h("div", { class: "editor" }, this.editor.dom), this.#faultText(row),
        h("div", { class: "actions" },
          h("button", { key: "below", disabled: !isSet, title: "Remove this level’s expression", onclick: () => session.change(row, "remove") },
            "Use the level below"),
          h("button", { key: "out", disabled: row.state === "left out", title: "The unified record has no value for this field",
            onclick: () => session.change(row, "set", "null") }, "Leave out"),
          h("button", { key: "why", onclick: () => { session.explain(row.field); session.go({ tab: "unified" }); } }, "Why this value?")),
      ],
      !row.editable && h("p", { class: "message note" }, row.reason || "This can’t be edited here.", row.hint && ` ${row.hint}`),
      row.editable && row.hint && h("p", { class: "dim" }, row.hint),
      row.kind === "covered" && row.by && h("div", { class: "actions" },
        h("button", { onclick: () => session.go({ field: row.by ?? "" }) }, `Go to ${row.by}`)),
      this.#levels(row));
  }

  /** @param {Row} row */
  #faultText(row) {
    const fault = this.shownFault;
    const ids = fault?.ids?.length ? `: ${fault.ids.join(", ")}${(fault.records ?? 0) > fault.ids.length ? ", …" : "."}` : ".";
    const many = fault?.records && this.session.total > 1 ? `Fails in ${fault.records} of ${count(this.session.total, "record")}${ids}` : "";
    return h("div", { class: "fault", "aria-live": "polite" }, fault && h("p", { class: "message error" }, fault.message,
      many && h("span", { class: "many" }, many), fault.fix && h("span", { class: "fix" }, fault.fix)),
      this.session.problem?.code === "shared_text" && this.session.isEdited(row) && this.#shared(row));
  }

  /** The text of a field is used in several places of the file. @param {Row} row */
  #shared(row) {
    const { session } = this;
    const choose = (/** @type {string} */ shared) => session.change(row, row.expression === null ? "remove" : "set", row.expression ?? undefined, shared);
    return h("div", { class: "message warning" }, h("p", null, `${session.problem?.message} ${session.problem?.paths?.join(", ") ?? ""}`),
      h("div", { class: "actions" }, h("button", { onclick: () => choose("change") }, "Change all of them"),
        h("button", { onclick: () => choose("write out") }, "Change only this one")));
  }

  /** @param {Row} row */
  #levels(row) {
    const { session } = this;
    const below = row.levels.filter((level) => level.level !== session.place.level);
    if (!below.length) return row.kind === "group" || row.kind === "covered" ? null : h("p", { class: "dim" }, "No other level maps this field.");
    return h("div", { class: "levels" }, h("p", { class: "label" }, "Other levels"), h("ul", null, below.map((level) =>
      h("li", { key: `${level.level} ${level.place.file} ${level.place.line}`, class: level.overridden ? "overridden" : "" },
        badge(level.level),
        h("div", null, level.expression === null ? h("span", { class: "dim" }, "left out") : h("code", null, textOf(level.expression)),
          h("span", { class: "dim place" }, `${level.place.file}:${level.place.line}`, level.uses_base && " · extends the level below",
            level.whole && " · one expression for the whole mapping")),
        row.editable && typeof level.expression === "string" && !level.whole &&
          h("button", { class: "small", onclick: () => session.change(row, "set", textOf(level.expression)) }, "Copy up")))));
  }

  /** A form that names a custom field. */
  #adder() {
    const { session, added } = this;
    if (!added) return h("button", { key: "add", class: "row add", onclick: () => this.add("", "") },
      h("span", { class: "badge none", "aria-hidden": "true" }, "+"), h("span", { class: "name" }, "Add a custom field"));
    return h("form", {
      key: "adder", class: "adder",
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        this.#finishAdding();
      },
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "Escape") return;
        this.added = null;
        this.draw();
      },
    },
    h("label", { for: "added-name" }, "Name of the custom field"),
    h("div", { class: "actions" },
      h("span", { class: "dim" }, "custom_fields."),
      h("input", { id: "added-name", value: added.name, autocomplete: "off", spellcheck: "false", "aria-describedby": "added-problem",
        oninput: (/** @type {Event} */ event) => { added.name = /** @type {HTMLInputElement} */ (event.target).value; } }),
      h("button", { class: "primary" }, "Add"),
      h("button", { type: "button", onclick: () => { this.added = null; this.draw(); } }, "Cancel")),
    h("p", { id: "added-problem", class: "dim" }, added.problem ||
      (added.expression ? `It gets the value of ${added.expression}.` : session.rows.some((row) => row.field.startsWith("custom_fields.")) ? ""
      : "Custom fields are for what only some customers have.")));
  }

  /** Open the form for a custom field. @param {string} name @param {string} expression */
  add(name, expression) {
    this.added = { name, expression, problem: "" };
    this.filter = "all";
    this.session.go({ tab: "mapping", field: "" });
    this.draw();
    const input = byId("added-name");
    input.scrollIntoView({ block: "nearest" });
    input.focus();
    /** @type {HTMLInputElement} */ (input).select();
  }

  #finishAdding() {
    const { session, added } = this;
    if (!added) return;
    const name = added.name.trim();
    const field = `custom_fields.${/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : JSON.stringify(name)}`;
    if (!name) added.problem = "Type a name, such as score.";
    else if (session.rows.some((row) => row.field === field)) added.problem = `There is a field ${field} already. Choose another name.`;
    else return this.#addTo(field, name, added.expression || "null");
    this.draw();
  }

  /**
   * Add a custom field: as a part of its own, or to the one expression that makes all of them.
   *
   * @param {string} field @param {string} name @param {string} expression
   */
  #addTo(field, name, expression) {
    const { session } = this;
    const all = session.rows.find((row) => row.field === "custom_fields");
    this.added = null;
    if (all && all.kind !== "group" && effectiveText(all, session.place.level) !== null) {
      const before = all.expression?.trim() ?? "$base.custom_fields";
      session.place.field = all.field;
      session.change(all, "set", `$merge([${before}, {\n  ${JSON.stringify(name)}: ${expression}\n}])`);
    } else {
      const row = newRow(field, name);
      session.opened?.rows.push(row);
      session.place.field = field;
      session.change(row, "set", expression);
    }
    this.focusEditor();
  }

  focusEditor() {
    if (this.session.row) requestAnimationFrame(() => { this.editor.view.focus(); this.editor.dom.scrollIntoView({ block: "nearest" }); });
  }

  /** Insert a path into the expression of the chosen field. @param {string} text */
  insert(text) {
    this.editor.insert(text);
  }
}

/** @param {string} level */
const nameLevel = (level) => (level === "base" ? "connector" : level);

/** The expression that counts: this level's, or that of the first one below. @param {Row} row @param {string} level */
export function effectiveText(row, level) {
  if (row.expression !== null) return textOf(row.expression);
  const below = row.levels.find((other) => other.level !== level && !other.overridden && other.expression !== null);
  return below ? textOf(below.expression) : null;
}

/** An expression, or what is set instead of one: an object or a list. @param {string | object | null} expression */
function textOf(expression) {
  if (typeof expression === "string") return expression;
  return `${count(Object.keys(expression ?? {}).length, "field")}, each with an expression of its own`;
}

/** @param {string} field @param {string} name @returns {Row} */
function newRow(field, name) {
  return { field, steps: ["custom_fields", name], depth: 1, kind: "field", badge: null, scope: "resource", expression: null, state: "none", editable: true,
    levels: [] };
}
