// The answers of the server, and what the modules of the studio share. They are for the compiler only.

/** A value of JSON; see values.js for numbers and texts that JSON can't carry. */
type Value = any;

type Fault = { message: string, fix?: string, code?: string, offset?: number | null, end?: number | null, token?: string,
  text?: string, records?: number, ids?: (string | number)[] };

type Place = { file: string, line: number };

type Finding = { code: string, severity: string, message: string, fix?: string, path?: string,
  span?: { file: string, line: number, column: number } | null };

type Edit = { operation: string, field: string, scope: "resource" | "operation", action: "set" | "replace" | "remove",
  expression?: string, shared?: string };

type Level = { level: string, place: Place, expression: string | object | null, whole: boolean, uses_base: boolean,
  overridden: boolean };

type Row = { field: string, steps: (string | number)[], depth: number, type?: string, format?: string, title?: string,
  description?: string, required?: boolean, enum?: Value[], kind: "field" | "expression" | "group" | "unmapped" | "covered"
  | "replaced",
  by?: string, badge: string | null, scope: "resource" | "operation", expression: string | null,
  state: "own" | "inherited" | "left out" | "none", replace?: boolean, editable: boolean, reason?: string,
  hint?: string, levels: Level[] };

type Case = { scenario: string, file: string, records: number, recorded_at?: string, own?: boolean,
  error: { kind: string, message: string } | null };

type ShapeField = { path: string, steps: string[], type: string, filled: number, example?: Value };

type Operation = { account: string, operation: string, connector: string, environment: string, level: string,
  record: string | null, each: string, file: { path: string, digest: string, writable: boolean, shared_by: number },
  case: string | null, cases: Case[], rows: Row[], others: Row[],
  steps: { key: string, level: string, place: Place, text: string }[],
  shape: { records: number, complete: boolean, fields: ShapeField[] },
  names: { context: Record<string, Value>, scope: string[],
    functions: { name: string, signature?: string, description?: string }[] },
  faults: Record<string, Fault> };

type VendorRecord = { index: number, id: string | number, page?: number, vendor: Value };

type Violation = { path: string, message: string, fix?: string, records?: number, id?: string | number };

type Evaluated = { index: number, id: string | number, unified?: Value, saved?: Value, base?: Value, list?: boolean,
  returned: "same" | "changed" | "dropped" | "unknown", after?: Value, changed: string[], differs: string[],
  errors: Record<string, string>, violations: Violation[] };

type Evaluation = { sequence: number, total: number, from: number, records: Evaluated[], faults: Record<string, Fault>,
  summary: Record<string, number>, violations: Violation[], failed: boolean, error: Problem | null };

type WhyLevel = { level: string, place: Place | null, expression: string | null, effective: boolean, defined: boolean,
  value?: Value, error?: string | null, reads: { path: string, defined: boolean, value?: Value }[],
  decisions: string[] };

type Why = { field: string, defined: boolean, value?: Value, error?: string | null, changed_later?: boolean, of_page?: boolean,
  levels: WhyLevel[], fields?: Why[] };

type Problem = { code: string, message: string, fix?: string, paths?: string[], findings?: Finding[],
  conflict?: Conflict, breaking?: string[] };

type Conflict = { file: string, digest: string, opened: string | null, yours: string | null, theirs: string };

type DiffLine = { kind: " " | "-" | "+" | "@", old?: number | null, new?: number | null, text: string };

type FieldEffect = { field: string, kind: "missing" | "type_changed" | "changed" | "added", records: number, of: number,
  examples: { id: string | number, case?: string, before?: Value, after?: Value }[] };

type Effect = { operation: string, recordings: number, records: number, unknown?: boolean, reason?: string | null,
  missing_records?: number, new_records?: number, requests?: number, fields: FieldEffect[],
  failures: Finding[] };

type Plan = { changed: boolean, file: string, digest: string, diff: DiffLine[], text: string, findings: Finding[],
  can_save: boolean, can_accept?: boolean, reason?: string | null, effects: Effect[],
  others: { unchanged: number, affected: string[], sentence: string } };

type Account = { name: string, label?: string, connector?: string, environment?: string, error?: string };

type OperationName = { name: string, model?: string, resource?: string, method?: string, recordings: number,
  enabled?: boolean };

type Session = import("./session.js").Session;

/** What an element is made of; see dom.js. */
type Description = { tag: string, key: string | null, props: Record<string, any>, children: Child[] };

type Child = Description | string | Node;

type Children = Child | number | null | undefined | false | Children[];

type Completion = { label: string, type: string, detail?: string, info?: string, apply?: string, boost?: number };

type Caret = { text: string, from: number, steps: string[] | null, call: { name: string, argument: number } | null };
