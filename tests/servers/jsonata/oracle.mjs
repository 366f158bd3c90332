// Evaluates a table of cases with jsonata-js. Reads {now, inputs, cases: [{group, expr}]} from stdin and writes one
// outcome per case to stdout: {value} | {undefined: true} | {error, position}. Functions are undefined, or null in a list.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const jsonata = createRequire(process.argv[2] + "/")("jsonata");
const table = JSON.parse(readFileSync(0, "utf8"));
const outcomes = [];

for (const { group, expr } of table.cases) {
  try {
    const compiled = jsonata(expr);
    const now = new Date(table.now * 1000);
    const input = JSON.parse(JSON.stringify(table.inputs[group]));
    const value = await compiled.evaluate(input, {
      // $now and $millis are the environment's own; what they say must be the table's time
      now: (picture, zone) => jsonata("$fromMillis($t, $p, $z)").evaluate({}, { t: now.getTime(), p: picture, z: zone }),
      millis: () => now.getTime(),
    });
    const text = isFunction(value) ? undefined : JSON.stringify(value, withoutFunctions);
    outcomes.push(text === undefined ? { undefined: true } : { value: JSON.parse(text) });
  } catch (error) {
    outcomes.push({ error: String(error.code ?? error.name), position: error.position ?? null });
  }
}
process.stdout.write(JSON.stringify(outcomes));

function isFunction(value) {
  return typeof value === "function" || Boolean(value && (value._jsonata_lambda || value._jsonata_function));
}

function withoutFunctions(_key, value) {
  return isFunction(value) ? (Array.isArray(this) ? null : undefined) : value;
}
