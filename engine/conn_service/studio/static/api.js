// @ts-check
/** How the server's answers are requested. Their types are in browser/studio.d.ts. */
/** The path below which the studio is served. */
export const ROOT = new URL("..", import.meta.url).pathname;

/** A request that failed. `report` is what the server said about it. */
export class ApiError extends Error {
  /** @param {number} status @param {Problem} report */
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
    throw new ApiError(0, { code: "offline", message: "The server of this page does not respond.",
      fix: ROOT === "/" ? "Start it again: conn studio" : "Try again in a moment." });
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
