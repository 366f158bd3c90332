// @ts-check
/** The unified record: what the mapping makes of the vendor's record, what an edit changes, and why. */
import { byId, count, h, render, rove } from "./dom.js";
import { badge } from "./mapping.js";
import { describe, hasParts, isSame, partsOf, typeOf, valueAt } from "./values.js";

const [ITEMS, MORE] = [25, 100];

export class UnifiedColumn {
  /** @type {Map<string, number>} How many items of a long list are shown, by its path. */ shown = new Map();

  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.column = byId("unified");
    this.list = document.createElement("div");
    this.list.className = "results scroll";
    this.mark = rove(this.list, "button.result");
  }

  draw() {
    const { session } = this;
    const { opened, result } = session;
    if (!opened) return render(this.column);
    const rows = opened.rows.filter((row) => row.kind !== "expression" || row.steps.length > 0);
    const failure = session.failure ?? session.whole?.faults[""] ?? session.faults[""];
    const isGood = rows.some((row) => session.isBroken(row));
    render(this.column,
      h("div", { class: "column-head" }, h("h2", { id: "unified-title" }, "Unified record"), opened.record && h("span", { class: "dim" }, opened.record),
        isGood && h("span", { class: "status unknown last-good" }, "Last good result")),
      failure && h("div", { class: "message error" }, failure.message, failure.fix && h("span", { class: "fix" }, failure.fix)),
      result?.returned === "dropped" && h("p", { class: "message note" }, "A step after the mapping drops this record: it is not returned."),
      opened.cases.length === 0 ? h("div", { class: "empty" }, h("p", null, "The unified record appears here once this operation has a recording."))
        : this.list);
    render(this.list, result && !result.list && typeOf(result.unified ?? {}) === "object" ? [rows.map((row) => this.#row(row)), this.#rest(rows)] : result &&
      this.#plain());
    this.mark();
  }

  /** A result that is not one record: each page gives several, or an expression gives something else. */
  #plain() {
    const { unified, saved } = this.session.result ?? {};
    return h("div", { class: "plain" }, hasParts(unified) ? this.#parts(unified, saved, "") : h("span", { class: typeOf(unified) }, describe(unified)));
  }

  /** Values that have no row: an expression for the whole mapping may return any. @param {Row[]} rows */
  #rest(rows) {
    const known = new Set(rows.map((row) => String(row.steps[0])));
    return partsOf(this.session.result?.unified).filter(([step]) => !known.has(String(step))).map(([step, value]) =>
      h("div", { key: `rest ${step}`, class: "result rest" }, badge(null), h("span", { class: "name" }, String(step)),
        h("span", { class: "values" }, show(value))));
  }

  /** @param {Row} row */
  #row(row) {
    const { session } = this;
    if (row.kind === "group") return h("div", { key: row.field, class: "result group", depth: row.depth },
      h("span", { class: "badge group", "aria-hidden": "true" }), h("span", { class: "name" }, String(row.steps.at(-1) ?? row.field)));
    const { value, saved, base, isBroken, isGood, isChanged } = session.valueOf(row);
    const isOpen = row.field === session.place.field;
    const violations = session.violationsOf(row);
    const differs = !isChanged && !isBroken && row.badge !== "base" && row.badge !== null && !isSame(value, base);
    const isStruck = isChanged && !(hasParts(value) && hasParts(saved)); // or else the parts that differ are
    const hasRowsBelow = session.rows.some((other) => other !== row && other.steps.length > row.steps.length &&
      row.steps.every((step, index) => other.steps[index] === step));
    return h("div", { key: row.field, class: `outcome${isOpen ? " open" : ""}`, depth: row.depth },
      h("button", {
        class: `result${isBroken ? " good" : ""}${isChanged ? " changed" : ""}`, "aria-expanded": String(isOpen && session.why?.field === row.field),
          "data-field": row.field, title: "Why this value?",
        onclick: () => this.#ask(row),
      }, badge(row.badge), h("span", { class: "name" }, String(row.steps.at(-1) ?? row.field)),
      h("span", { class: "values" },
        isStruck && h("del", null, h("span", { class: "hidden-label" }, "before: "), show(saved)),
        isStruck ? h("ins", null, h("span", { class: "hidden-label" }, "now: "), show(value)) : show(value),
        isBroken && h("span", { class: "tag" }, isGood ? "last good" : "as saved"),
        differs && !hasParts(base) && h("span", { class: "was dim" }, base === undefined ? "no value without overrides"
          : `was ${describe(base, 60)} without overrides`))),
      hasParts(value) && !hasRowsBelow && partsOf(value).length > 0 && h("div", { class: "parts" }, this.#parts(value, isChanged ? saved : value, row.field)),
      violations.map((violation) => h("p", { class: "violation" }, h("span", { "aria-hidden": "true" }, "✕ "), violation.message,
        violation.fix && h("span", { class: "fix" }, violation.fix))),
      isOpen && session.why?.field === row.field && this.#why(session.why));
  }

  /** @param {Row} row */
  #ask(row) {
    const { session } = this;
    if (session.why?.field === row.field) {
      session.why = null;
      session.onchange();
      return;
    }
    session.go({ field: row.field });
    session.explain(row.field);
  }

  /** @param {Why} why */
  #why(why) {
    return h("div", { class: "why", role: "group", "aria-label": `Why ${why.field} has this value` },
      why.changed_later && h("p", { class: "dim" }, "A later step changes this value."),
      why.of_page && h("p", { class: "dim" }, "The mapping makes all records of a page at once: what a level reads is of the page."),
      why.levels.length === 0 && h("p", { class: "dim" }, "No level maps this field."),
      h("ol", null, why.levels.map((level) => h("li", { key: level.level, class: level.effective ? "effective" : "" },
        h("p", null, badge(level.level), h("code", null, level.expression ?? "left out"),
          level.place && h("span", { class: "dim place" }, `${level.place.file}:${level.place.line}`)),
        level.reads.length > 0 && h("ul", { class: "reads" },
          level.reads.map((read) => h("li", null, "reads ", h("code", null, read.path), " = ", show(read.defined ? read.value : undefined)))),
        h("p", null, level.error ? h("span", { class: "violation" }, level.error) : ["gives ", show(level.defined ? level.value : undefined)]),
        level.decisions.map((text) => h("p", { class: "dim" }, text))))));
  }

  /** The parts of a list or an object, with what the edit changes.
   * @param {any} value @param {any} saved @param {string} path Where it is in the record. @returns {Description} */
  #parts(value, saved, path) {
    const all = partsOf(value);
    const most = this.shown.get(path) ?? ITEMS;
    const more = () => (this.shown.set(path, most + MORE), this.draw());
    return h("ul", null, all.slice(0, most).map(([step, part]) => {
      const before = valueAt(saved, [step]);
      const isChanged = !isSame(part, before);
      const isInner = hasParts(part) && partsOf(part).length > 0;
      return h("li", null, h("span", { class: "key" }, String(step)),
        isChanged && !hasParts(part) && before !== undefined && h("del", null, show(before)),
        isChanged && !hasParts(part) ? h("ins", null, show(part)) : !isInner && show(part),
        path === "" && this.session.result?.list && this.#whyItem(Number(step)), isInner && this.#parts(part, before, `${path}/${step}`));
    }), all.length > most && h("li", null,
      h("button", { class: "small", onclick: more }, `Show ${Math.min(MORE, all.length - most)} of ${count(all.length - most, "more item")}`)));
  }

  /** A button that explains all fields of an item of a page, and what it found. @param {number} item */
  #whyItem(item) {
    const { session } = this;
    const why = session.why?.field === `#${item}` ? session.why : null;
    const ask = () => why ? Object.assign(session, { why: null }).onchange() : session.explain("", item);
    return [h("button", { class: "small", "aria-expanded": String(why !== null), "aria-label": `Why item ${item} has its values`, onclick: ask }, "Why?"),
      why?.fields?.map((field) => h("div", { key: `why ${field.field}` },
        h("p", { class: "label" }, field.field, " = ", show(field.value)), this.#why(field)))];
  }

  /** What the edits change in the whole recording. @returns {Children[]} */
  summary() {
    const { session } = this;
    const { whole, edits } = session;
    if (!whole || whole.failed) return [];
    const changes = Object.entries(whole.summary).map(([field, records]) => `${field} in ${records.toLocaleString("en")}`);
    const broken = Object.values(whole.faults).reduce((most, fault) => Math.max(most, fault.records ?? 1), 0);
    const violations = whole.violations.length;
    return [
      edits.length === 0 ? `${count(whole.total, "record")}.` : changes.length
        ? `Of ${count(whole.total, "record")}, your edits change ${changes.slice(0, 6).join(", ")}${changes.length > 6 ? ", …" : ""}.`
        : `Your edits change none of ${count(whole.total, "record")}.`,
      broken > 0 && h("span", { class: "status bad" }, `${count(broken, "record")} with an error`),
      violations > 0 ? h("span", { class: "status bad" }, `${count(violations, "value")} against the schema`) : broken === 0 &&
        h("span", { class: "status good" }, "All match the schema"),
    ];
  }
}

/** @param {any} value */
const show = (value) => h("span", { class: `value ${typeOf(value)}`, dir: "auto" }, describe(value, 2000));
