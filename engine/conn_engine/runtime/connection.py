"""Connect an account, and run its operations over the network.

This is the library's entry point (`conn_engine.connect`, `conn_engine.aconnect`). Replays do not use it.
"""

import builtins
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from conn_engine.auth import CAPTURED
from conn_engine.bodies import BodyContent
from conn_engine.config import Effective, OperationName, Workspace
from conn_engine.runtime.call import Call
from conn_engine.runtime.drive import AsyncSender, Sender, adrive, afinish, drive, finish
from conn_engine.runtime.endings import incomplete_error, log_verdict
from conn_engine.runtime.field_problems import log_problems, merge_problems, to_row
from conn_engine.runtime.lifecycle import connect_steps, renew_early, revoke, verify
from conn_engine.runtime.listing import perform_partitions
from conn_engine.runtime.operation import perform
from conn_engine.runtime.passing import PassedResponse, PlainRequest, pass_request
from conn_engine.runtime.unified import find_operation_behind, vendor_behind
from conn_engine.runtime.wiring import Wiring, wire_account
from conn_engine.secrets import Redactor
from conn_engine.secrets.vault import LayeredVault, WorkspaceVault
from conn_engine.wire import Completeness, FieldProblem, Flow, Headers, Page, Response

if TYPE_CHECKING:
    import asyncio

__all__ = ["AsyncConnection", "Connection", "aconnect", "connect", "describe_page"]

T = TypeVar("T")
_STEPS_AT_ONCE = 2
"""An account cannot use all workers of an isolation, nor all threads."""


class Connection:
    """A connected account. Use it as a context manager; `pages` runs an operation."""

    def __init__(self, wiring: Wiring, transport: Sender) -> None:
        self.wiring = wiring
        self.transport = transport

    @property
    def effective(self) -> Effective:
        """The account's effective configuration."""
        return self.wiring.effective

    def pages(
        self, operation: str | OperationName, call: Call | None = None, *, raw: bool = False
    ) -> Generator[Page, None, None]:
        """Run an operation (`contacts.list`) and yield its pages as they arrive. Raises the errors of `perform`."""
        return self._drive(_pages_of(self.wiring, operation, call or Call(), raw=raw))

    def partitions(
        self, operation: str | OperationName, call: Call | None = None, *, raw: bool = False
    ) -> Generator[Page, None, None]:
        """Yield what a fanned-out operation would run for, without running it: a page with one record per partition."""
        return self._drive(_partitions_of(self.wiring, operation, call or Call(), raw=raw))

    def page(self, operation: str | OperationName, call: Call | None = None, *, raw: bool = False) -> Page:
        """Run an operation up to the end of its first page, and return that page, whole even if it is long.

        It has the status and the headers that `list` leaves out. Raises the errors of `perform`.
        """
        parts: builtins.list[Page] = []
        with closing(self.pages(operation, call, raw=raw)) as pages:
            for part in pages:
                parts.append(part)
                if not part.partial:
                    break
        return _join_parts(parts)

    def list(self, operation: str, call: Call | None = None) -> dict[str, Any]:
        """Return one page of a listing as `{result, next_cursor, prev_cursor, result_count}`.

        An incremental listing also has its `state`. The last page of a listing that is not complete also has
        `completeness` (`{state, reason}`). If expressions of fields fail on records, there are `problems`
        (`[{field, records, first_ids, message}]`).
        """
        return describe_page(operation, self.page(operation, call), self.wiring.redactor)

    @contextmanager
    def download(
        self, operation: str | OperationName, call: Call | None = None, *, raw: bool = False
    ) -> Iterator[BodyContent]:
        """Run an operation and open its response as bytes, whatever its format.

        The content has `content_type`, `filename` and `size`. Read it with `pieces()`, `open()`, `read()` or
        `save(path)`. It is closed at the end of the block. Raises the errors of `perform`.
        """
        with closing(self.pages(operation, replace(call or Call(), as_file=True), raw=raw)) as pages:
            yield _content(next(pages, None))

    def records(self, operation: str, call: Call | None = None) -> Iterator[Any]:
        """Yield every record of every page, one by one, as pages arrive.

        Raises IncompleteError after the last record if records are missing, unless the operation sets `complete` to
        `warn` or `ignore`. Fields that are empty because their expressions fail are logged.
        """
        tally = _RecordTally()
        with closing(self.pages(operation, call)) as pages:
            for page in pages:
                tally.add(page)
                yield from page.records
        tally.conclude(self.wiring, operation, call)

    def verify(self) -> bool:
        """Verify the credential with the connector's `verify` operation. Returns False when the connector has none.

        Raises CredentialError when the vendor refuses the credential.
        """
        return _note_verified(self.wiring, is_verified=self._finish(verify(self.wiring.run)))

    def prepare(self) -> dict[str, Any]:
        """Run the connector's `connect` steps, store their values with the account, and return them by name."""
        return _save_captured(self.wiring, self._finish(connect_steps(self.wiring.run)))

    def revoke(self) -> bool:
        """Revoke the account's credential at the vendor. Returns False when the connector does not configure it.

        Raises CredentialError when the vendor refuses. The stored credential is not changed.
        """
        return self._finish(revoke(self.wiring.run))

    def renew_early(self, seconds: float) -> bool:
        """Renew the credential if it expires within `seconds`, and store it. Returns whether it was renewed.

        Raises the errors of `lifecycle.renew_early`.
        """
        return self._finish(renew_early(self.wiring.run, seconds))

    def request(self, asked: PlainRequest) -> Response:
        """Send a request of your own below the base URL, with the account's credential, and return its response.

        Raises the errors of `pass_request`.
        """
        return self.pass_on(asked).response

    def pass_on(self, asked: PlainRequest) -> PassedResponse:
        """Do the same as `request`, and also return the quotas that the response reports."""
        return self._finish(pass_request(self.wiring.run, asked))

    def _drive(self, flow: Flow[Any]) -> Generator[Page, None, None]:
        wiring = self.wiring
        return drive(flow, self.transport, wiring.vault, clock=wiring.session.clock, redactor=wiring.redactor)

    def _finish(self, flow: Flow[T]) -> T:
        wiring = self.wiring
        return finish(flow, self.transport, wiring.vault, wiring.session.clock, wiring.redactor)

    def close(self) -> None:
        """Close the network connections."""
        close = getattr(self.transport, "close", None)
        if close is not None:
            close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()


class AsyncConnection:
    """The asynchronous version of `Connection`."""

    def __init__(self, wiring: Wiring, transport: AsyncSender) -> None:
        self.wiring = wiring
        self.transport = transport

    @property
    def effective(self) -> Effective:
        """The account's effective configuration."""
        return self.wiring.effective

    def pages(
        self, operation: str | OperationName, call: Call | None = None, *, raw: bool = False
    ) -> AsyncGenerator[Page, None]:
        """See `Connection.pages`."""
        return self._drive(_pages_of(self.wiring, operation, call or Call(), raw=raw))

    def partitions(
        self, operation: str | OperationName, call: Call | None = None, *, raw: bool = False
    ) -> AsyncGenerator[Page, None]:
        """See `Connection.partitions`."""
        return self._drive(_partitions_of(self.wiring, operation, call or Call(), raw=raw))

    async def page(self, operation: str | OperationName, call: Call | None = None, *, raw: bool = False) -> Page:
        """See `Connection.page`."""
        parts: builtins.list[Page] = []
        async with aclosing(self.pages(operation, call, raw=raw)) as pages:
            async for part in pages:
                parts.append(part)
                if not part.partial:
                    break
        return _join_parts(parts)

    async def list(self, operation: str, call: Call | None = None) -> dict[str, Any]:
        """See `Connection.list`."""
        return describe_page(operation, await self.page(operation, call), self.wiring.redactor)

    @asynccontextmanager
    async def download(
        self, operation: str | OperationName, call: Call | None = None, *, raw: bool = False
    ) -> AsyncIterator[BodyContent]:
        """See `Connection.download`."""
        async with aclosing(self.pages(operation, replace(call or Call(), as_file=True), raw=raw)) as pages:
            yield _content(await anext(pages, None))

    async def records(self, operation: str, call: Call | None = None) -> AsyncIterator[Any]:
        """See `Connection.records`."""
        tally = _RecordTally()
        async with aclosing(self.pages(operation, call)) as pages:
            async for page in pages:
                tally.add(page)
                for record in page.records:
                    yield record
        tally.conclude(self.wiring, operation, call)

    async def verify(self) -> bool:
        """See `Connection.verify`."""
        import asyncio  # imported here: it adds 15 ms to the start of the command line

        is_verified = await self._finish(verify(self.wiring.run))
        return await asyncio.to_thread(_note_verified, self.wiring, is_verified=is_verified)

    async def prepare(self) -> dict[str, Any]:
        """See `Connection.prepare`."""
        import asyncio

        values = await self._finish(connect_steps(self.wiring.run))
        return await asyncio.to_thread(_save_captured, self.wiring, values)

    async def revoke(self) -> bool:
        """See `Connection.revoke`."""
        return await self._finish(revoke(self.wiring.run))

    async def request(self, asked: PlainRequest) -> Response:
        """See `Connection.request`."""
        return (await self.pass_on(asked)).response

    async def pass_on(self, asked: PlainRequest) -> PassedResponse:
        """See `Connection.pass_on`."""
        return await self._finish(pass_request(self.wiring.run, asked))

    def _drive(self, flow: Flow[Any]) -> AsyncGenerator[Page, None]:
        wiring = self.wiring
        clock = wiring.session.clock
        return adrive(
            flow, self.transport, wiring.vault, clock=clock, redactor=wiring.redactor, aside=self._steps_aside
        )

    async def _finish(self, flow: Flow[T]) -> T:
        wiring = self.wiring
        clock = wiring.session.clock
        return await afinish(flow, self.transport, wiring.vault, clock, wiring.redactor, self._steps_aside)

    def with_transport(self, transport: AsyncSender) -> "AsyncConnection":
        """Return this connection with another transport. Both share what limits the account's steps."""
        _ = self._steps_aside  # created once for both
        other = copy(self)
        other.transport = transport
        return other

    @cached_property
    def _steps_aside(self) -> "asyncio.Semaphore | None":
        """What limits the account's steps in threads; None if none of them waits for a worker or a database."""
        import asyncio

        return asyncio.Semaphore(_STEPS_AT_ONCE) if self.wiring.may_block else None

    async def aclose(self) -> None:
        """Close the network connections."""
        close = getattr(self.transport, "aclose", None)
        if close is not None:
            await close()

    async def __aenter__(self) -> "AsyncConnection":
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.aclose()


def _pages_of(wiring: Wiring, operation: str | OperationName, call: Call, *, raw: bool) -> Flow[None]:
    name = wiring.effective.resolve(operation, raw=raw) if isinstance(operation, str) else operation
    return perform(wiring.run, name, call)


def _partitions_of(wiring: Wiring, operation: str | OperationName, call: Call, *, raw: bool) -> Flow[None]:
    name = wiring.effective.resolve(operation, raw=raw) if isinstance(operation, str) else operation
    return perform_partitions(wiring.run, vendor_behind(wiring.effective, name, call), call)


def _note_verified(wiring: Wiring, *, is_verified: bool) -> bool:
    if is_verified and isinstance(wiring.vault, LayeredVault | WorkspaceVault):
        wiring.vault.mark(wiring.session.account, verified_at=wiring.session.clock.now())
    return is_verified


def _save_captured(wiring: Wiring, values: dict[str, Any]) -> dict[str, Any]:
    """Store the values of `connect` steps with the account, beside those of earlier ones."""
    account = wiring.session.account
    if values:
        with wiring.vault.exclusive(account):
            stored = wiring.vault.load(account) or {}
            before = stored.get(CAPTURED)
            captured = {**(before if isinstance(before, dict) else {}), **values}
            wiring.vault.save(account, {**stored, CAPTURED: captured})
    return values


def _join_parts(parts: Sequence[Page]) -> Page:
    """Return the page that arrived in these parts."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Page([], [])
    return replace(
        parts[-1],
        records=[record for part in parts for record in part.records],
        raw=[record for part in parts for record in part.raw],
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        problems=merge_problems(*(part.problems for part in parts)),
        mapping_seconds=sum(part.mapping_seconds for part in parts),
    )


def describe_page(operation: str, page: Page, redactor: Redactor) -> dict[str, Any]:
    """Return a page as `Connection.list` does."""
    log_problems(operation, page.problems, len(page.records), redactor)
    verdict = page.completeness if not page.whole else None
    verdict = None if verdict is None or verdict.state == "complete" else verdict
    if verdict is not None:
        log_verdict(operation, verdict, redactor)
    return {
        "result": page.records,
        "next_cursor": page.next_cursor,
        "prev_cursor": page.prev_cursor,
        "result_count": len(page.records),
        **({} if page.state is None else {"state": page.state}),
        **({} if verdict is None else {"completeness": {"state": verdict.state, "reason": verdict.reason}}),
        **({} if not page.problems else {"problems": [to_row(problem) for problem in page.problems]}),
    }


@dataclass(slots=True)
class _RecordTally:
    """What a listing reports after its last record to callers that receive only records."""

    count: int = 0
    verdict: Completeness | None = None
    problems: tuple[FieldProblem, ...] = ()

    def add(self, page: Page) -> None:
        """Add a page."""
        self.count += len(page.records)
        self.verdict = page.completeness
        self.problems = merge_problems(self.problems, page.problems)

    def conclude(self, wiring: Wiring, operation: str, call: Call | None) -> None:
        """Log the failures of fields and the verdict. Raises IncompleteError if the listing failed."""
        log_problems(operation, self.problems, self.count, wiring.redactor)
        verdict = self.verdict
        if verdict is None or verdict.state == "complete":
            return
        if not verdict.is_failure:
            log_verdict(operation, verdict, wiring.redactor)
            return
        effective = wiring.effective
        vendor = find_operation_behind(effective, effective.resolve(operation), call)
        raise incomplete_error(effective, vendor, verdict, self.count)


def _content(page: Page | None) -> BodyContent:
    return page.content if page is not None and page.content is not None else BodyContent(Headers(), lambda: iter(()))


def connect(workspace: Workspace, account: str, *, environ: Mapping[str, str], **options: Any) -> Connection:
    """Connect an account for synchronous use. `options` are those of `wire_account`."""
    wiring = wire_account(workspace, account, environ=environ, **options)
    return Connection(wiring, wiring.live())


def aconnect(workspace: Workspace, account: str, *, environ: Mapping[str, str], **options: Any) -> AsyncConnection:
    """Connect an account for use in an event loop. `options` are those of `wire_account`."""
    from conn_engine.transport.live import AsyncLive

    wiring = wire_account(workspace, account, environ=environ, **options)
    return AsyncConnection(wiring, AsyncLive(wiring.redactor, trust=wiring.trust, clock=wiring.session.clock))
