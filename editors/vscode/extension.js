// @ts-check
// Starts `conn lsp` and passes documents of YAML and JSON to it. The server decides which of them belong to a workspace.

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
  // A workspace can set a command, so it is run only in a workspace that the user trusts.
  const trusted = vscode.workspace.isTrusted;
  const configured = vscode.workspace.getConfiguration("conn").get("command");
  const words = trusted && Array.isArray(configured) && configured.length > 0 ? configured : ["conn", "lsp"];
  const [command, ...args] = words.map(String);
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  client = new LanguageClient(
    "conn",
    "Conn",
    { command, args, options: { cwd: folder } },
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
