"""Connect an account, and run its operations over the network.

This is the library's entry point (`conn_engine.connect`, `conn_engine.aconnect`). Replays do not use it.
"""

import builtins
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, TypeVar

from conn_engine.auth import CAPTURED
from conn_engine.bodies import BodyContent
from conn_engine.config import Effective, OperationName, Workspace
from conn_engine.runtime.call import Call
from conn_engine.runtime.drive import AsyncSender, Sender, adrive, drive, finish
from conn_engine.runtime.endings import incomplete_error, log_verdict
from conn_engine.runtime.field_problems import log_problems, merge_problems, to_row
from conn_engine.runtime.lifecycle import connect_steps, revoke, verify
from conn_engine.runtime.listing import perform_partitions
from conn_engine.runtime.operation import perform
from conn_engine.runtime.unified import find_operation_behind, vendor_behind
from conn_engine.runtime.wiring import Wiring, wire_account
from conn_engine.secrets import Redactor
from conn_engine.secrets.vault import LayeredVault, WorkspaceVault
from conn_engine.wire import Completeness, FieldProblem, Flow, Headers, Page

__all__ = ["AsyncConnection", "Connection", "aconnect", "connect"]

T = TypeVar("T")


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
        name = self.effective.resolve(operation, raw=raw) if isinstance(operation, str) else operation
        flow = perform(self.wiring.run, name, call or Call())
        return self._drive(flow)

    def partitions(
        self, operation: str | OperationName, call: Call | None = None, *, raw: bool = False
    ) -> Generator[Page, None, None]:
        """Yield what a fanned-out operation would run for, without running it: a page with one record per partition."""
        name = self.effective.resolve(operation, raw=raw) if isinstance(operation, str) else operation
        behind = vendor_behind(self.effective, name, call)
        flow = perform_partitions(self.wiring.run, behind, call or Call())
        return self._drive(flow)

    def list(self, operation: str, call: Call | None = None) -> dict[str, Any]:
        """Return one page of a listing as `{result, next_cursor, prev_cursor, result_count}`.

        An incremental listing also has its `state`. The last page of a listing that is not complete also has
        `completeness` (`{state, reason}`). If expressions of fields fail on records, there are `problems`
        (`[{field, records, first_ids, message}]`).
        """
        parts: builtins.list[Page] = []
        with closing(self.pages(operation, call)) as pages:
            for part in pages:
                parts.append(part)
                if not part.partial:
                    break
        return _merge_parts(operation, parts, self.wiring.redactor)

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
        wiring = self.wiring
        is_verified = self._finish(verify(wiring.run))
        if is_verified and isinstance(wiring.vault, LayeredVault | WorkspaceVault):
            wiring.vault.mark(wiring.session.account, verified_at=wiring.session.clock.now())
        return is_verified

    def prepare(self) -> dict[str, Any]:
        """Run the connector's `connect` steps, store their values with the account, and return them by name."""
        wiring = self.wiring
        account = wiring.session.account
        values = self._finish(connect_steps(wiring.run))
        if values:
            with wiring.vault.exclusive(account):
                stored = wiring.vault.load(account) or {}
                before = stored.get(CAPTURED)
                captured = {**(before if isinstance(before, dict) else {}), **values}
                wiring.vault.save(account, {**stored, CAPTURED: captured})
        return values

    def revoke(self) -> bool:
        """Revoke the account's credential at the vendor. Returns False when the connector does not configure it.

        Raises CredentialError when the vendor refuses. The stored credential is not changed.
        """
        return self._finish(revoke(self.wiring.run))

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
        """Run an operation and yield its pages as they arrive."""
        name = self.effective.resolve(operation, raw=raw) if isinstance(operation, str) else operation
        flow = perform(self.wiring.run, name, call or Call())
        wiring = self.wiring
        session = wiring.session
        return adrive(
            flow,
            self.transport,
            wiring.vault,
            clock=session.clock,
            redactor=wiring.redactor,
            aside=session.conditions.isolation is not None,
        )

    async def list(self, operation: str, call: Call | None = None) -> dict[str, Any]:
        """See `Connection.list`."""
        parts: builtins.list[Page] = []
        async with aclosing(self.pages(operation, call)) as pages:
            async for part in pages:
                parts.append(part)
                if not part.partial:
                    break
        return _merge_parts(operation, parts, self.wiring.redactor)

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

    async def aclose(self) -> None:
        """Close the network connections."""
        close = getattr(self.transport, "aclose", None)
        if close is not None:
            await close()

    async def __aenter__(self) -> "AsyncConnection":
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.aclose()


def _merge_parts(operation: str, parts: Sequence[Page], redactor: Redactor) -> dict[str, Any]:
    """Return one page, or the parts of a page that arrived in parts, as `Connection.list` returns it."""
    records = [record for part in parts for record in part.records]
    last = parts[-1] if parts else Page([], [])
    problems = merge_problems(*(part.problems for part in parts))
    log_problems(operation, problems, len(records), redactor)
    verdict = last.completeness if not last.whole else None
    verdict = None if verdict is None or verdict.state == "complete" else verdict
    if verdict is not None:
        log_verdict(operation, verdict, redactor)
    return {
        "result": records,
        "next_cursor": last.next_cursor,
        "prev_cursor": last.prev_cursor,
        "result_count": len(records),
        **({} if last.state is None else {"state": last.state}),
        **({} if verdict is None else {"completeness": {"state": verdict.state, "reason": verdict.reason}}),
        **({} if not problems else {"problems": [to_row(problem) for problem in problems]}),
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
