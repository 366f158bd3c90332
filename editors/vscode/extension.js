// @ts-check
// Starts `conn lsp` and passes documents of YAML and JSON to it. The server decides which of them belong to a workspace.

const os = require("node:os");
const path = require("node:path");
const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

/** @type {LanguageClient | undefined} */
let client;

/** @param {vscode.ExtensionContext} context */
async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("conn.restart", restart),
    vscode.commands.registerCommand("conn.pickRecording", pickRecording),
  );
  await start();
}

async function start() {
  const configured = vscode.workspace.getConfiguration("conn").get("command");
  const words = Array.isArray(configured) && configured.length > 0 ? configured.map(String) : ["conn", "lsp"];
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
  // Only a command with a folder is one of the workspace: a file called "conn" there must not be run by its name.
  const command = /[\\/]/.test(words[0]) ? path.resolve(folder, words[0]) : words[0];
  client = new LanguageClient(
    "conn",
    "Conn",
    { command, args: words.slice(1), options: { cwd: os.homedir() } },
    {
      documentSelector: [
        { scheme: "file", language: "yaml" },
        { scheme: "file", language: "json" },
      ],
    },
  );
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    const fix = "Install it with: pip install 'conn-engine[lsp]', or set conn.command.";
    vscode.window.showErrorMessage(`Conn: "${words.join(" ")}" does not start (${error}). ${fix}`);
  }
}

async function restart() {
  await client?.stop();
  await start();
}

async function pickRecording() {
  const chosen = await vscode.window.showOpenDialog({ filters: { Recordings: ["json"] }, openLabel: "Choose" });
  if (chosen?.[0]) {
    await vscode.commands.executeCommand("conn.chooseRecording", chosen[0].toString());
  }
}

function deactivate() {
  return client?.stop();
}

module.exports = { activate, deactivate };
