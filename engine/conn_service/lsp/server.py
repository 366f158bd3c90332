"""The language server: the protocol's requests and notifications, passed to the analysis process."""

import asyncio
from pathlib import Path

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from conn_service.lsp.messages import EditorQuery, Encoding, FileProblems, Problem, TextRange
from conn_service.lsp.process import AnalysisProcess, AnalysisStoppedError

__all__ = ["ConnServer", "build_server"]

_DELAY = 0.15
"""Seconds without a change before the documents are linted."""
_LINT_SECONDS = 20.0


class ConnServer(LanguageServer):
    """A language server for one editor."""

    def __init__(self, version: str) -> None:
        super().__init__("conn", version, text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self.analysis = AnalysisProcess()
        self.reload = False
        self._waiting: asyncio.TimerHandle | None = None
        self._lint: asyncio.Task[None] | None = None

    @property
    def encoding(self) -> Encoding:
        """The encoding of columns that the editor and this server agreed on."""
        return types.PositionEncodingKind(self.workspace.position_encoding or "utf-16").value

    def change(self, uri: str, text: str | None) -> None:
        """Remember the text of a document, and lint when nothing has changed for a moment."""
        path = to_fs_path(uri)
        if path is not None and uri.startswith("file:"):
            self.analysis.change(path, text)
            self.schedule_lint()

    def schedule_lint(self) -> None:
        """Lint when nothing has changed for a moment."""
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = asyncio.get_running_loop().call_later(_DELAY, self._start_lint)

    def _start_lint(self) -> None:
        if self._lint is not None and not self._lint.done():
            self.schedule_lint()  # it is still linting an earlier state
            return
        self._lint = asyncio.ensure_future(self._publish())

    async def _publish(self) -> None:
        reload, self.reload = self.reload, False
        query = EditorQuery("lint", self.encoding, reload=reload)
        try:
            reply = await self.analysis.ask(query, _LINT_SECONDS)
        except AnalysisStoppedError as stopped:
            self.log(f"conn lint was stopped: {stopped}. It continues after the next change")
            return
        if reply.error:
            self.log(f"conn lint failed: {reply.error}")
        for found in reply.lint:
            self.text_document_publish_diagnostics(_to_diagnostics(found))

    def log(self, message: str) -> None:
        """Show a message to the user."""
        self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, message))


def build_server(version: str) -> ConnServer:
    """Return a server that can be started. `version` is what it calls itself."""
    server = ConnServer(version)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def open_document(params: types.DidOpenTextDocumentParams) -> None:
        server.change(params.text_document.uri, params.text_document.text)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def change_document(params: types.DidChangeTextDocumentParams) -> None:
        uri = params.text_document.uri
        server.change(uri, server.workspace.get_text_document(uri).source)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def close_document(params: types.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        server.change(uri, None)
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def reload_files(params: types.DidChangeWatchedFilesParams) -> None:
        server.reload = True
        server.schedule_lint()

    @server.feature(types.SHUTDOWN)
    async def stop_analysis(params: None) -> None:
        await server.analysis.close()

    return server


def _to_diagnostics(found: FileProblems) -> types.PublishDiagnosticsParams:
    return types.PublishDiagnosticsParams(_to_uri(found.path), [_to_diagnostic(problem) for problem in found.problems])


def _to_diagnostic(problem: Problem) -> types.Diagnostic:
    related = [
        types.DiagnosticRelatedInformation(types.Location(_to_uri(place.path), to_range(place.range)), place.message)
        for place in problem.related
    ]
    return types.Diagnostic(
        to_range(problem.range),
        problem.message,
        types.DiagnosticSeverity(problem.severity),
        problem.code,
        source="conn",
        related_information=related or None,
    )


def to_range(range_: TextRange) -> types.Range:
    """Return the protocol's form of a range."""
    return types.Range(
        types.Position(range_.line, range_.character), types.Position(range_.end_line, range_.end_character)
    )


def _to_uri(path: str) -> str:
    return from_fs_path(path) or Path(path).as_uri()
