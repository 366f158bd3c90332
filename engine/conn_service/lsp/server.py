"""The language server: the protocol's requests and notifications, passed to the analysis process."""

import asyncio

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from conn_service.lsp import conversions
from conn_service.lsp.messages import EditorQuery, EditorReply, Encoding, Method
from conn_service.lsp.process import AnalysisProcess
from conn_service.query_process.process import QueryStoppedError

__all__ = ["CHOOSE", "EXPLAIN", "ConnServer", "build_server"]

EXPLAIN = "conn.explain"
CHOOSE = "conn.chooseRecording"
_DELAY = 0.15
"""Seconds without a change before the documents are linted."""
_LINT_SECONDS = 10.0
_ANSWER_SECONDS = 5.0
_TRIGGERS = [".", "$", " ", "{", "[", "(", '"', "'"]
_WATCHED = "**/*.{yaml,yml,json}"


class ConnServer(LanguageServer):
    """A language server for one editor."""

    def __init__(self, version: str) -> None:
        super().__init__("conn", version, text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self.analysis = AnalysisProcess()
        self.recording = ""
        self._uris: dict[str, str] = {}
        self._reload = False
        self._waiting: asyncio.TimerHandle | None = None
        self._lint: asyncio.Task[None] | None = None

    @property
    def encoding(self) -> Encoding:
        """The encoding of columns that the editor and this server agreed on."""
        return types.PositionEncodingKind(self.workspace.position_encoding or "utf-16").value

    def change(self, uri: str, text: str | None) -> None:
        """Remember the text of a document, and lint when nothing has changed for a moment."""
        path = find_path(uri)
        if path:
            self._uris[path] = uri
            if text is None:
                del self._uris[path]
            self.analysis.change(path, text)
            self._schedule_lint()

    def reload(self) -> None:
        """Read the files on the disk again, and lint."""
        self._reload = True
        self._schedule_lint()

    def _schedule_lint(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = asyncio.get_running_loop().call_later(_DELAY, self._start_lint)

    def _start_lint(self) -> None:
        if self._lint is not None and not self._lint.done():
            self._schedule_lint()  # it is still linting an earlier state
            return
        self._lint = asyncio.ensure_future(self._publish())

    async def _publish(self) -> None:
        reload, self._reload = self._reload, False
        reply = await self._ask(EditorQuery("lint", self.encoding, reload=reload), _LINT_SECONDS)
        for found in reply.lint:
            if found.path in self._uris:  # it may have been closed meanwhile
                uri = self._uris[found.path]
                self.text_document_publish_diagnostics(conversions.to_diagnostics(found, uri))

    async def ask(self, query: EditorQuery) -> EditorReply:
        """Return the reply to a query; an empty one, with a message to the user, if it cannot be answered."""
        return await self._ask(query, _ANSWER_SECONDS)

    async def ask_at(
        self, method: Method, document: types.TextDocumentIdentifier, position: types.Position
    ) -> EditorReply:
        """Return the reply to a query about a position in a document."""
        query = EditorQuery(
            method,
            self.encoding,
            path=find_path(document.uri),
            line=position.line,
            character=position.character,
            recording=self.recording,
        )
        return await self.ask(query)

    async def _ask(self, query: EditorQuery, seconds: float) -> EditorReply:
        try:
            reply = await self.analysis.ask(query, seconds)
        except QueryStoppedError as stopped:
            reply = EditorReply(
                error=f"the analysis was stopped, because {stopped}; it starts again with your next change"
            )
        if reply.error:
            message = types.ShowMessageParams(types.MessageType.Warning, f"conn: {reply.error}")
            self.window_show_message(message)
        return reply


def find_path(uri: str) -> str:
    """Return the path of a document; an empty string for one that is not a file."""
    return to_fs_path(uri) or "" if uri.startswith("file:") else ""


def build_server(version: str) -> ConnServer:
    """Return a server that can be started. `version` is what it calls itself."""
    server = ConnServer(version)
    _register_documents(server)
    _register_questions(server)
    _register_commands(server)
    return server


def _register_documents(server: ConnServer) -> None:
    """Follow the open documents and the files on the disk."""

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

    @server.feature(types.INITIALIZED)
    async def watch_files(params: types.InitializedParams) -> None:
        capabilities = server.client_capabilities.workspace
        watching = capabilities.did_change_watched_files if capabilities else None
        if watching is not None and watching.dynamic_registration:
            options = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher(_WATCHED)])
            method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            registration = types.Registration("conn-files", method, options)
            await server.client_register_capability_async(types.RegistrationParams([registration]))

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def reload_files(params: types.DidChangeWatchedFilesParams) -> None:
        uris = {change.uri for change in params.changes}
        if not uris <= server.workspace.text_documents.keys():  # an editor saves what it shows already
            server.reload()

    @server.feature(types.SHUTDOWN)
    async def stop_analysis(params: None) -> None:
        await server.analysis.close()


def _register_questions(server: ConnServer) -> None:
    """Answer what an editor asks about a position."""

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=_TRIGGERS))
    async def complete(params: types.CompletionParams) -> list[types.CompletionItem]:
        reply = await server.ask_at("complete", params.text_document, params.position)
        return [conversions.to_item(suggestion, index) for index, suggestion in enumerate(reply.complete)]

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        reply = await server.ask_at("hover", params.text_document, params.position)
        return None if reply.hover is None else conversions.to_hover(reply.hover)

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    async def define(params: types.DefinitionParams) -> list[types.Location]:
        reply = await server.ask_at("define", params.text_document, params.position)
        return [conversions.to_location(target) for target in reply.define]

    kinds = types.CodeActionOptions([types.CodeActionKind.QuickFix])

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, kinds)
    async def offer_actions(params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        uri = params.text_document.uri
        start, end = params.range.start.line, params.range.end.line
        query = EditorQuery("act", server.encoding, path=find_path(uri), line=start, end_line=end)
        reply = await server.ask(query)
        problems = [problem for problem in params.context.diagnostics if problem.source == "conn"]
        codes = dict.fromkeys(str(problem.code) for problem in problems)
        fixes = [conversions.to_action(action, uri, problems) for action in reply.act]
        return [*fixes, *(types.Command(f"Explain {code}", EXPLAIN, arguments=[code]) for code in codes)]


def _register_commands(server: ConnServer) -> None:
    """Run the commands that an editor can call."""

    @server.command(EXPLAIN)
    async def explain(code: str) -> str:
        reply = await server.ask(EditorQuery("explain", word=code))
        if reply.explain:
            server.window_show_message(types.ShowMessageParams(types.MessageType.Info, reply.explain))
        return reply.explain

    @server.command(CHOOSE)
    async def choose_recording(uri: str) -> None:
        server.recording = find_path(uri) or uri
