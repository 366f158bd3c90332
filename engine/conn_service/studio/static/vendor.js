// @ts-check
/** The vendor's record: a tree with who reads each value, and what can be mapped to it. */
import { byId, count, h, render, rove } from "./dom.js";
import { describe, hasParts, nameOfPath, nameType, partsOf, typeOf, writePath } from "./values.js";

/**
 * @typedef {{ key: string, steps: (string | number)[], value: any, depth: number, isOpen: boolean | null }} Line
 */

const LINES = 500;
const FIELDS = 80;

export class VendorColumn {
  search = "";
  selected = "";
  /** @type {Set<string>} Lines that are not as they are by default. */ toggled = new Set();
  /** @type {Line[]} */ lines = [];
  onmap = (/** @type {string} */ _field, /** @type {string} */ _expression) => {};
  oninsert = (/** @type {string} */ _expression) => {};
  onadd = (/** @type {string} */ _name, /** @type {string} */ _expression) => {};
  #mark = () => {};

  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.column = byId("vendor");
  }

  draw() {
    const { session } = this;
    const { opened, vendorRecord } = session;
    if (!opened) return render(this.column);
    render(this.column, h("div", { class: "column-head" },
      h("h2", { id: "vendor-title" }, "Vendor record"), session.total > 0 && this.#switcher(),
    ), opened.cases.length === 0 ? noRecording(session) : session.recordsError && !session.total ? failed(session.recordsError) : vendorRecord
      ? [this.#searchField(), this.#tree(vendorRecord.vendor), this.#leaf()]
      : session.isLoading ? h("p", { class: "dim padded" }, "Loading the record…")
        : h("div", { class: "empty" }, h("p", null, "This recording has no records."),
        h("p", null, "The vendor’s answer is empty. Choose another recording above.")));
    const tree = this.column.querySelector("[role=tree]");
    if (tree instanceof HTMLElement && !tree.dataset.roves) {
      tree.dataset.roves = "yes";
      this.#mark = rove(tree, "[role=treeitem]", (element, key) => this.#onKey(element, key));
    }
    this.#mark();
  }

  #switcher() {
    const { session } = this;
    const { record } = session.place;
    const id = session.vendorRecord?.id ?? session.result?.id;
    return h("div", { class: "switcher" },
      h("button", { class: "quiet icon", disabled: record === 0, onclick: () => session.go({ record: record - 1 }), "aria-label": "Previous record",
        title: "Previous record (p)" }, "‹"),
      h("label", null, h("span", { class: "hidden-label" }, "Record, by number or ID"),
        h("input", { class: "record-number", inputmode: "text", value: String(record + 1), size: 4,
          onchange: (/** @type {Event} */ event) => this.#choose(/** @type {HTMLInputElement} */ (event.target)) })),
      h("span", null, `of ${session.total.toLocaleString("en")}`),
      h("button", { class: "quiet icon", disabled: record + 1 >= session.total, onclick: () => session.go({ record: record + 1 }), "aria-label": "Next record",
        title: "Next record (n)" }, "›"),
      id !== undefined && h("span", { class: "dim record-id" }, `ID ${describe(id, 40)}`));
  }

  /** @param {HTMLInputElement} input */
  async #choose(input) {
    const { session } = this;
    const text = input.value.trim();
    const number = Number(text);
    const index = Number.isInteger(number) && number >= 1 && number <= session.total ? number - 1 : await session.findRecord(text);
    if (index === null) input.value = String(session.place.record + 1);
    else session.go({ record: index });
  }

  #searchField() {
    return h("div", { class: "search" }, h("input", {
      type: "search", id: "vendor-search", placeholder: "Search names and values", "aria-label": "Search the vendor record", value: this.search,
      oninput: (/** @type {Event} */ event) => {
        this.search = /** @type {HTMLInputElement} */ (event.target).value;
        this.draw();
      },
      onkeydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key === "ArrowDown") /** @type {HTMLElement | null} */ (this.column.querySelector("[role=treeitem]"))?.focus();
      },
    }));
  }

  /** @param {any} value */
  #tree(value) {
    /** @type {Line[]} */
    const lines = [];
    this.#walk(value, [], lines, this.search.trim().toLowerCase());
    this.lines = lines;
    const shown = lines.slice(0, LINES);
    return h("div", { class: "scroll" },
      h("div", { role: "tree", "aria-label": "Vendor record", class: "tree" }, shown.map((line) => this.#line(line))),
      lines.length === 0 && h("div", { class: "empty" }, h("p", null, `Nothing in this record matches “${this.search}”.`)),
      lines.length > LINES && h("p", { class: "dim padded" }, `${count(lines.length - LINES, "more line")}. Search to find a value.`));
  }

  /** @param {any} value @param {(string | number)[]} steps @param {Line[]} lines @param {string} search @returns {boolean} */
  #walk(value, steps, lines, search) {
    let hasMatch = false;
    partsOf(value).forEach(([step, part], index) => {
      const path = [...steps, step];
      const key = JSON.stringify(path);
      const inner = hasParts(part) && partsOf(part).length > 0;
      const isFirst = typeOf(value) !== "list" || index === 0;
      const isUsual = isFirst && path.length < 6 && partsOf(part).length <= FIELDS;
      const isOpen = inner ? search !== "" || isUsual !== this.toggled.has(key) : null;
      const line = { key, steps: path, value: part, depth: path.length, isOpen };
      const place = lines.length;
      const matches = search === "" || String(step).toLowerCase().includes(search) || (!hasParts(part) && describe(part).toLowerCase().includes(search));
      const below = isOpen ? this.#walk(part, path, lines, search) : false;
      if (!matches && !below) return;
      lines.splice(place, 0, line);
      hasMatch = true;
    });
    return hasMatch;
  }

  /** Who reads a value: in its place, and through an object around it or a part of it. @param {(string | number)[]} steps */
  #readersOf(steps) {
    const { readers } = this.session;
    const name = nameOfPath(steps);
    const isRead = Object.keys(readers).some((path) => path === name || name.startsWith(`${path}.`) || path.startsWith(`${name}.`));
    return { fields: typeof steps.at(-1) === "number" ? [] : readers[name] ?? [], isRead };
  }

  /** @param {Line} line */
  #line(line) {
    const { fields, isRead } = this.#readersOf(line.steps);
    const isSelected = line.key === this.selected;
    const field = this.session.place.field;
    const hasReadersKnown = Object.keys(this.session.readers).length > 0;
    return h("div", {
      key: line.key, role: "treeitem", "aria-level": line.depth, "aria-selected": String(isSelected), depth: line.depth - 1,
      "aria-expanded": line.isOpen === null ? null : String(line.isOpen), "data-key": line.key,
      class: `line${isSelected ? " selected" : ""}${hasReadersKnown && !isRead ? " unread" : ""}${fields.includes(field) ? " related" : ""}`,
      onclick: () => this.#select(line, true),
    },
    h("span", { class: "twist", "aria-hidden": "true" }, line.isOpen === null ? "" : line.isOpen ? "▾" : "▸"),
    h("span", { class: "key" }, String(line.steps.at(-1))),
    h("span", { class: `value ${typeOf(line.value)}`, dir: "auto" }, describe(line.value)),
    fields.length > 0 && h("span", { class: "readers" }, h("span", { class: "hidden-label" }, "read by"), fields.slice(0, 3).map((name) =>
      h("span", { class: "reader", onclick: (/** @type {Event} */ event) => { event.stopPropagation(); this.session.go({ field: name, tab: "mapping" }); } },
        name)),
    fields.length > 3 && h("span", { class: "dim" }, `+${fields.length - 3}`)));
  }

  /** @param {Line} line @param {boolean} mayToggle */
  #select(line, mayToggle) {
    if (mayToggle && line.isOpen !== null) this.#toggle(line.key);
    this.selected = line.key;
    this.draw();
  }

  /** @param {string} key */
  #toggle(key) {
    if (!this.toggled.delete(key)) this.toggled.add(key);
  }

  /** @param {HTMLElement} element @param {string} key */
  #onKey(element, key) {
    const line = this.lines.find((one) => one.key === element.dataset.key);
    if (!line) return false;
    if (key === "Enter" || key === " ") this.#select(line, true);
    else if (key === "ArrowRight" && line.isOpen === false) this.#select(line, true);
    else if (key === "ArrowLeft" && line.isOpen) this.#select(line, true);
    else if (key === "ArrowLeft") {
      const parent = JSON.stringify(line.steps.slice(0, -1));
      const items = /** @type {NodeListOf<HTMLElement>} */ (this.column.querySelectorAll("[role=treeitem]"));
      [...items].find((one) => one.dataset.key === parent)?.focus();
    } else return false;
    return true;
  }

  /** What the selected value is, and what can be done with it. */
  #leaf() {
    const line = this.lines.find((one) => one.key === this.selected);
    if (!line) return h("p", { class: "leaf dim" }, "Select a value to map a field to it.");
    const { session } = this;
    const expression = `response.${writePath(line.steps)}`;
    const known = session.opened?.shape.fields.find((field) => field.path === nameOfPath(line.steps));
    const { fields } = this.#readersOf(line.steps);
    const row = session.row;
    const targets = session.rows.filter((other) => other.editable && other.kind !== "group");
    const unmapped = targets.filter((other) => other.kind === "unmapped" || other.state === "none");
    const option = (/** @type {Row} */ other) => h("option", { value: other.field }, other.field);
    return h("div", { class: "leaf", role: "group", "aria-label": "Selected value" },
      h("code", { class: "path" }, expression),
      h("p", { class: "dim" }, known ? `${nameType(known.type)}, in ${known.filled} of ${count(session.opened?.shape.records ?? 0, "record")}`
        : typeOf(line.value),
        fields.length === 0 ? ". No field reads it." : `. Read by ${fields.join(", ")}.`),
      h("div", { class: "actions" },
        fields.filter((name) => name !== row?.field).slice(0, 4).map((name) => h("button",
          { key: `go ${name}`, onclick: () => session.go({ field: name, tab: "mapping" }) }, `Go to ${name}`)),
        row?.editable && row.kind !== "group" && [
          h("button", { key: "map", onclick: () => this.onmap(row.field, expression) }, `Map ${row.field} to this`),
          h("button", { key: "insert", onclick: () => this.oninsert(expression) }, `Insert into ${row.field}`)],
        h("select", {
          key: "others", "aria-label": "Map another field to this value", value: "",
          onchange: (/** @type {Event} */ event) => this.#mapTo(/** @type {HTMLSelectElement} */ (event.target), line, expression),
        }, h("option", { value: "" }, "Map another field to this…"),
        h("option", { value: "+" }, "A new custom field…"), unmapped.length > 0 && h("optgroup", { label: "Not mapped yet" }, unmapped.map(option)),
        h("optgroup", { label: "Mapped" }, targets.filter((other) => !unmapped.includes(other)).map(option)))));
  }

  /** @param {HTMLSelectElement} select @param {Line} line @param {string} expression */
  #mapTo(select, line, expression) {
    const field = select.value;
    select.value = "";
    const last = line.steps.filter((step) => typeof step === "string").at(-1) ?? "";
    if (field === "+") this.onadd(String(last).replace(/[^A-Za-z0-9]+/g, "_").replace(/^_+|_+$/g, "").toLowerCase(), expression);
    else if (field) this.onmap(field, expression);
  }
}

/** @param {Session} session */
function noRecording(session) {
  const { account, operation } = session.place;
  return h("div", { class: "empty" },
    h("p", null, "This operation has no recording yet, so there is no record to show."),
    h("p", null, "Record the vendor’s answers once. Personal data is replaced. Then each change shows its effect here."),
    h("code", null, `conn record ${operation} --account ${account}`));
}

/** @param {Problem} error */
function failed(error) {
  return h("div", { class: "empty" },
    h("p", null, "The recorded run ends with an error, so it has no records."),
    h("p", { class: "message warning" }, error.message), error.fix && h("p", null, error.fix));
}
