// Prints the tokens of each expression of a JSON list on stdin, as the studio's highlighter finds them.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { readToken, startState } = await import(pathToFileURL(process.argv[2]));
const lex = (text) => {
  const state = startState();
  const tokens = [];
  let continued = false;
  text.split("\n").forEach((line, number) => {
    if (continued) tokens[tokens.length - 1][1] += "\n";
    for (let position = 0; position < line.length; ) {
      const { kind, end } = readToken(line, position, state);
      if (end <= position) throw new Error(`no progress at ${position} of ${line}`);
      if (continued) tokens[tokens.length - 1][1] += line.slice(position, end);
      else tokens.push([kind, line.slice(position, end)]);
      continued = state.inside !== "";
      position = end;
    }
  });
  return tokens.filter(([kind]) => kind !== "blank");
};
process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf-8")).map(lex)));
