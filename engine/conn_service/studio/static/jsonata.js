// @ts-check
/**
 * The tokens of JSONata, line by line, as the engine's lexer (conn_engine/expressions/tokens.py) finds them. A test
 * compares the two. What that lexer refuses is colored up to the end of the text.
 *
 * @typedef {"blank" | "name" | "quoted" | "variable" | "string" | "number" | "regex" | "operator" | "invalid"} Kind
 * @typedef {{ inside: string, depth: number, operand: boolean, open: string[] }} State
 *   `inside` is what a line ended in: a quote, "/" or "*" (a comment); `depth` counts the brackets of a regular
 *   expression; `operand` is true if an operand must follow, so that "/" starts a regular expression.
 */

const STOP = " \\t\\n\\r\\v.\\[\\]{}(),@#;:?+\\-*/%|=<>^&!~";
const TOKEN = new RegExp(
  "(?<blank>[ \\t\\n\\r\\v]+)" +
    "|(?<number>(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[Ee][-+]?[0-9]+)?)" +
    "|(?<operator>\\.\\.|:=|!=|>=|<=|\\*\\*|~>|\\?:|\\?\\?|[.\\[\\]{}(),@#;:?+\\-*/%|=<>^&!~])" +
    `|(?<variable>\\$[^${STOP}]*)` +
    `|(?<name>[^${STOP}"'\`][^${STOP}]*)`,
  "y",
);
const OPENED = new Map([["(", ")"], ["[", "]"], ["{", "}"]]);
const WORDS = new Set(["and", "or", "in"]);
const KEYWORDS = new Set(["function", "λ", "true", "false", "null"]);

/** @returns {State} */
export function startState() {
  return { inside: "", depth: 0, operand: true, open: [] };
}

/** @param {State} state @returns {State} */
export function copyState(state) {
  return { ...state, open: [...state.open] };
}

/**
 * Return the kind of the token, or of the part of it on this line, that starts at a position, and where it ends.
 *
 * @param {string} line @param {number} position @param {State} state
 * @returns {{ kind: Kind, end: number }}
 */
export function readToken(line, position, state) {
  if (state.inside) return readInside(line, position, state);
  const character = line[position];
  if (character === "/" && line[position + 1] === "*") {
    state.inside = "*";
    return readInside(line, position + 2, state);
  }
  if (character === '"' || character === "'" || character === "`" || (character === "/" && state.operand)) {
    state.inside = character;
    state.operand = false;
    return readInside(line, position + 1, state);
  }
  TOKEN.lastIndex = position;
  const match = TOKEN.exec(line);
  if (!match?.groups) return { kind: "invalid", end: position + 1 };
  let kind = /** @type {Kind} */ (Object.keys(match.groups).find((name) => match.groups?.[name] !== undefined));
  if (kind === "name" && WORDS.has(match[0]) && !state.operand) kind = "operator";
  if (kind === "operator") readOperator(match[0], state);
  else if (kind !== "blank") state.operand = false;
  return { kind, end: position + match[0].length };
}

/** @param {string} line @param {number} position @param {State} state @returns {{ kind: Kind, end: number }} */
function readInside(line, position, state) {
  const inside = state.inside;
  const kind = inside === "*" ? "blank" : inside === "/" ? "regex" : inside === "`" ? "quoted" : "string";
  while (position < line.length) {
    const character = line.charAt(position);
    if (inside === "*" ? line.startsWith("*/", position) : character === inside && state.depth === 0) {
      state.inside = "";
      position += inside === "*" ? 2 : 1;
      while (inside === "/" && "im".includes(line[position] ?? "-")) position += 1;
      return { kind, end: position };
    }
    if (character === "\\" && inside !== "*" && inside !== "`") position += 1;
    else if (inside === "/") state.depth += Number("([{".includes(character)) - Number(")]}".includes(character));
    position += 1;
  }
  return { kind, end: line.length };
}

/** @param {string} text @param {State} state */
function readOperator(text, state) {
  const closer = OPENED.get(text);
  const isOperand = state.operand && (text === "*" || text === "**" || text === "%"); // a wildcard or the parent
  state.operand = !isOperand;
  if (closer) {
    state.open.push(closer);
  } else if (text === ")" || text === "]" || text === "}") {
    if (state.open.at(-1) === text) state.open.pop();
    state.operand = false;
  } else if (text === "|") {
    readBar(state); // of `|place|update|`: the first opens it, the second divides it, the third closes it
  }
}

/** @param {State} state */
function readBar(state) {
  const last = state.open.at(-1);
  if (last === "||") state.open[state.open.length - 1] = "|";
  else if (last === "|") {
    state.open.pop();
    state.operand = false;
  } else state.open.push("||");
}

/** @type {Record<Kind, string | null>} */
const STYLES = {
  blank: null, name: "propertyName", quoted: "propertyName", variable: "variableName", string: "string",
  number: "number", regex: "regexp", operator: "operator", invalid: "invalid",
};

/** The parser that `StreamLanguage.define` takes. */
export const jsonata = {
  name: "jsonata",
  startState,
  copyState,
  /** @param {{ string: string, pos: number }} stream @param {State} state @returns {string | null} */
  token(stream, state) {
    const start = stream.pos;
    const { kind, end } = readToken(stream.string, start, state);
    stream.pos = end;
    if (kind === "blank") return stream.string.slice(start, end).trim() ? "comment" : null;
    if (kind === "variable" && /^\s*\(/.test(stream.string.slice(end))) return "variableName.special";
    if (kind === "name" && KEYWORDS.has(stream.string.slice(start, end))) return "keyword";
    return STYLES[kind];
  },
  languageData: { closeBrackets: { brackets: ["(", "[", "{", '"', "'", "`"] }, commentTokens: { block: { open: "/*", close: "*/" } } },
};
