"""`conn lsp` as an editor sees it: a real client drives the process. Everything has a time limit."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types
from pytest_lsp import LanguageClient, make_test_lsp_client

from conn_cli.console import App
from conn_cli.main import execute

SECONDS = 60.0
ACCOUNT = "connector: shop\noverride:\n  crm.contacts.response_mapping:\n    email: $upercase(response.email)\n"
FILES = {
    "conn.yaml": "version: 1\n",
    "connectors/shop/connector.yaml": "label: Shop\nbase_url: https://shop.example.com\n"
    "resources: { contacts: { list: { path: /contacts } } }\n",
    "connectors/shop/unified/crm.yaml": "resources:\n  contacts: { response_mapping: { id: response.id }, list: {} }\n",
    "accounts/acme.yaml": ACCOUNT,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest_asyncio.fixture
async def client() -> AsyncIterator[LanguageClient]:
    client = make_test_lsp_client()
    await client.start_io(sys.executable, "-m", "conn_cli.start", "lsp")
    capabilities = types.ClientCapabilities()
    await asyncio.wait_for(client.initialize_session(types.InitializeParams(capabilities)), SECONDS)
    yield client
    await asyncio.wait_for(client.shutdown_session(), SECONDS)


async def wait_for_diagnostics(client: LanguageClient, uri: str, codes: list[str]) -> tuple[types.Diagnostic, ...]:
    """Wait until a document has findings with these codes."""

    async def wait() -> tuple[types.Diagnostic, ...]:
        while [problem.code for problem in client.diagnostics.get(uri, ())] != codes or uri not in client.diagnostics:
            await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        return tuple(client.diagnostics[uri])

    return await asyncio.wait_for(wait(), SECONDS)


def open_document(client: LanguageClient, path: Path, text: str | None = None) -> str:
    uri = path.as_uri().replace("acme", "%61cme")  # editors escape differently, and know only their own form
    item = types.TextDocumentItem(uri, "yaml", 1, path.read_text() if text is None else text)
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    return uri


def change_document(client: LanguageClient, uri: str, text: str) -> None:
    changes = [types.TextDocumentContentChangeWholeDocument(text)]
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(types.VersionedTextDocumentIdentifier(2, uri), changes)
    )


@pytest.mark.asyncio
async def test_findings_follow_the_typing(client: LanguageClient, root: Path) -> None:
    uri = open_document(client, root / "accounts/acme.yaml")
    (problem,) = await wait_for_diagnostics(client, uri, ["EXP102"])
    assert problem.range == types.Range(types.Position(3, 11), types.Position(3, 20))
    assert (problem.source, problem.severity) == ("conn", types.DiagnosticSeverity.Error)
    change_document(client, uri, ACCOUNT.replace("$upercase", "$uppercase"))
    await wait_for_diagnostics(client, uri, [])


@pytest.mark.asyncio
async def test_questions_are_answered_inside_a_block_scalar_of_a_broken_document(
    client: LanguageClient, root: Path
) -> None:
    text = ACCOUNT.replace("email: $upercase(response.email)", "email: |\n      '😀' & $upercase(response.em)")
    uri = open_document(client, root / "accounts/acme.yaml", text)
    (problem,) = await wait_for_diagnostics(client, uri, ["EXP102"])
    at = types.Position(4, 15)
    document = types.TextDocumentIdentifier(uri)
    items = await ask(client.text_document_completion_async(types.CompletionParams(document, at)))
    (item,) = [item for item in items if item.label == "$uppercase"]
    assert item.text_edit == types.TextEdit(types.Range(types.Position(4, 13), at), "$uppercase")
    assert (item.kind, item.detail) == (types.CompletionItemKind.Function, "$uppercase(text?) → text")
    actions = types.CodeActionParams(document, problem.range, types.CodeActionContext([problem]))
    fix, explain = await ask(client.text_document_code_action_async(actions))
    assert (fix.is_preferred, explain.command) == (True, "conn.explain")
    assert [edit.new_text for edit in fix.edit.changes[uri]] == ["p"]
    command = types.ExecuteCommandParams("conn.explain", arguments=["EXP102"])
    assert (await ask(client.workspace_execute_command_async(command))).startswith("**EXP102** unknown function")
    change_document(client, uri, text.replace("$upercase", "$uppercase") + "  broken: [\n")
    await wait_for_diagnostics(client, uri, ["DOC002"])
    hover = await ask(client.text_document_hover_async(types.HoverParams(document, at)))
    assert "$uppercase(text?) → text" in hover.contents.value
    targets = await ask(client.text_document_definition_async(types.DefinitionParams(document, types.Position(0, 13))))
    assert [target.uri for target in targets] == [(root / "connectors/shop/connector.yaml").as_uri()]


async def ask(request: Awaitable[Any]) -> Any:
    return await asyncio.wait_for(request, SECONDS)


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "conn_service.lsp.server", raising=False)
    monkeypatch.setitem(sys.modules, "pygls.lsp.server", None)
    errors = StringIO()
    assert execute(["lsp"], App(folder=tmp_path, stdout=StringIO(), stderr=errors)) == 2
    assert errors.getvalue() == (
        "error: conn lsp needs the package pygls, which is not installed\n"
        "  fix: install it: pip install 'conn-engine[lsp]'\n"
    )


def test_a_person_who_starts_it_in_a_terminal_is_told_how_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    errors = StringIO()
    assert execute(["lsp"], App(folder=tmp_path, stdout=StringIO(), stderr=errors)) == 2
    assert errors.getvalue().startswith("error: conn lsp is started by an editor, which writes to its standard input\n")


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True
