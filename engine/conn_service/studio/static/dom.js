// @ts-check
/**
 * Elements from text and attributes only. Nothing here reads HTML, so a vendor's value can't become markup.
 *
 * `h` describes an element and `render` makes the page like the description. It reuses elements by key and by tag, so
 * that the focus, the selection and the scroll position stay where they are.
 */

/** @type {WeakMap<Node, { props: Record<string, any>, key: string | null }>} */
const made = new WeakMap();

/**
 * Describe an element. `on…` props are listeners, `key` identifies it among its siblings, `depth` is a CSS variable,
 * `value`, `checked` and `disabled` are properties. A prop that is null or false is left out.
 *
 * @param {string} tag @param {Record<string, any> | null} [props] @param {Children[]} children
 * @returns {Description}
 */
export function h(tag, props, ...children) {
  const { key = null, ...rest } = props ?? {};
  /** @type {Child[]} */
  const flat = [];
  flatten(children, flat);
  return { tag, key: key === null ? null : String(key), props: rest, children: flat };
}

/** @param {Children[]} children @param {Child[]} flat */
function flatten(children, flat) {
  for (const child of children) {
    if (Array.isArray(child)) flatten(child, flat);
    else if (typeof child === "number") flat.push(String(child));
    else if (child || child === "") flat.push(child);
  }
}

/** Make the children of an element like the descriptions. @param {Element} parent @param {Children[]} children */
export function render(parent, ...children) {
  /** @type {Child[]} */
  const wanted = [];
  flatten(children, wanted);
  /** @type {Map<string, ChildNode[]>} */
  const free = new Map();
  for (const node of parent.childNodes) {
    const name = nameOf(node);
    const nodes = free.get(name);
    if (nodes) nodes.push(node);
    else free.set(name, [node]);
  }
  const nodes = wanted.map((child) => {
    if (child instanceof Node) return child;
    const reused = free.get(typeof child === "string" ? "#text" : `${child.tag} ${child.key ?? ""}`)?.shift();
    if (typeof child === "string") return setText(reused ?? document.createTextNode(""), child);
    return update(/** @type {HTMLElement} */ (reused ?? document.createElement(child.tag)), child);
  });
  const kept = new Set(nodes);
  for (const node of [...parent.childNodes]) if (!kept.has(node)) node.remove();
  /** @type {ChildNode | null} */
  let next = parent.firstChild;
  for (const node of nodes) {
    if (node === next) next = next.nextSibling;
    else parent.insertBefore(node, next);
  }
}

/** @param {Node} node */
function nameOf(node) {
  if (node.nodeType === Node.TEXT_NODE) return "#text";
  const known = made.get(node);
  return known ? `${/** @type {Element} */ (node).localName} ${known.key ?? ""}` : "#foreign";
}

/** @param {Node} node @param {string} text */
function setText(node, text) {
  if (node.nodeValue !== text) node.nodeValue = text;
  return node;
}

/** @param {HTMLElement} element @param {Description} description */
function update(element, description) {
  const before = made.get(element)?.props ?? {};
  const { props } = description;
  for (const name of Object.keys(before)) if (!(name in props)) setProp(element, name, null);
  for (const [name, value] of Object.entries(props)) if (before[name] !== value && name !== "value") setProp(element, name, value);
  made.set(element, { props, key: description.key });
  render(element, description.children);
  const isTyped = before.value === props.value && document.activeElement === element;
  if ("value" in props && !isTyped) setProp(element, "value", props.value); // after the options of a select
  return element;
}

/** @param {HTMLElement} element @param {string} name @param {any} value */
function setProp(element, name, value) {
  if (name.startsWith("on")) {
    // @ts-ignore: the names of listeners are properties of elements
    element[name.toLowerCase()] = value || null;
  } else if (name === "value" || name === "checked" || name === "disabled") {
    // @ts-ignore: inputs and buttons have them
    if (element[name] !== value) element[name] = value ?? (name === "value" ? "" : false);
  } else if (name === "depth") {
    element.style.setProperty("--depth", String(value ?? 0));
  } else if (value === null || value === undefined || value === false) {
    element.removeAttribute(name);
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Return the element of an ID. @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element ${id}`);
  return element;
}

/**
 * One stop of the Tab key for a group: arrow keys, Home and End move among the elements that match, and the one that
 * was focused last is the stop.
 *
 * @param {HTMLElement} group @param {string} selector
 * @param {(element: HTMLElement, key: string) => boolean} [onKey] Handles a key of its own and returns true.
 * @returns {() => void} Call it after the elements changed.
 */
export function rove(group, selector, onKey) {
  const find = () => /** @type {HTMLElement[]} */ ([...group.querySelectorAll(selector)]);
  /** @type {HTMLElement | null} */
  let stop = null;
  const mark = () => {
    const elements = find();
    if (!stop || !elements.includes(stop)) stop = elements[0] ?? null;
    for (const element of elements) element.tabIndex = element === stop ? 0 : -1;
  };
  group.addEventListener("focusin", (event) => {
    const current = /** @type {HTMLElement} */ (event.target);
    if (!current.matches(selector)) return;
    stop = current;
    mark();
  });
  group.addEventListener("keydown", (event) => {
    const current = /** @type {HTMLElement} */ (event.target);
    if (!current.matches(selector) || event.altKey || event.ctrlKey || event.metaKey) return;
    const elements = find();
    const index = elements.indexOf(current);
    const places = new Map([["ArrowDown", index + 1], ["ArrowUp", index - 1], ["Home", 0], ["End", elements.length - 1]]);
    const place = places.get(event.key);
    if (place !== undefined) elements[Math.min(Math.max(place, 0), elements.length - 1)]?.focus();
    else if (!onKey?.(current, event.key)) return;
    event.preventDefault();
  });
  return mark;
}

/** Return a number with its noun. @param {number} number @param {string} noun @param {string} [plural] */
export function count(number, noun, plural = `${noun}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? noun : plural}`;
}
