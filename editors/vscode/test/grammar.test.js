// The grammar on lines of YAML, with the library that the editor uses. YAML itself has a stand-in.

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const test = require("node:test");
const oniguruma = require("vscode-oniguruma");
const textmate = require("vscode-textmate");

const YAML = { scopeName: "source.yaml", patterns: [{ name: "comment.line.yaml", match: "(?<=^|\\s)#.*$" }] };

function read(name) {
  const file = path.join(__dirname, "..", "syntaxes", name);
  return textmate.parseRawGrammar(fs.readFileSync(file, "utf8"), file);
}

async function load() {
  const wasm = fs.readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm"));
  await oniguruma.loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength));
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async (scope) =>
      ({
        "source.yaml": textmate.parseRawGrammar(JSON.stringify(YAML), "yaml.json"),
        "source.jsonata": read("jsonata.tmLanguage.json"),
        "conn.jsonata.injection": read("jsonata-in-yaml.json"),
      })[scope] ?? null,
    getInjections: (scope) => (scope === "source.yaml" ? ["conn.jsonata.injection"] : []),
  });
  return registry.loadGrammar("source.yaml");
}

const grammar = load();

async function find(lines) {
  const found = [];
  let stack = textmate.INITIAL;
  for (const line of lines) {
    const result = (await grammar).tokenizeLine(line, stack);
    for (const token of result.tokens) {
      found.push([line.slice(token.startIndex, token.endIndex).trim(), token.scopes.at(-1), token.scopes]);
    }
    stack = result.ruleStack;
  }
  return (word) => found.find(([text]) => text === word)?.[1];
}

test("fields of a mapping, also in block scalars", async () => {
  const scope = await find([
    "    response_mapping:",
    "      email: $uppercase(response.mail) # why",
    "      name: |",
    "        $base & 'x' and 12",
    "    list: $uppercase(x)",
  ]);
  assert.equal(scope("email"), "entity.name.tag.yaml");
  assert.equal(scope("$uppercase"), "support.function.jsonata");
  assert.equal(scope("mail"), "variable.other.property.jsonata");
  assert.equal(scope("# why"), "comment.line.number-sign.yaml");
  assert.equal(scope("$base"), "variable.language.jsonata");
  assert.equal(scope("'x'"), "string.quoted.single.jsonata");
  assert.equal(scope("and"), "keyword.operator.word.jsonata");
  assert.equal(scope("12"), "constant.numeric.jsonata");
  assert.equal(scope("list: $uppercase(x)"), "source.yaml");
});

test("a setting on one line, and templates", async () => {
  const scope = await find(["  limited_when: status = 429", "path: /contacts/{{ $string(id) }}/notes"]);
  assert.equal(scope("limited_when"), "entity.name.tag.yaml");
  assert.equal(scope("429"), "constant.numeric.jsonata");
  assert.equal(scope("$string"), "support.function.jsonata");
  assert.equal(scope("/notes"), "source.yaml");
});

test("a comment stays one", async () => {
  const scope = await find(["# response_mapping: {{ x }}"]);
  assert.equal(scope("# response_mapping: {{ x }}"), "comment.line.yaml");
});
