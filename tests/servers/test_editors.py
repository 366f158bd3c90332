"""Editors: the extension for VS Code, and the YAML language server with the schemas of a workspace.

VS Code itself is not run: the packaged extension and its language client run in Node with a stand-in for the editor's
API (`editors/host.js`), and talk to the real `conn lsp`. That VS Code activates the extension, draws what it returns
and asks before it uses a workspace's command is not shown.
"""

import asyncio
import hashlib
import json
import os
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import launching
import pytest
from lsprotocol import types
from processes import cache
from pytest_lsp import make_test_lsp_client

from conn_cli.scaffold import copy_example, create_connector, create_workspace, write_schemas
from conn_engine.config import load_workspace
from conn_engine.schemas.workspace_names import build_workspace_schemas

EXTENSION = Path(__file__).resolve().parents[2] / "editors" / "vscode"
HOST = Path(__file__).parent / "editors" / "host.js"
SECONDS = 60.0
WRONG = "# yaml-language-server: $schema=../schemas/account.schema.json\nconnector: hubsport\n"


@pytest.fixture(scope="module")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the extension with its packages."""
    folder: Path = tmp_path_factory.mktemp("extension") / "vscode"
    shutil.copytree(EXTENSION, folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
    run_npm(folder, "ci", "--prefer-offline")
    return folder


def run_npm(folder: Path, *words: str) -> None:
    environ = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    done = launching.run(
        [cache.tool("npm", "builds the extension"), *words],
        cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_the_grammar_of_the_extension_finds_expressions(extension: Path) -> None:
    run_npm(extension, "test")


@pytest.fixture(scope="module")
def packaged(extension: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the extension, as it is in its package."""
    run_npm(extension, "run", "package")
    folder = tmp_path_factory.mktemp("packaged")
    with zipfile.ZipFile(extension / "dist" / "conn.vsix") as package:
        package.extractall(folder)
    main: str = json.loads((folder / "extension" / "package.json").read_text(encoding="utf-8"))["main"]
    return folder / "extension" / main


def run_in_host(code: Path, root: Path, command: list[str]) -> dict[str, Any]:
    """Run the extension on a mapping of a workspace, and return what the editor would show."""
    mapping = root / "connectors" / "demo" / "unified" / "crm.yaml"
    right = mapping.read_text(encoding="utf-8")
    mapping.write_text(right.replace("email: response.email", "email: respnse.email"), encoding="utf-8")
    line = next(number for number, text in enumerate(right.split("\n")) if "first_name: response." in text)
    settings = {
        "folder": str(root),
        "file": str(mapping),
        "command": command,
        "corrected": right,
        "position": {"line": line, "character": right.split("\n")[line].index("response.") + len("response.")},
        "seconds": SECONDS,
    }
    words = [cache.tool("node", "runs it"), str(HOST), str(code), json.dumps(settings)]
    sources = os.pathsep.join(str(EXTENSION.parents[1] / part) for part in ("cli", "engine"))
    environ = {**os.environ, "PYTHONPATH": sources}  # the extension starts the server in the home folder
    done = launching.run(words, cwd=root, env=environ, capture_output=True, text=True, timeout=4 * SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def test_the_packaged_extension_shows_findings_completions_and_values(packaged: Path, tmp_path: Path) -> None:
    create_workspace(tmp_path)
    create_connector(tmp_path, "demo")
    shown = run_in_host(packaged, tmp_path, [sys.executable, "-m", "conn_cli.start", "lsp"])
    assert shown["errors"] == []
    assert {"conn.restart", "conn.pickRecording"} <= {*shown["commands"]}
    [finding] = shown["findings"]
    assert finding.startswith('unknown name "respnse"') and 'did you mean "response"?' in finding
    assert {"id", "first_name", "last_name", "email"} <= {*shown["completions"]}
    assert "response.first_name" in shown["hover"] and "Ada" in shown["hover"]
    assert (shown["corrected"], shown["restarted"]) == ([], True)


def test_the_packaged_extension_says_how_to_install_a_server_that_is_missing(packaged: Path, tmp_path: Path) -> None:
    create_workspace(tmp_path)
    create_connector(tmp_path, "demo")
    errors = run_in_host(packaged, tmp_path, ["conn-that-is-not-installed", "lsp"])["errors"]
    [error] = [text for text in errors if text.startswith('Conn: "conn-that-is-not-installed lsp" does not start')]
    assert "pip install 'conn-engine[lsp]', or set conn.command" in error


@pytest.mark.nightly
def test_the_extension_is_built_twice_with_the_same_bytes(extension: Path) -> None:
    digests = []
    for _ in range(2):
        shutil.rmtree(extension / "dist", ignore_errors=True)
        run_npm(extension, "run", "package")
        digests.append(hashlib.sha256((extension / "dist" / "conn.vsix").read_bytes()).hexdigest())
    assert digests[0] == digests[1]


@pytest.mark.asyncio
async def test_the_yaml_language_server_refuses_a_name_that_the_workspace_does_not_have(tmp_path: Path) -> None:
    root = tmp_path / "tour"
    copy_example(root)
    write_schemas(root, refresh=True, with_names=build_workspace_schemas(load_workspace(root)))
    server = cache.node_modules("yaml-language-server", "1.25.0") / "yaml-language-server" / "bin"
    client = make_test_lsp_client()
    await client.start_io(cache.tool("node", "runs it"), str(server / "yaml-language-server"), "--stdio")
    try:
        client.set_configuration({"yaml": {"schemaStore": {"enable": False}, "validate": True}})
        parameters = types.InitializeParams(types.ClientCapabilities(), root_uri=root.as_uri())
        await asyncio.wait_for(client.initialize_session(parameters), SECONDS)
        for name, text, messages in (
            ("wrong", WRONG, ['Value is not accepted. Valid values: "github", "hubspot"']),
            ("acme", (root / "accounts" / "acme.yaml").read_text(encoding="utf-8"), []),
        ):
            uri = (root / "accounts" / f"{name}.yaml").as_uri()
            published = asyncio.ensure_future(client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS))
            item = types.TextDocumentItem(uri, "yaml", 1, text)
            client.text_document_did_open(types.DidOpenTextDocumentParams(item))
            await asyncio.wait_for(published, SECONDS)
            shown = [problem.message for problem in client.diagnostics[uri]]
            assert len(shown) == len(messages) and all(map(str.startswith, shown, messages)), shown
    finally:
        await asyncio.wait_for(client.shutdown_session(), SECONDS)
