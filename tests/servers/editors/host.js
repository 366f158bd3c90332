// Runs the built extension as VS Code does, with a stand-in for the editor's API only: node host.js EXTENSION SETTINGS.
// SETTINGS is JSON: folder, file (a document of YAML), command (of the server), position (line and character).
// Writes JSON with what the editor would show.

const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");
const { pathToFileURL, fileURLToPath } = require("node:url");

const settings = JSON.parse(process.argv[3]);
const listeners = {};
const providers = {};
const commands = {};
const shown = { errors: [], diagnostics: {} };
const waiting = [];
const documents = [];

class Disposable {
  dispose() {}
}
class Position {
  constructor(line, character) {
    Object.assign(this, { line, character });
  }
}
class Range {
  constructor(start, end, line, character) {
    Object.assign(this, line === undefined ? { start, end } : { start: new Position(start, end), end: new Position(line, character) });
  }
}
class Diagnostic {
  constructor(range, message, severity) {
    Object.assign(this, { range, message, severity });
  }
}
class MarkdownString {
  constructor(value = "") {
    this.value = value;
  }
  appendCodeblock(value) {
    this.value += value;
  }
}
class Hover {
  constructor(contents, range) {
    Object.assign(this, { contents, range });
  }
}
class CompletionItem {
  constructor(label) {
    this.label = label;
  }
}
class Uri {
  constructor(text) {
    this.text = text;
    this.scheme = new URL(text).protocol.slice(0, -1);
    this.fsPath = this.scheme === "file" ? fileURLToPath(text) : "";
    this.path = new URL(text).pathname;
  }
  static parse(text) {
    return new Uri(text);
  }
  static file(name) {
    return new Uri(pathToFileURL(name).href);
  }
  toString() {
    return this.text;
  }
  with() {
    return this;
  }
}
class CancellationTokenSource {
  token = { isCancellationRequested: false, onCancellationRequested: () => new Disposable() };
  cancel() {}
  dispose() {}
}
class EventEmitter {
  #functions = [];
  event = (run) => {
    this.#functions.push(run);
    return new Disposable();
  };
  fire(value) {
    this.#functions.forEach((run) => run(value));
  }
  dispose() {}
}

class TextDocument {
  version = 1;
  isClosed = false;
  isDirty = false;
  eol = 1;
  constructor(file, text) {
    Object.assign(this, { uri: Uri.file(file), fileName: file, languageId: "yaml", text });
  }
  getText() {
    return this.text;
  }
  get lineCount() {
    return this.text.split("\n").length;
  }
}

// Any other name of the API: an event, a registration, a class or an empty value.
function standIn(known, area) {
  return new Proxy(known, {
    get(target, name) {
      if (typeof name === "symbol" || name in target) return target[name];
      if (/^on[A-Z]/.test(name)) {
        return (run, self) => {
          (listeners[name] ??= []).push(self === undefined ? run : run.bind(self));
          return new Disposable();
        };
      }
      if (/^register/.test(name)) {
        return (...words) => {
          (providers[name] ??= []).push(words);
          return new Disposable();
        };
      }
      if (area === "vscode") return (target[name] = class {});
      return () => undefined;
    },
  });
}

const diagnosticCollection = {
  set(uri, found) {
    shown.diagnostics[uri.toString()] = found ?? [];
    waiting.splice(0).forEach((run) => run());
  },
  delete() {},
  clear() {},
  forEach() {},
  get: () => [],
  has: () => false,
  dispose() {},
};
const channel = new Proxy({}, { get: () => () => undefined });
const vscode = standIn(
  {
    Disposable, Position, Range, Diagnostic, MarkdownString, Hover, CompletionItem, Uri, CancellationTokenSource, EventEmitter,
    CompletionItemTag: {}, DiagnosticTag: {}, TextDocumentSaveReason: {}, TextDocumentChangeReason: {},
    DiagnosticSeverity: { Error: 0, Warning: 1, Information: 2, Hint: 3 },
    CodeActionKind: new Proxy({}, { get: () => ({ append: () => ({}) }) }),
    CompletionTriggerKind: { Invoke: 0, TriggerCharacter: 1, TriggerForIncompleteCompletions: 2 },
    version: "1.82.0",
    env: { appName: "host", language: "en" },
    ProgressLocation: {},
    TabInputText: class {},
    workspace: standIn(
      {
        textDocuments: documents,
        notebookDocuments: [],
        workspaceFolders: [{ uri: Uri.file(settings.folder), name: "folder", index: 0 }],
        getConfiguration: () => ({ get: (name) => (name === "command" ? settings.command : undefined), has: () => false }),
        getWorkspaceFolder: () => undefined,
        createFileSystemWatcher: () => standIn(new Disposable(), "watcher"),
      },
      "workspace",
    ),
    window: standIn(
      {
        createOutputChannel: () => channel,
        showErrorMessage: async (text) => void shown.errors.push(String(text)),
        visibleTextEditors: [],
        tabGroups: standIn({ all: [] }, "tabs"),
        activeTextEditor: undefined,
      },
      "window",
    ),
    languages: standIn({ createDiagnosticCollection: () => diagnosticCollection, match: () => 10 }, "languages"),
    commands: standIn(
      {
        registerCommand(name, run) {
          commands[name] = run;
          return new Disposable();
        },
        executeCommand: async (name, ...words) => commands[name]?.(...words),
      },
      "commands",
    ),
    extensions: standIn({ all: [] }, "extensions"),
  },
  "vscode",
);

const load = Module._load;
Module._load = (name, ...rest) => (name === "vscode" ? vscode : load(name, ...rest));

const fire = (name, value) => Promise.all((listeners[name] ?? []).map((run) => run(value)));
const find = () => (shown.diagnostics[documents[0].uri.toString()] ?? []).map((one) => one.message);

async function waitFor(isDone, what) {
  const end = Date.now() + settings.seconds * 1000;
  while (!isDone()) {
    if (Date.now() > end) throw new Error(`no ${what}: ${JSON.stringify(shown)}`);
    await Promise.race([new Promise((run) => waiting.push(run)), new Promise((run) => setTimeout(run, 200))]);
  }
}

async function main() {
  const extension = require(path.resolve(process.argv[2]));
  await extension.activate({ subscriptions: [], extensionPath: path.dirname(process.argv[2]) });
  const result = { commands: Object.keys(commands), errors: shown.errors };
  if (shown.errors.length === 0) {
    const document = new TextDocument(settings.file, fs.readFileSync(settings.file, "utf8"));
    documents.push(document);
    await fire("onDidOpenTextDocument", document);
    await waitFor(() => find().length > 0, "findings");
    result.findings = find();
    const at = new Position(settings.position.line, settings.position.character);
    const none = new CancellationTokenSource().token;
    const answers = async (name, method, ...more) => {
      const given = await Promise.all((providers[name] ?? []).map((words) => words[1][method](document, at, none, ...more)));
      return given.filter(Boolean);
    };
    const completed = await answers("registerCompletionItemProvider", "provideCompletionItems", { triggerKind: 0 });
    result.completions = completed.flatMap((list) => (list.items ?? list).map((item) => item.label.label ?? item.label));
    const hovered = await answers("registerHoverProvider", "provideHover");
    result.hover = hovered.flatMap((hover) => hover.contents).map((part) => part.value ?? part).join("\n");
    document.text = settings.corrected;
    document.version = 2;
    const whole = new Range(0, 0, document.lineCount, 0);
    await fire("onDidChangeTextDocument", { document, contentChanges: [{ range: whole, text: document.text }], reason: undefined });
    await waitFor(() => find().length === 0, "answer to the correction");
    result.corrected = find();
    await commands["conn.restart"]();
    result.restarted = shown.errors.length === 0;
  }
  await extension.deactivate();
  process.stdout.write(JSON.stringify(result));
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
