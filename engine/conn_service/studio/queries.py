"""The processes that answer queries: one for what each key needs, and others for everything that may take longer."""

import os
from contextlib import suppress
from typing import Final

import msgspec

from conn_service.authoring.results import describe_problem
from conn_service.query_process.process import QueryProcess, QueryStoppedError
from conn_service.studio.hosting import DocumentFolder, QueryContext
from conn_service.studio.jobs import ImpactJobs
from conn_service.studio.views.rendering import CREATING, EDITING, RELEASING, WITH_CREDENTIALS

__all__ = ["StudioQueries"]

_WORKER: Final = "conn_service.studio.worker"
_KEY_SECONDS: Final = 20.0
"""The longest time for what an author waits for at each key. Then the process is killed. An expression ends much
earlier: each has a tenth of the usual limits."""
_KEYS: Final = ("evaluate", "records", "readers", "why")
_SAVING: Final = CREATING | EDITING | RELEASING
"""The pages and forms that change something. No query of somebody who only looks delays them."""
_LONG_SECONDS: Final = 120.0
"""The longest time for a plan: all recordings of an account, before and after."""


class StudioQueries:
    """Asks processes that read the documents of a folder."""

    def __init__(self, folder: DocumentFolder) -> None:
        self._folder = folder
        arguments = self._arguments = [str(folder.root)]
        self._at_keys = QueryProcess(_WORKER, arguments)
        self._for_review = QueryProcess(_WORKER, arguments)
        self._for_pages = QueryProcess(_WORKER, arguments)
        self._for_saving = QueryProcess(_WORKER, arguments)
        self._jobs = ImpactJobs(_WORKER, arguments)

    async def ask(self, name: str, body: bytes, context: QueryContext) -> tuple[int, bytes]:
        """Return the status and the JSON of an answer. If the process is stopped, the answer says so, and the next
        query starts it."""
        process, seconds = self._for_review, _LONG_SECONDS
        if name in _KEYS:
            process, seconds = self._at_keys, _KEY_SECONDS
        else:
            await self._folder.update()
        query = _encode(name, body, context)
        if name != "check_save":
            return await self._ask(process, query, seconds)
        status, reply = await self._ask(self._for_saving, query, seconds)
        if status != 409:
            return status, reply
        described = await self._ask(process, query, seconds)  # it knows the text that was opened
        return described if described[0] == 409 else (status, reply)

    async def ask_page(self, page: str, body: bytes, context: QueryContext) -> tuple[int, bytes]:
        """Return the status and the JSON of a page without scripts, or of a form of one. One with credentials has a
        process of its own, which ends with it."""
        await self._folder.update()
        query = _encode("page", body, context)
        if page not in WITH_CREDENTIALS:
            return await self._ask(self._for_saving if page in _SAVING else self._for_pages, query, _LONG_SECONDS)
        process = QueryProcess(_WORKER, self._arguments, os.environ)
        try:
            return await self._ask(process, query, _LONG_SECONDS)
        finally:
            await process.end()

    @staticmethod
    async def _ask(process: QueryProcess, query: bytes, seconds: float) -> tuple[int, bytes]:
        try:
            reply = await process.ask(lambda _: query, seconds)
        except QueryStoppedError as stopped:
            message = f"the evaluation was stopped: {stopped}"
            fix = "look for an expression that does not end, or for a very large recording"
            return 503, msgspec.json.encode(describe_problem("stopped", message, fix))
        return int(reply[:3]), reply[3:]

    async def prepare(self) -> None:
        """Start the process that answers at each key, or let it read what has changed."""
        await self._folder.update()
        with suppress(QueryStoppedError):
            await self._at_keys.ask(lambda _: _encode("refresh", b"{}", QueryContext()), _LONG_SECONDS)

    async def update(self) -> None:
        """Let the process that answers at each key read what has changed, if it runs."""
        if self._at_keys.pid is not None:
            await self.prepare()

    async def start_impact(self, body: bytes, context: QueryContext) -> tuple[int, dict[str, object]]:
        """Start a check of every account."""
        await self._folder.update()
        return await self._jobs.start(_encode("impact", body, context), context.user.actor)

    async def follow_impact(self, job: str, *, stops: bool) -> tuple[int, dict[str, object]]:
        """Return how far a check is, after stopping it if wanted."""
        return await self._jobs.stop(job) if stops else self._jobs.describe(job)

    async def close(self) -> None:
        """Stop the processes."""
        await self._jobs.close()
        for process in (self._at_keys, self._for_review, self._for_pages, self._for_saving):
            await process.end()


def _encode(name: str, body: bytes, context: QueryContext) -> bytes:
    return b"\n".join((name.encode(), msgspec.json.encode(context), body))
