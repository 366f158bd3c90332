// @ts-check
/**
 * Values as the page shows them, and paths through them.
 *
 * The server writes a number that JavaScript would round as `{"$number": "…"}`, a long text as `{"$text": …, "length"}`
 * and an object of the vendor that looks like one of these as `{"$object": …}`.
 *
 * @typedef {string | number} Step
 */

/** @param {Value} value @returns {"object" | "list" | "text" | "number" | "boolean" | "null" | "missing"} */
export function typeOf(value) {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "list";
  if (typeof value === "object") return "$number" in value ? "number" : "$text" in value ? "text" : "object";
  return typeof value === "string" ? "text" : typeof value === "number" ? "number" : "boolean";
}

/** Say a type of a shape in the words of the page. @param {string} type */
export const nameType = (type) => type.replace(/\bstring\b/g, "text").replace(/\barray\b/g, "list");

/** Return the parts of a list or an object. @param {Value} value @returns {[Step, Value][]} */
export function partsOf(value) {
  const type = typeOf(value);
  if (type === "list") return value.map((/** @type {Value} */ item, /** @type {number} */ index) => [index, item]);
  if (type === "object") return Object.entries("$object" in value ? value.$object : value);
  return [];
}

/** @param {Value} value */
export const hasParts = (value) => typeOf(value) === "list" || typeOf(value) === "object";

/** Return what is at a path, or undefined. @param {Value} value @param {Step[]} steps @returns {Value} */
export function valueAt(value, steps) {
  for (const step of steps) {
    if (!hasParts(value)) return undefined;
    const inner = typeOf(value) === "object" && "$object" in value ? value.$object : value;
    if (!Object.hasOwn(inner, step)) return undefined;
    value = inner[step];
  }
  return value;
}

/** Return a value as one line of text. @param {Value} value @param {number} [length] @returns {string} */
export function describe(value, length = 300) {
  switch (typeOf(value)) {
    case "missing": return "no value";
    case "number": return typeof value === "object" ? value.$number : String(value);
    case "text": return typeof value === "string" ? cut(quote(value), length)
      : `${cut(quote(value.$text), length)} (${value.length.toLocaleString("en")} characters)`;
    case "list": return value.length === 0 ? "empty list" : `${value.length} ${value.length === 1 ? "item" : "items"}`;
    case "object": {
      const size = partsOf(value).length;
      return size === 0 ? "empty object" : `${size} ${size === 1 ? "field" : "fields"}`;
    }
    default: return String(value);
  }
}

/** A text as it is, with what would not be seen written out. @param {string} text */
function quote(text) {
  if (text === "") return '""';
  const shown = text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g, escapeCharacter);
  return shown.trim() === shown ? shown : `"${shown}"`;
}

/** @param {string} character */
function escapeCharacter(character) {
  const known = { "\n": "⏎", "\t": "⇥" }[character];
  return known ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** @param {string} text @param {number} length */
const cut = (text, length) => (text.length > length ? `${[...text.slice(0, length)].join("")}…` : text);

/** @param {Value} a @param {Value} b @returns {boolean} */
export function isSame(a, b) {
  if (a === b) return true;
  if (typeOf(a) !== typeOf(b)) return false;
  if (!hasParts(a)) return JSON.stringify(a) === JSON.stringify(b);
  const parts = partsOf(a);
  return parts.length === partsOf(b).length && parts.every(([step, part]) => isSame(part, valueAt(b, [step])));
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Return a path in JSONata, with names in backticks where needed. @param {Step[]} steps */
export function writePath(steps) {
  let text = "";
  for (const step of steps) {
    if (typeof step === "number") text += `[${step}]`;
    else text += `${text ? "." : ""}${NAME.test(step) && !["and", "or", "in", "true", "false", "null"].includes(step) ? step : `\`${step}\``}`;
  }
  return text;
}

/** Return a path as the server names fields and shapes: without positions, unusual names quoted. @param {Step[]} steps */
export function nameOfPath(steps) {
  return steps.filter((step) => typeof step === "string").map((step) => (NAME.test(step) ? step : JSON.stringify(step))).join(".");
}
