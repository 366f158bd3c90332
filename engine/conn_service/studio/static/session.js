// @ts-check
/**
 * What the page shows: the place (in the URL), the unsaved edits with their undo (in sessionStorage), and the newest
 * answers of the server. Views read it and call its methods; every change calls `onchange`.
 *
 * @typedef {{ account: string, operation: string, case: string, record: number, field: string, level: string,
 *   tab: string }} Location
 */
import { ApiError, ROOT, call, debounce, get, newest, post } from "./api.js";
import { isSame, valueAt } from "./values.js";

const PAUSE = 250;
const PAGE = 20;
const UNDO_STEPS = 200;

/** @returns {Location} */
function readLocation() {
  const [account = "", operation = ""] = location.pathname.slice(ROOT.length).split("/").slice(1).map(decodeURIComponent);
  const query = new URLSearchParams(location.search);
  const text = (/** @type {string} */ name, usual = "") => query.get(name) ?? usual;
  const record = Number.parseInt(text("record", "0"), 10);
  return {
    account, operation, case: text("case"), record: record > 0 ? record : 0, field: text("field"),
    level: text("level") === "environment" ? "environment" : "account", tab: text("tab", "mapping"),
  };
}

export class Session {
  place = readLocation();
  onchange = () => {};
  /** @type {any} */ workspace = null;
  /** @type {OperationName[]} */ operations = [];
  /** @type {{ label?: string, connector?: string, environment?: string, environments?: string[] }} */ account = {};
  /** @type {Operation | null} */ opened = null;
  /** @type {Map<string, Row>} The rows as the files have them. */ savedRows = new Map();
  /** @type {Map<number, VendorRecord>} */ vendorRecords = new Map();
  total = 0;
  /** @type {Problem | null} */ recordsError = null;
  /** @type {Map<number, Evaluated>} */ evaluated = new Map();
  /** @type {Map<string, any>} Values before a field broke, by record and field. */ good = new Map();
  /** @type {Record<string, Fault>} */ faults = {};
  /** @type {Evaluation | null} The newest evaluation of all records. */ whole = null;
  /** @type {Problem | null} The draft as a whole can't be evaluated. */ failure = null;
  /** @type {Record<string, string[]>} */ readers = {};
  /** @type {Why | null} */ why = null;
  /** @type {Edit[]} */ edits = [];
  /** @type {Edit[][]} */ past = [];
  /** @type {Edit[][]} */ future = [];
  digest = "";
  /** @type {Problem | null} */ problem = null;
  isLoading = true;
  notice = "";
  /** The number of the newest evaluation that is shown. */ sequence = 0;
  #typing = { field: "", at: 0 };
  /** @type {Edit[]} The edits that `whole` was evaluated with. */ #wholeEdits = [];
  #sequence = 0;
  #opening = 0;

  /** Why edits of this document can’t be saved; "" if they can. */
  get refusal() {
    const isReadOnly = document.querySelector('meta[name="studio-read-only"]')?.getAttribute("content") === "true";
    return this.workspace?.read_only_reason || (isReadOnly && "Read-only: you can try edits, but not save them.") ||
      (this.place.level === "environment" && this.workspace?.environment_refusal) || "";
  }

  /** @returns {Row[]} */
  get rows() {
    return this.opened ? [...this.opened.rows, ...this.opened.others] : [];
  }

  /** @returns {Row | undefined} */
  get row() {
    return this.rows.find((row) => row.field === this.place.field);
  }

  get vendorRecord() {
    return this.vendorRecords.get(this.place.record);
  }

  get result() {
    return this.evaluated.get(this.place.record);
  }

  // -- where the page is ------------------------------------------------------------------------------------------

  /** Go to another place; what it says nothing of stays. @param {Partial<Location>} change */
  go(change) {
    const before = this.place;
    this.place = { ...before, ...change };
    if (change.account !== undefined && change.account !== before.account && change.operation === undefined) this.place.operation = "";
    const isOther = ["account", "operation", "case",
      "level"].some((name) => before[/** @type {keyof Location} */ (name)] !== this.place[/** @type {keyof Location} */ (name)]);
    if (before.account !== this.place.account || before.operation !== this.place.operation) {
      this.place = { ...this.place, case: change.case ?? "", record: change.record ?? 0, field: change.field ?? "" };
    } else if (before.case !== this.place.case) this.place.record = change.record ?? 0;
    this.#writeLocation(isOther);
    if (isOther) return this.open();
    if (before.record !== this.place.record) {
      this.#loadRecords();
      this.#evaluateVisible();
    }
    if (before.record !== this.place.record || before.field !== this.place.field) this.why = null;
    this.onchange();
    return Promise.resolve();
  }

  /** @param {boolean} isOther */
  #writeLocation(isOther) {
    const { account, operation, case: scenario, record, field, level, tab } = this.place;
    const path = ["edit", account, operation].filter(Boolean).map(encodeURIComponent).join("/");
    const query = new URLSearchParams();
    if (scenario) query.set("case", scenario);
    if (record) query.set("record", String(record));
    if (field) query.set("field", field);
    if (level !== "account") query.set("level", level);
    if (tab !== "mapping") query.set("tab", tab);
    const text = query.toString();
    history[isOther ? "pushState" : "replaceState"](null, "", `${ROOT}${path}${text ? `?${text}` : ""}`);
  }

  /** Show what the URL says, after Back or Forward. */
  followLocation() {
    this.place = readLocation();
    return this.open();
  }

  /** Load what the place needs. */
  async open() {
    const opening = ++this.#opening;
    this.isLoading = true;
    this.problem = null;
    this.why = null;
    this.onchange();
    try {
      await this.#load(opening);
    } catch (error) {
      if (opening === this.#opening) this.#report(error);
    }
    if (opening !== this.#opening) return;
    this.isLoading = false;
    this.onchange();
  }

  /** @param {number} opening */
  async #load(opening) {
    const { account, operation, level } = this.place;
    this.workspace ??= await get("api/workspace");
    Object.assign(this, { opened: null, evaluated: new Map(), good: new Map(), vendorRecords: new Map(), whole: null, faults: {}, failure: null, readers: {},
      total: 0, recordsError: null });
    if (!account) return;
    const answer = await get("api/operations", { account });
    if (opening !== this.#opening) return;
    this.account = answer;
    this.operations = answer.operations;
    if (!operation) {
      this.#restore("");
      return;
    }
    const scenario = this.place.case || undefined;
    const saved = await post("api/operation", { account, operation, case: scenario, level, edits: [] });
    const draft = await get("api/draft", { account, level });
    if (opening !== this.#opening) return;
    this.savedRows = new Map([...saved.rows, ...saved.others].map((row) => [row.field, { ...row }]));
    this.#restore(saved.file.digest, draft);
    this.opened = saved;
    if (this.edits.length) await this.#loadRows();
    if (!saved.cases.length) return;
    await this.#loadRecords();
    this.#evaluateVisible();
    this.#whenIdle();
  }

  /** @param {unknown} error */
  #report(error) {
    if (error instanceof ApiError) this.problem = error.report;
    else throw error;
  }

  get #request() {
    const { account, operation, level } = this.place;
    return { account, operation, case: this.place.case || undefined, level, edits: this.edits };
  }

  /** Return a function that tells whether the page still shows the place and the edits of now. */
  #watch() {
    const { edits } = this;
    const opening = this.#opening;
    return () => edits === this.edits && opening === this.#opening;
  }

  async #loadRows() {
    const isCurrent = this.#watch();
    const opened = await post("api/operation", this.#request);
    if (isCurrent()) this.opened = opened;
  }

  async #loadRecords() {
    const from = Math.floor(this.place.record / PAGE) * PAGE;
    if (this.vendorRecords.has(this.place.record)) return;
    await this.#loadPage(from);
    if (this.place.record >= this.total) this.place.record = 0;
    this.onchange();
  }

  /** @param {number} from */
  async #loadPage(from) {
    const { account, operation, case: scenario } = this.place;
    const answer = await post("api/records", { account, operation, case: scenario || undefined, from, count: PAGE });
    for (const record of answer.records) this.vendorRecords.set(record.index, record);
    this.total = answer.total;
    this.recordsError = answer.error;
    return answer;
  }

  /** Return the position of the record with an ID, or null. @param {string} id @returns {Promise<number | null>} */
  async findRecord(id) {
    const find = () => [...this.vendorRecords.values()].find((record) => String(record.id) === id)?.index ?? null;
    for (let from = 0; find() === null && from < this.total; from += PAGE) {
      if (!this.vendorRecords.has(from)) await this.#loadPage(from);
    }
    return find();
  }

  // -- results ----------------------------------------------------------------------------------------------------

  /** Evaluate the record that is shown: one request in flight, and the newest state after it. */
  #visible = newest(async () => {
    const sequence = ++this.#sequence;
    const opening = this.#opening;
    try {
      const answer = await post("api/evaluate", { sequence, ...this.#request, from: this.place.record, count: 1 });
      if (opening === this.#opening) this.#take(answer);
    } catch (error) {
      this.#report(error);
      this.failure = this.problem; // what is shown is of an earlier state
    }
    this.onchange();
  });

  #evaluateVisible() {
    if (this.opened?.cases.length) this.#visible(undefined);
  }

  /** @param {Evaluation} answer */
  #take(answer) {
    this.problem = null;
    this.failure = answer.failed ? (answer.error ?? { code: "", message: "This can't be evaluated." }) : null;
    this.sequence = answer.sequence;
    if (answer.failed) return;
    this.faults = answer.faults;
    for (const record of answer.records) {
      this.evaluated.set(record.index, record);
      for (const row of this.opened?.rows ?? []) {
        if (!(row.field in record.errors || "" in record.errors)) this.good.set(`${record.index} ${row.field}`, valueAt(record.unified, row.steps));
      }
    }
  }

  #whole = newest(async () => {
    const sequence = ++this.#sequence;
    const isCurrent = this.#watch();
    const { edits } = this;
    const request = this.#request;
    try {
      const [whole, readers] = await Promise.all([
        post("api/evaluate", { sequence, ...request, from: 0, count: null }), post("api/readers", request),
        this.#loadRows(),
      ]);
      if (!isCurrent()) return;
      this.whole = whole;
      this.#wholeEdits = edits;
      this.readers = readers.readers;
    } catch (error) {
      this.#report(error);
    }
    this.onchange();
  });

  #whenIdle = debounce(PAUSE, () => {
    if (this.opened?.cases.length) this.#whole(undefined);
    else if (this.opened) this.#loadRows().then(this.onchange, (error) => this.#report(error));
  });

  /** Load why a field has its value in the record shown, or all fields of an item. @param {string} field @param {number} [item] */
  async explain(field, item = 0) {
    try {
      const why = await post("api/why", { ...this.#request, record: this.place.record, item, field });
      if (!field) this.why = { field: `#${item}`, levels: [], ...why };
      else if (field === this.place.field) this.why = why;
    } catch (error) {
      this.#report(error);
    }
    this.onchange();
  }

  // -- edits ------------------------------------------------------------------------------------------------------

  get #storageKey() {
    return `conn-studio ${this.place.account} ${this.place.level}`;
  }

  /** @param {string} digest @param {{ edits: Edit[], digest?: string }} [draft] */
  #restore(digest, draft) {
    let stored = null;
    try {
      stored = JSON.parse(sessionStorage.getItem(this.#storageKey) ?? "null");
    } catch {
      // What another version stored is of no use.
    }
    const edits = stored?.edits ?? draft?.edits ?? [];
    this.notice = !stored && edits.length ? "These edits are a draft that you saved earlier." : "";
    Object.assign(this, { edits, past: stored?.past ?? [], future: stored?.future ?? [],
      digest: (edits.length && (stored?.digest ?? draft?.digest)) || digest });
  }

  #store() {
    const { edits, past, future, digest } = this;
    try {
      sessionStorage.setItem(this.#storageKey, JSON.stringify({ edits, past, future, digest }));
    } catch {
      this.past = past.slice(past.length / 2); // the storage is full: forget the oldest steps
      if (past.length > 1) this.#store();
    }
  }

  /**
   * Change a field. Keys that follow each other in one field are one step of undo.
   *
   * @param {Row} row @param {"set" | "replace" | "remove"} action @param {string} [expression] @param {string} [shared]
   */
  change(row, action, expression, shared) {
    const isTyping = action !== "remove" && this.#typing.field === row.field && performance.now() - this.#typing.at < 1000;
    const saved = this.savedRows.get(row.field);
    const isNothing = action === "remove" ? saved?.state !== "own" && saved?.state !== "left out" : saved?.state === "own" &&
      saved.expression?.trimEnd() === expression;
    const { operation } = this.place;
    const key = keyOf({ operation, scope: row.scope, field: row.field });
    const others = this.edits.filter((edit) => keyOf(edit) !== key);
    /** @type {Edit} */
    const edit = { operation, field: row.field, scope: row.scope, action };
    if (expression !== undefined) edit.expression = expression;
    if (shared) edit.shared = shared;
    this.#replaceEdits(isNothing ? others : [...others, edit], isTyping);
    this.#typing = { field: row.field, at: performance.now() };
    const shown = this.rows.find((other) => other.field === row.field);
    if (shown && action === "remove") Object.assign(shown, { expression: null, state: "inherited" });
    else if (shown) Object.assign(shown, { expression, state: expression === "null" ? "left out" : "own", badge: this.place.level });
    this.onchange();
  }

  /** @param {Edit[]} edits @param {boolean} isTyping */
  #replaceEdits(edits, isTyping) {
    if (!this.edits.length) this.digest = this.opened?.file.digest ?? this.digest;
    if (!isTyping) this.past = [...this.past, this.edits].slice(-UNDO_STEPS);
    this.future = [];
    this.#setEdits(edits);
  }

  /** @param {Edit[]} edits */
  #setEdits(edits) {
    this.edits = edits;
    this.why = null;
    this.#store();
    this.#evaluateVisible();
    this.#whenIdle();
  }

  undo() {
    const edits = this.past.pop();
    if (!edits) return;
    this.future.push(this.edits);
    this.#step(edits);
  }

  redo() {
    const edits = this.future.pop();
    if (!edits) return;
    this.past.push(this.edits);
    this.#step(edits);
  }

  /** @param {Edit[]} edits */
  #step(edits) {
    const changed = edits.find((edit) => !this.edits.includes(edit)) ?? this.edits.find((edit) => !edits.includes(edit));
    this.#typing.field = "";
    this.#setEdits(edits);
    if (changed && changed.operation === this.place.operation) this.place.field = changed.field;
    this.#loadRows().then(this.onchange, (error) => this.#report(error));
  }

  /** Forget the edits, and the draft of them. */
  async discard() {
    const { account, level } = this.place;
    if (!this.refusal) await call("PUT", "api/draft", { account, level, edits: [], digest: this.digest }).catch((error) => this.#report(error));
    return this.clearEdits();
  }

  /** Forget the unsaved edits, and load what is saved. */
  clearEdits() {
    sessionStorage.removeItem(this.#storageKey);
    Object.assign(this, { edits: [], past: [], future: [], notice: "" });
    return this.open();
  }

  /** Take the file as it is now for what the edits are made to. @param {string} digest */
  rebase(digest) {
    this.digest = digest;
    this.#store();
  }

  // -- what the views ask -----------------------------------------------------------------------------------------

  /** @param {Row} row */
  isEdited(row) {
    return this.edits.some((edit) => keyOf(edit) === keyOf({ operation: this.place.operation, scope: row.scope, field: row.field }));
  }

  /** What is wrong with a field: in any record if all were evaluated, or else in the one shown. @param {Row} row @returns {Fault | null} */
  faultOf(row) {
    const { opened, whole } = this;
    if (!opened?.cases.length) return opened?.faults[row.field] ?? null;
    if (whole && !whole.failed && this.#wholeEdits === this.edits) return whole.faults[row.field] ?? null;
    const fault = this.faults[row.field];
    return fault ? { ...fault, records: 0 } : null;
  }

  /** @param {Row} row */
  violationsOf(row) {
    return (this.result?.violations ?? []).filter((violation) => violation.path === row.field || violation.path.startsWith(`${row.field}.`) ||
      violation.path.startsWith(`${row.field}[`));
  }

  /** Whether the record shown has no value for a field because of an error. @param {Row} row */
  isBroken(row) {
    const errors = this.result?.errors ?? {};
    return this.failure !== null || row.field in errors || "" in errors;
  }

  /** The value of a field in the record shown. @param {Row} row */
  valueOf(row) {
    const isBroken = this.isBroken(row);
    const good = this.good.get(`${this.place.record} ${row.field}`);
    const saved = valueAt(this.result?.saved, row.steps);
    const value = isBroken ? (good === undefined ? saved : good) : valueAt(this.result?.unified, row.steps);
    return { value, saved, base: valueAt(this.result?.base, row.steps), isBroken, isGood: good !== undefined,
      isChanged: !isBroken && this.result !== undefined && !isSame(value, saved) };
  }
}

/** @param {{ operation: string, scope: string, field: string }} edit */
function keyOf(edit) {
  const place = edit.scope === "operation" ? edit.operation : edit.operation.slice(0, edit.operation.lastIndexOf("."));
  return `${place} ${edit.field}`;
}
