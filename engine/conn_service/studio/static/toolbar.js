// @ts-check
/** Which account, operation, recording and level the page shows, and what can be done with the edits. */
import { get, newest } from "./api.js";
import { byId, count, h, render } from "./dom.js";

export class Toolbar {
  /** @type {Account[]} */ accounts = [];
  accountTotal = 0;
  isOpen = false;
  active = 0;
  search = "";
  /** The text that `accounts` were found for. */ found = "";
  onreview = () => {};
  onhelp = () => {};

  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.bar = byId("toolbar");
  }

  #find = newest(async (/** @type {string} */ search) => {
    const answer = await get("api/accounts", { search, limit: 50 });
    Object.assign(this, { accounts: answer.accounts, accountTotal: answer.total, active: 0, found: search });
    this.session.onchange();
  });

  draw() {
    const { session } = this;
    const { place, opened, operations, account } = session;
    const edits = session.edits.length;
    render(this.bar,
      opened && h("h1", { class: "hidden-label" }, `${place.operation} of ${account.label || place.account}`),
      h("details", { class: "pickers", open: !this.isNarrow || undefined },
        h("summary", null, place.account ? `${place.account} · ${place.operation || "choose an operation"}` : "Choose an account"),
        h("div", { class: "fields" },
          this.#accountPicker(),
          place.account && h("label", { class: "pick wide" }, h("span", null, "Operation"), this.#select("operation", [
            ...(place.operation ? [] : [h("option", { value: "" }, "Choose…")]),
            ...operations.map((one) => h("option", { value: one.name, key: one.name }, `${one.name}${one.recordings ? "" : " — no recording"}`))],
              place.operation)),
          opened && opened.cases.length > 0 && h("label", { class: "pick" }, h("span", null, "Recording"), this.#select("case", opened.cases.map((one) =>
            h("option", { value: one.scenario, key: one.scenario }, `${one.scenario} · ${one.error ? one.error.kind : count(one.records, "record")}`)),
              opened.case ?? "")),
          opened && h("label", { class: "pick" }, h("span", null, "Edit the file of"), this.#select("level", [
            h("option", { value: "account" }, `account ${place.account}`),
            h("option", { value: "environment", disabled: !account.environment }, `environment ${account.environment ?? "(none)"}`)], place.level)))),
      h("div", { class: "tools" },
        h("button", { class: "quiet icon", "aria-label": "Undo", title: "Undo (Ctrl+Z)", disabled: session.past.length === 0, onclick: () => session.undo() },
          "↶"),
        h("button", { class: "quiet icon", "aria-label": "Redo", title: "Redo (Ctrl+Shift+Z)", disabled: session.future.length === 0,
          onclick: () => session.redo() }, "↷"),
        h("button", { class: "quiet icon", "aria-label": "Keyboard shortcuts", title: "Keyboard shortcuts (?)", onclick: () => this.onhelp() }, "?"),
        h("button", { class: edits ? "primary" : "", disabled: edits === 0, title: "Review and save (Ctrl+S)", onclick: () => this.onreview() },
          "Review & save…", edits > 0 && h("span", { class: "number" }, String(edits)))));
  }

  get isNarrow() {
    return matchMedia("(max-width: 819px)").matches;
  }

  /** @param {"operation" | "case" | "level"} name @param {Children[]} options @param {string} value */
  #select(name, options, value) {
    return h("select", { id: `pick-${name}`, value,
      onchange: (/** @type {Event} */ event) => this.session.go({ [name]: /** @type {HTMLSelectElement} */ (event.target).value }) }, options);
  }

  /** A field that searches the accounts as one types: a workspace may have thousands. */
  #accountPicker() {
    const { session } = this;
    const close = () => {
      this.isOpen = false;
      session.onchange();
    };
    const choose = (/** @type {Account | undefined} */ account) => {
      this.isOpen = false;
      if (account && !account.error) session.go({ account: account.name, operation: this.#sameOperation(account) });
    };
    return h("div", { class: "pick combobox" }, h("label", { for: "account" }, "Account"),
      h("input", {
        id: "account", role: "combobox", autocomplete: "off", spellcheck: "false", "aria-expanded": String(this.isOpen), "aria-controls": "accounts",
        "aria-activedescendant": this.isOpen && this.accounts[this.active] ? `account-${this.active}` : null,
          value: this.isOpen ? this.search : session.place.account, placeholder: "Search accounts",
        onfocus: (/** @type {Event} */ event) => {
          if (this.isOpen) return;
          this.isOpen = true;
          this.search = session.place.account;
          this.#find("");
          session.onchange();
          requestAnimationFrame(() => /** @type {HTMLInputElement} */ (event.target).select());
        },
        oninput: (/** @type {Event} */ event) => {
          this.search = /** @type {HTMLInputElement} */ (event.target).value;
          this.isOpen = true;
          this.#find(this.search.trim());
        }, onblur: close,
        onkeydown: (/** @type {KeyboardEvent} */ event) => {
          const moves = new Map([["ArrowDown", 1], ["ArrowUp", -1]]);
          const move = moves.get(event.key);
          if (move) {
            this.isOpen = true;
            this.active = Math.min(Math.max(this.active + move, 0), this.accounts.length - 1);
          } else if (event.key === "Enter") choose(this.#chosen());
          else if (event.key === "Escape") this.isOpen = false;
          else return;
          event.preventDefault();
          session.onchange();
          byId("accounts").children[this.active]?.scrollIntoView({ block: "nearest" });
        },
      }),
      h("ul", { id: "accounts", role: "listbox", "aria-label": "Accounts", hidden: !this.isOpen }, this.accounts.map((account, index) =>
        h("li", { key: account.name, id: `account-${index}`, role: "option", "aria-selected": String(index === this.active),
          "aria-disabled": account.error ? "true" : null, onmousedown: (/** @type {Event} */ event) => { event.preventDefault(); choose(account); } },
          h("span", { class: "name" }, account.name), h("span", { class: "dim" },
            account.error ? "can’t be read" : [account.label, account.connector].filter(Boolean).join(" · ")))),
      this.accounts.length === 0 && h("li", { role: "option", "aria-selected": "false", "aria-disabled": "true", class: "dim" }, "No account matches."),
      this.accountTotal > this.accounts.length && h("li", { role: "option", "aria-selected": "false", "aria-disabled": "true", class: "dim" },
        `${count(this.accountTotal - this.accounts.length, "more account")}: type to search`)));
  }

  /** The account that Enter chooses: what was found for an earlier text does not count. */
  #chosen() {
    const text = this.search.trim();
    return this.found === text || text === this.session.place.account ? this.accounts[this.active] : this.accounts.find((account) => account.name === text);
  }

  /** An account of the same connector has the same operations. @param {Account} account */
  #sameOperation(account) {
    return account.connector === this.session.account.connector ? this.session.place.operation : "";
  }
}
