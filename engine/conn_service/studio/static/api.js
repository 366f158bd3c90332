// @ts-check
/**
 * The server's answers and how they are requested.
 *
 * @typedef {any} Value A value of JSON; see values.js for numbers and texts that JSON can't carry.
 * @typedef {{ message: string, fix?: string, code?: string, offset?: number | null, end?: number | null, token?: string,
 *   text?: string, records?: number, ids?: (string | number)[] }} Fault
 * @typedef {{ file: string, line: number }} Place
 * @typedef {{ code: string, severity: string, message: string, fix?: string, path?: string,
 *   span?: { file: string, line: number, column: number } | null }} Finding
 * @typedef {{ operation: string, field: string, scope: "resource" | "operation", action: "set" | "replace" | "remove",
 *   expression?: string, shared?: string }} Edit
 * @typedef {{ level: string, place: Place, expression: string | object | null, whole: boolean, uses_base: boolean,
 *   overridden: boolean }} Level
 * @typedef {{ field: string, steps: (string | number)[], depth: number, type?: string, format?: string, title?: string,
 *   description?: string, required?: boolean, enum?: Value[], kind: "field" | "expression" | "group" | "unmapped" | "covered"
 *   | "replaced",
 *   by?: string, badge: string | null, scope: "resource" | "operation", expression: string | null,
 *   state: "own" | "inherited" | "left out" | "none", replace?: boolean, editable: boolean, reason?: string,
 *   hint?: string, levels: Level[] }} Row
 * @typedef {{ scenario: string, file: string, records: number, recorded_at?: string, own?: boolean,
 *   error: { kind: string, message: string } | null }} Case
 * @typedef {{ path: string, steps: string[], type: string, filled: number, example?: Value }} ShapeField
 * @typedef {{ account: string, operation: string, connector: string, environment: string, level: string,
 *   record: string | null, each: string, file: { path: string, digest: string, writable: boolean, shared_by: number },
 *   case: string | null, cases: Case[], rows: Row[], others: Row[],
 *   steps: { key: string, level: string, place: Place, text: string }[],
 *   shape: { records: number, complete: boolean, fields: ShapeField[] },
 *   names: { context: Record<string, Value>, scope: string[],
 *     functions: { name: string, signature?: string, description?: string }[] },
 *   faults: Record<string, Fault> }} Operation
 * @typedef {{ index: number, id: string | number, page?: number, vendor: Value }} VendorRecord
 * @typedef {{ path: string, message: string, fix?: string, records?: number, id?: string | number }} Violation
 * @typedef {{ index: number, id: string | number, unified?: Value, saved?: Value, base?: Value, list?: boolean,
 *   returned: "same" | "changed" | "dropped" | "unknown", after?: Value, changed: string[], differs: string[],
 *   errors: Record<string, string>, violations: Violation[] }} Evaluated
 * @typedef {{ sequence: number, total: number, from: number, records: Evaluated[], faults: Record<string, Fault>,
 *   summary: Record<string, number>, violations: Violation[], failed: boolean, error: Report | null }} Evaluation
 * @typedef {{ level: string, place: Place | null, expression: string | null, effective: boolean, defined: boolean,
 *   value?: Value, error?: string | null, reads: { path: string, defined: boolean, value?: Value }[],
 *   decisions: string[] }} WhyLevel
 * @typedef {{ field: string, defined: boolean, value?: Value, error?: string | null, changed_later?: boolean,
 *   levels: WhyLevel[] }} Why
 * @typedef {{ code: string, message: string, fix?: string, paths?: string[], findings?: Finding[],
 *   conflict?: Conflict, breaking?: string[] }} Report
 * @typedef {{ file: string, digest: string, opened: string | null, yours: string | null, theirs: string }} Conflict
 * @typedef {{ kind: " " | "-" | "+" | "@", old?: number | null, new?: number | null, text: string }} DiffLine
 * @typedef {{ field: string, kind: "missing" | "type_changed" | "changed" | "added", records: number, of: number,
 *   examples: { id: string | number, case?: string, before?: Value, after?: Value }[] }} FieldEffect
 * @typedef {{ operation: string, recordings: number, records: number, unknown?: boolean, reason?: string | null,
 *   missing_records?: number, new_records?: number, requests?: number, fields: FieldEffect[],
 *   failures: Finding[] }} Effect
 * @typedef {{ changed: boolean, file: string, digest: string, diff: DiffLine[], text: string, findings: Finding[],
 *   can_save: boolean, can_accept?: boolean, reason?: string | null, effects: Effect[],
 *   others: { unchanged: number, affected: string[], sentence: string } }} Plan
 * @typedef {{ name: string, label?: string, connector?: string, environment?: string, error?: string }} Account
 * @typedef {{ name: string, model?: string, resource?: string, method?: string, recordings: number,
 *   enabled?: boolean }} OperationName
 */

/** The path below which the studio is served. */
export const ROOT = new URL("..", import.meta.url).pathname;

/** A request that failed. `report` is what the server said about it. */
export class ApiError extends Error {
  /** @param {number} status @param {Report} report */
  constructor(status, report) {
    super(report.message);
    this.status = status;
    this.report = report;
  }
}

/**
 * Send a request and return its answer. Raises ApiError.
 *
 * @param {string} method @param {string} path Below the root. @param {object | null} [body] @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function call(method, path, body = null, signal) {
  /** @type {RequestInit} */
  const init = { method, credentials: "same-origin", signal: signal ?? null };
  if (method !== "GET") {
    init.headers = { "Content-Type": "application/json" };
    init.body = JSON.stringify(body ?? {});
  }
  let response;
  try {
    response = await fetch(ROOT + path, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, { code: "offline", message: "The server of this page does not respond.", fix: ROOT === "/" ? "Start it again: conn studio" : "Try again in a moment." });
  }
  const data = await response.json().catch(() => null);
  if (response.ok) return data;
  throw new ApiError(response.status, data ?? { code: "unknown", message: `The server answered ${response.status}.` });
}

/** @param {string} path @param {object} body */
export const post = (path, body) => call("POST", path, body);

/** @param {string} path @param {Record<string, string | number>} [query] */
export function get(path, query = {}) {
  const text = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)])).toString();
  return call("GET", text ? `${path}?${text}` : path);
}

/**
 * Return a function that runs a task with the newest argument: one at a time, and what comes meanwhile only once more.
 *
 * @template T @param {(argument: T) => Promise<void>} task @returns {(argument: T) => void}
 */
export function newest(task) {
  let isRunning = false;
  /** @type {{ argument: T } | null} */
  let waiting = null;
  const start = async (/** @type {T} */ argument) => {
    isRunning = true;
    await task(argument).finally(() => {
      isRunning = false;
      const next = waiting;
      waiting = null;
      if (next) start(next.argument);
    });
  };
  return (argument) => {
    if (isRunning) waiting = { argument };
    else start(argument);
  };
}

/** Return a function that runs a task when it was not called for some time. @param {number} wait @param {() => void} task */
export function debounce(wait, task) {
  let timer = 0;
  const run = () => {
    clearTimeout(timer);
    run.isWaiting = true;
    timer = setTimeout(() => {
      run.isWaiting = false;
      task();
    }, wait);
  };
  run.isWaiting = false;
  run.cancel = () => {
    clearTimeout(timer);
    run.isWaiting = false;
  };
  return run;
}
