// @ts-check
/**
 * What can follow the caret in an expression: names of the recorded shape, of the model, of the account's context, and
 * functions. The expression is read up to the caret by the tokens that color it.
 *
 * Of a caret, `text` is the part of a name before the caret, from `from`. `steps` is the path before it: empty for a first name,
 * null where no name can be (in a text or a comment).
 */
import { describe, nameType } from "./values.js";
import { readToken, startState } from "./jsonata.js";

/** @typedef {{ kind: import("./jsonata.js").Kind, text: string, from: number }} Token */

/** @param {string} text @returns {{ tokens: Token[], isInside: boolean }} */
function lex(text) {
  const state = startState();
  /** @type {Token[]} */
  const tokens = [];
  let start = 0;
  let isContinued = false;
  for (const line of text.split("\n")) {
    for (let position = 0; position < line.length; ) {
      const { kind, end } = readToken(line, position, state);
      const part = line.slice(position, end);
      const last = tokens.at(-1);
      if (isContinued && last) last.text += part;
      else tokens.push({ kind, text: part, from: start + position });
      isContinued = state.inside !== "";
      position = end;
    }
    start += line.length + 1;
  }
  return { tokens: tokens.filter((token) => token.kind !== "blank"), isInside: isContinued };
}

/** Return what is before the caret. @param {string} text @param {number} position @returns {Caret} */
export function readCaret(text, position) {
  const { tokens, isInside } = lex(text.slice(0, position));
  const last = tokens.at(-1);
  const isQuotedName = isInside && last?.kind === "quoted";
  /** @type {{ path: string[], base: string[], call: string, argument: number }[]} */
  const open = [];
  let scope = { path: /** @type {string[]} */ ([]), base: /** @type {string[]} */ ([]), call: "", argument: 0 };
  let isStep = false;
  tokens.forEach((token, index) => {
    const isLast = index === tokens.length - 1 && token.from + token.text.length === position;
    const name = token.kind === "quoted" ? token.text.replaceAll("`", "") : token.text;
    if (token.kind === "name" || token.kind === "quoted" || token.kind === "variable") {
      if (isLast && (token.kind !== "quoted" || isQuotedName)) return;
      scope.path = isStep ? [...scope.path, name] : token.kind === "variable" && name === "$" ? [...scope.base] : [...scope.base, name];
      if (!isStep && (token.kind === "variable" || ROOTS.has(name))) scope.path = name === "$" ? scope.path : [name];
      isStep = false;
    } else if (token.kind === "operator" && "([{".includes(token.text)) {
      const before = tokens[index - 1];
      const isCall = token.text === "(" && before?.kind === "variable";
      const isRelative = token.text === "[" || isStep;
      open.push(scope);
      scope = { path: [], base: isRelative && !isCall && scope.path.length ? scope.path : scope.base, call: isCall ? before.text : "", argument: 0 };
      isStep = false;
    } else if (token.kind === "operator" && ")]}".includes(token.text)) {
      scope = open.pop() ?? { path: [], base: [], call: "", argument: 0 };
      isStep = false;
    } else {
      isStep = token.text === ".";
      if (token.text === ",") scope.argument += 1;
      if (!isStep) scope.path = [];
    }
  });
  const isName = last !== undefined && (last.kind === "name" || last.kind === "variable" || isQuotedName) && last.from + last.text.length === position;
  const call = scope.call ? { name: scope.call, argument: scope.argument } : null;
  const steps = isInside && !isQuotedName ? null : isStep ? scope.path : scope.base;
  return { text: isName ? last.text : "", from: isName ? last.from : position, steps, call };
}

const ROOTS = new Set(["response", "context", "query", "request", "page", "record"]);

/** Return the completions at a caret. @param {Caret} caret @param {Operation} operation @returns {Completion[]} */
export function findCompletions(caret, operation) {
  if (caret.steps === null) return [];
  const [first, ...rest] = caret.steps;
  return first === undefined || caret.text.startsWith("$") ? firstNames(operation) : stepsBelow(first, rest, operation);
}

/** @param {string} first @param {string[]} rest @param {Operation} operation @returns {Completion[]} */
function stepsBelow(first, rest, operation) {
  if (first === "response" || first === "$") return shapeBelow(rest, operation);
  if (first === "context") {
    let value = operation.names.context;
    for (const step of rest) value = value?.[step];
    return Object.entries(value && typeof value === "object" ? value : {}).map(([name, inner]) => complete(name, "constant", describe(inner, 40)));
  }
  if (first === "$base") {
    const rows = operation.rows.filter((row) => row.steps.length === rest.length + 1 && rest.every((step, index) => row.steps[index] === step));
    return rows.map((row) => complete(String(row.steps.at(-1)), "property", row.type ?? "", row.description));
  }
  return ROOTS.has(first) || first.startsWith("$") ? [] : shapeBelow([first, ...rest], operation);
}

/** @param {string[]} steps @param {Operation} operation */
function shapeBelow(steps, operation) {
  const { fields, records } = operation.shape;
  return fields
    .filter((field) => field.steps.length === steps.length + 1 && steps.every((step, index) => field.steps[index] === step))
    .map((field) => {
      const example = field.example === undefined ? "" : ` · ${describe(field.example, 40)}`;
      const filled = field.filled < records ? ` In ${field.filled} of ${records} records.` : "";
      return complete(field.steps.at(-1) ?? "", "property", `${nameType(field.type)}${example}`, filled.trim());
    });
}

/** @param {Operation} operation @returns {Completion[]} */
function firstNames(operation) {
  const { scope, functions } = operation.names;
  return [
    ...scope.map((name) => ({ ...complete(name, "variable", ""), boost: name === "response" ? 2 : 1 })),
    ...functions.map((entry) => complete(entry.name.startsWith("$") ? entry.name : `$${entry.name}`, "function", (entry.signature ?? "").replace(/^[^(]*/, ""),
      entry.description)),
  ];
}

/** @param {string} name @param {string} type @param {string} detail @param {string} [info] @returns {Completion} */
function complete(name, type, detail, info) {
  const isPlain = /^\$?[A-Za-z_][A-Za-z0-9_]*$/.test(name);
  return { label: name, type, detail, ...(info ? { info } : {}), ...(isPlain ? {} : { apply: `\`${name}\`` }) };
}
