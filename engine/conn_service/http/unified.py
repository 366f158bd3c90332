"""The unified API: run an operation of an account for a caller, and return what HTTP needs. There is no HTTP here."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext
from dataclasses import dataclass, field
from typing import Any

from conn_engine.config import OperationName
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import AsyncConnection, describe_page
from conn_engine.runtime.plans import plan_operation
from conn_engine.runtime.report import PlannedRequest, describe_request
from conn_engine.wire import Completeness, Page
from conn_service.http.accounts import KeptConnections
from conn_service.http.calls import CallWords, UnifiedCall, UnifiedPath, read_call, resolve_operation
from conn_service.http.problems import HttpProblem

__all__ = ["Permit", "UnifiedAnswer", "UnifiedApi"]

Permit = Callable[[OperationName, str, bool], None]
"""Is called with the operation, its connector, and whether it writes. Raises if the caller may not use it."""


WatchCall = Callable[[AsyncConnection, OperationName, Call], AbstractContextManager[AsyncConnection]]


@dataclass(frozen=True, slots=True)
class UnifiedAnswer:
    """The body of an answer as JSON data, its status, and the headers that the caller may see."""

    data: dict[str, Any]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UnifiedApi:
    """Runs unified operations over kept connections. `observe` is called with the connector and each of its pages, and
    `watch` surrounds the call of each operation. `words` are those of messages about a call."""

    connections: KeptConnections
    observe: Callable[[str, Page], None] = lambda connector, page: None
    words: CallWords = field(default_factory=CallWords)
    watch: WatchCall = lambda connection, operation, call: nullcontext(connection)

    async def answer(
        self,
        account: str,
        path: UnifiedPath,
        http_method: str,
        query: Sequence[tuple[str, str]],
        body: Any,
        *,
        permit: Permit,
    ) -> UnifiedAnswer:
        """Run the operation of a request up to its first page.

        Raises HttpProblem, and the errors of `Connection.page`.
        """
        async with self.connections.use(account) as connection:
            asked = self._read_call(connection, path, http_method, query, body, permit)
            name = asked.contract.name
            with self.watch(connection, name, asked.call) as observed:
                page = await observed.page(name, asked.call)
            self.observe(connection.effective.connector_name, page)
            headers = dict(page.headers)
            data = describe_page(name.text, page, connection.wiring.redactor)
            if asked.contract.is_list or (asked.contract.is_custom and not page.whole):
                data["result"] = [_select(record, asked.fields) for record in data["result"]]
                return UnifiedAnswer(data, headers=headers)
            if name.method == "get" and not page.records:
                raise HttpProblem(404, "not_found", "the vendor does not know the record")
            record = _select(page.records[0] if page.records else None, asked.fields)
            more = {"problems": data["problems"]} if "problems" in data else {}
            return UnifiedAnswer({"result": record, **more}, 201 if name.method == "create" else 200, headers)

    async def check(self, account: str, path: UnifiedPath, http_method: str, *, permit: Permit) -> None:
        """Raise HttpProblem if the caller may not use the operation of a request. Nothing is sent."""
        async with self.connections.use(account) as connection:
            contract = resolve_operation(connection.effective, path, http_method)
            permit(contract.name, connection.effective.connector_name, contract.is_write)

    async def plan(
        self,
        account: str,
        path: UnifiedPath,
        http_method: str,
        query: Sequence[tuple[str, str]],
        body: Any,
        *,
        permit: Permit,
    ) -> PlannedRequest | None:
        """Check a request, and return the first request that it would send to the vendor. Nothing is sent.

        Raises HttpProblem, and the errors of `Connection.page` that occur before a request.
        """
        async with self.connections.use(account) as connection:
            asked = self._read_call(connection, path, http_method, query, body, permit)
            wiring = connection.wiring
            request = await asyncio.to_thread(plan_operation, wiring, asked.contract.name, asked.call)
            return None if request is None else describe_request(request, wiring.redactor)

    async def stream(
        self,
        account: str,
        path: UnifiedPath,
        query: Sequence[tuple[str, str]],
        *,
        permit: Permit,
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield every record of a listing as `{"record": …}`, and at its end `{"end": …}` with the number of records
        and whether they are complete.

        Raises HttpProblem before the first line, and later the errors of `Connection.pages`.
        """
        async with self.connections.use(account) as connection:
            asked = self._read_call(connection, path, "GET", query, None, permit)
            count = 0
            verdict: Completeness | None = None
            async with aclosing(connection.pages(asked.contract.name, asked.call)) as pages:
                async for page in pages:
                    self.observe(connection.effective.connector_name, page)
                    for record in page.records:
                        count += 1
                        yield {"record": _select(record, asked.fields)}
                    verdict = page.completeness
            yield {"end": {"count": count, "completeness": _describe_verdict(verdict)}}

    def _read_call(  # noqa: PLR0917
        self,
        connection: AsyncConnection,
        path: UnifiedPath,
        http_method: str,
        query: Sequence[tuple[str, str]],
        body: Any,
        permit: Permit,
    ) -> UnifiedCall:
        contract = resolve_operation(connection.effective, path, http_method)
        permit(contract.name, connection.effective.connector_name, contract.is_write)
        return read_call(contract, path, query, body, self.words)


def _select(record: Any, fields: frozenset[str] | None) -> Any:
    if fields is None or not isinstance(record, dict):
        return record
    return {name: value for name, value in record.items() if name in fields}


def _describe_verdict(verdict: Completeness | None) -> dict[str, str]:
    if verdict is None:
        return {"state": "unknown", "reason": "the listing has no end that can be checked"}
    return {"state": verdict.state, **({"reason": verdict.reason} if verdict.reason else {})}
