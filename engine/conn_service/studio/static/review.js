// @ts-check
/** Review and save: the lines that change, what they change for the recordings, and whom else. */
import { ApiError, call, get, post } from "./api.js";
import { byId, count, h, render } from "./dom.js";
import { describe } from "./values.js";

const KINDS = { missing: "now missing", type_changed: "has another type", changed: "changed", added: "added" };
const POLL = 400;

export class Review {
  /** @type {Plan | null} */ plan = null;
  /** @type {Problem | null} */ error = null;
  /** @type {any} */ job = null;
  isBusy = false;
  hasCommit = false;
  /** Save although recorded results differ from the expected ones. */ accepts = false;
  message = "";
  /** Why it is saved, for the history of a service. */ reason = "";
  done = "";

  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("dialog"));
    this.dialog.addEventListener("close", () => this.#stopJob());
  }

  /** Saving makes a revision of a service, which has a reason. */
  get #hasReason() {
    return this.session.workspace?.saves === "revision";
  }

  get #canAccept() {
    return Boolean(this.plan?.can_accept || (this.error?.code === "breaking" && this.#hasReason));
  }

  /** An environment of a service is saved only after a look at all of its accounts. */
  get #isShared() {
    return this.#hasReason && this.session.place.level === "environment";
  }

  get #canSave() {
    const { plan, error, session } = this;
    if (this.isBusy || (this.#isShared && this.job?.state === "running") || !plan || session.refusal || error?.conflict) return false;
    if (this.#canAccept) return this.accepts && (!this.#hasReason || this.reason.trim() !== "");
    return plan.can_save;
  }

  get #request() {
    const { account, level } = this.session.place;
    return { account, level, edits: this.session.edits };
  }

  async open() {
    Object.assign(this, { plan: null, error: null, job: null, accepts: false, done: "", reason: "",
      message: `Change ${[...new Set(this.session.edits.map((edit) => edit.field))].slice(0, 3).join(", ")} of ${this.session.place.account}` });
    this.#draw();
    if (!this.dialog.open) this.dialog.showModal();
    await this.#attempt(async () => {
      this.plan = await post("api/plan", this.#request);
    });
    if (this.plan?.changed && this.#isShared) await this.#startImpact();
    /** @type {HTMLElement | null} */ (this.dialog.querySelector("button.primary:not(:disabled)") ?? this.dialog.querySelector("button"))?.focus();
  }

  /** @param {() => Promise<void>} task */
  async #attempt(task) {
    this.isBusy = true;
    this.#draw();
    try {
      await task();
      this.error = null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.error = error.report;
    }
    this.isBusy = false;
    this.#draw();
  }

  #save() {
    return this.#attempt(async () => {
      const commit = this.hasCommit ? { message: this.message } : null;
      const answer = await post("api/save", { ...this.#request, digest: this.session.digest, commit, accept: this.accepts, reason: this.reason });
      const id = answer.commit ? ` and committed as ${String(answer.commit.id).slice(0, 9)}` : "";
      const how = answer.revision ? `Saved as revision ${answer.revision} of` : "Saved in";
      this.done = `${how} ${answer.file}${id}.${answer.commit_problem ? ` It is not committed: ${answer.commit_problem}` : ""}`;
      await this.session.clearEdits();
      this.#finish();
    });
  }

  #keepDraft() {
    return this.#attempt(async () => {
      await call("PUT", "api/draft", { ...this.#request, digest: this.session.digest });
      this.done = `Kept as a draft. It ${this.#hasReason ? "" : "is in .conn of the workspace, and "}comes back when you open this account.`;
      this.#finish();
    });
  }

  #finish() {
    this.dialog.close();
    this.session.notice = this.done;
    this.session.onchange();
  }

  #startImpact() {
    return this.#attempt(async () => {
      this.job = { state: "running", done: 0, total: null, ...(await post("api/impact", this.#request)) };
      this.#poll(this.job.job);
    });
  }

  /** @param {string} job */
  async #poll(job) {
    while (this.job?.job === job && this.job.state === "running") {
      await new Promise((resolve) => setTimeout(resolve, POLL));
      if (this.job?.job !== job) return;
      try {
        this.job = await get(`api/jobs/${job}`);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        this.job = { job, state: "failed", error: error.report };
      }
      this.#draw();
    }
  }

  #stopJob() {
    if (this.job?.state === "running") call("DELETE", `api/jobs/${this.job.job}`).catch(() => {});
    this.job = null;
  }

  #draw() {
    const { plan, error, session } = this;
    render(this.dialog,
      h("div", { class: "dialog-head" }, h("h2", { id: "dialog-title" }, "Review and save"),
        h("button", { class: "quiet icon", "aria-label": "Close", onclick: () => this.dialog.close() }, "✕")),
      h("div", { class: "dialog-body", tabindex: "0", role: "group", "aria-label": "What changes" },
        error?.conflict ? this.#conflict(error.conflict) : error && h("div", { class: "message error", role: "alert" }, error.message, error.fix &&
          h("span", { class: "fix" }, error.fix), findings(error.findings ?? []),
          error.breaking?.length ? h("ul", null, error.breaking.map((text) => h("li", null, text))) : null),
        !plan && !error && h("p", { class: "dim" }, "Comparing with all recordings…"),
        plan && !error?.conflict && this.#plan(plan)),
      h("div", { class: "dialog-foot" },
        this.#canAccept && h("label", { class: "commit" }, h("input", { type: "checkbox", checked: this.accepts,
          onchange: (/** @type {Event} */ event) => { this.accepts = /** @type {HTMLInputElement} */ (event.target).checked; this.#draw(); } }),
          "Save although expected results change"),
        plan && session.workspace?.git && h("label", { class: "commit" },
          h("input", { type: "checkbox", checked: this.hasCommit,
          onchange: (/** @type {Event} */ event) => { this.hasCommit = /** @type {HTMLInputElement} */ (event.target).checked; this.#draw(); } }),
          "Commit to git"),
        plan && this.hasCommit && h("input", { class: "grow", "aria-label": "Commit message", value: this.message,
          oninput: (/** @type {Event} */ event) => { this.message = /** @type {HTMLInputElement} */ (event.target).value; } }),
        plan && this.#hasReason && !session.refusal && h("input",
          { class: "grow", "aria-label": "Why", placeholder: "Why", maxlength: "2000", value: this.reason,
          oninput: (/** @type {Event} */ event) => { this.reason = /** @type {HTMLInputElement} */ (event.target).value; this.#draw(); } }),
        h("span", { class: "grow dim" }, session.refusal || (plan && !plan.can_save ? plan.reason || "This can’t be saved yet." : "")),
        h("button", { onclick: () => this.#keepDraft(), disabled: this.isBusy || Boolean(session.refusal) || !session.edits.length,
          title: "Keep the edits without changing the file" }, "Keep as a draft"),
        h("button", { class: "primary", onclick: () => this.#save(), disabled: !this.#canSave }, "Save")));
  }

  /** @param {Plan} plan @returns {Children[]} */
  #plan(plan) {
    const errors = plan.findings.filter((finding) => finding.severity === "error");
    const effects = plan.effects.filter((effect) => effect.fields.length || effect.failures.length || effect.unknown || effect.missing_records ||
      effect.new_records);
    const quiet = plan.effects.length - effects.length;
    return [
      plan.findings.length > 0 && h("div", { class: `message ${errors.length ? "error" : "warning"}` }, findings(plan.findings)),
      h("h3", null, "Other accounts"),
      h("p", null, h("span", { class: `status ${plan.others.affected.length ? "unknown" : "good"}` }, plan.others.sentence)),
      this.#impact(), h("h3", null, "Lines that change"), h("p", { class: "dim" }, plan.file),
      plan.diff.length ? diff(plan.diff) : h("p", { class: "dim" }, "None. The file has this already."),
      h("h3", null, "Effect on this account’s recordings"),
      effects.length > 0 && h("div", { class: "wide" }, h("table", { class: "list" },
        h("thead", null, h("tr", null, ["Operation", "Field", "Effect", "Records", "Example"].map((text) => h("th", { scope: "col" }, text)))),
        effects.map((effect) => this.#effect(effect)))),
      h("p", { class: "dim" }, effects.length === 0 ? `None in ${count(quiet, "operation")}.` : quiet > 0 ? `No effect in ${count(quiet, "other operation")}.`
        : ""),
    ];
  }

  /** @param {Effect} effect */
  #effect(effect) {
    const number = (/** @type {number | undefined} */ many, /** @type {string} */ text) => many ? `${count(many, "record")} ${text}` : null;
    const notes = [effect.unknown && (effect.reason || "It has no recording, so its effect is unknown."), number(effect.missing_records, "no longer returned"),
      number(effect.new_records, "returned in addition")].filter(Boolean);
    const cells = [
      ...notes.map((text) => h("tr", { class: "failed" }, h("td", { colspan: 4 }, text))),
      ...effect.failures.map((finding) => h("tr", { class: "failed" }, h("td", { colspan: 4 }, finding.message))),
      ...effect.fields.map((field) => h("tr", { class: field.kind === "missing" || field.kind === "type_changed" ? "failed" : "changed" },
        h("td", null, field.field), h("td", null, KINDS[field.kind]), h("td", { class: "number" }, `${field.records} of ${field.of}`),
        h("td", null, field.examples.slice(0, 1).map((example) => [
          h("del", null, field.kind === "added" ? "no value" : describe(example.before, 60)), " → ",
          h("ins", null, field.kind === "missing" ? "no value" : describe(example.after, 60)),
            h("span", { class: "dim" }, ` ID ${describe(example.id, 12)}`)])))),
    ];
    cells[0]?.children.unshift(h("th", { scope: "rowgroup", rowspan: cells.length }, effect.operation));
    return h("tbody", { key: effect.operation }, cells);
  }

  #impact() {
    const { job } = this;
    if (!job) return h("div", { class: "actions" }, h("button", { onclick: () => this.#startImpact(), disabled: this.isBusy },
      "Check every account with its recordings"));
    if (job.state === "running") return h("p", { role: "status" }, h("progress",
      { max: job.total || null, value: job.total ? job.done : null, "aria-label": "Accounts checked" }), ` ${job.done} of ${job.total ?? "all"} checked`);
    if (job.state !== "done") return h("p", { class: "message error" }, job.error?.message ?? "The check was stopped.");
    const counts = Object.entries(job.result?.accounts ?? job.result?.summary ?? {}).filter(([name, number]) => typeof number === "number" && number > 0 &&
      name !== "total");
    return h("p", { class: "message note" }, "Checked: ", counts.length
      ? counts.map(([name, number]) => `${count(Number(number), `${name.replaceAll("_", " ")} account`)}`).join(", ") : "nothing changes", ".");
  }

  /** @param {Conflict} conflict @returns {Children[]} */
  #conflict(conflict) {
    const opened = conflict.opened ?? "";
    return [
      h("div", { class: "message warning", role: "alert" }, `${conflict.file} has changed since you started. Nothing was saved.`),
      h("div", { class: "sides" },
        h("div", null, h("h3", null, "Changed meanwhile"), diff(compareLines(opened, conflict.theirs))),
        h("div", null, h("h3", null, "Your edits"), conflict.yours === null ? h("p", { class: "dim" }, "They can’t be made to the file as it was.")
          : diff(compareLines(opened, conflict.yours)))),
      h("div", { class: "actions" },
        h("button", { class: "primary", onclick: () => this.#rebase(conflict.digest) }, "Make my edits to the new version"),
        h("button", { onclick: () => { this.dialog.close(); this.session.discard(); } }, "Discard my edits")),
    ];
  }

  /** @param {string} digest */
  async #rebase(digest) {
    this.session.rebase(digest);
    await this.open();
    this.session.open();
  }
}

/** @param {Finding[]} all */
function findings(all) {
  return all.length > 0 && h("ul", { class: "findings" }, all.map((finding) => h("li", null, h("code", null, finding.code), ` ${finding.message}`,
    finding.span && h("span", { class: "dim place" }, `${finding.span.file}:${finding.span.line}`), finding.fix && h("span", { class: "fix" }, finding.fix))));
}

const CLASSES = { "+": "added", "-": "removed", " ": "same", "@": "same" };

/** @param {DiffLine[]} lines */
const diff = (lines) => h("pre", { class: "diff", tabindex: "0" },
  lines.map((line) => h("span", { class: CLASSES[line.kind] }, line.kind === "@" ? `${line.text}\n` : `${line.kind} ${line.text}\n`)));

/** Return the lines that differ between two texts, with two lines around them. @param {string} before @param {string} after @returns {DiffLine[]} */
export function compareLines(before, after) {
  const old = before.split("\n");
  const now = after.split("\n");
  let start = 0;
  while (start < Math.min(old.length, now.length) && old[start] === now[start]) start += 1;
  let end = 0;
  while (end < Math.min(old.length, now.length) - start && old.at(-1 - end) === now.at(-1 - end)) end += 1;
  const make = (/** @type {" " | "-" | "+"} */ kind) => (/** @type {string} */ text) => ({ kind, text });
  return [
    ...old.slice(Math.max(0, start - 2), start).map(make(" ")), ...old.slice(start, old.length - end).map(make("-")),
    ...now.slice(start, now.length - end).map(make("+")), ...old.slice(old.length - end, old.length - end + 2).map(make(" ")),
  ];
}
