"""`conn lsp` as an editor sees it: a real client drives the process. Everything has a time limit."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient

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


@pytest_lsp.fixture(config=ClientServerConfig(server_command=[sys.executable, "-m", "conn_cli.start", "lsp"]))
async def client(lsp_client: LanguageClient) -> AsyncIterator[None]:
    capabilities = types.ClientCapabilities()
    await asyncio.wait_for(lsp_client.initialize_session(types.InitializeParams(capabilities)), SECONDS)
    yield
    await asyncio.wait_for(lsp_client.shutdown_session(), SECONDS)


async def wait_for_diagnostics(client: LanguageClient, uri: str, codes: list[str]) -> tuple[types.Diagnostic, ...]:
    """Wait until a document has findings with these codes."""

    async def wait() -> tuple[types.Diagnostic, ...]:
        while [problem.code for problem in client.diagnostics.get(uri, ())] != codes or uri not in client.diagnostics:
            await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        return tuple(client.diagnostics[uri])

    return await asyncio.wait_for(wait(), SECONDS)


def open_document(client: LanguageClient, path: Path, text: str | None = None) -> str:
    uri = path.as_uri()
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
