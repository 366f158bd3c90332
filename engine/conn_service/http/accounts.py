"""Connections of accounts, kept between requests: a new one costs a look into the vault, a handshake and a TLS session.

A connection belongs to one revision of the configuration. When that changes, or the vendor refuses the credential, the
next request gets a new connection, and the old one is closed after its last request.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from conn_engine.conditions import DEFAULT_LIMITS, EvaluationLimits
from conn_engine.config import Workspace
from conn_engine.errors import ConnError, CredentialError
from conn_engine.releases.model import Rollout
from conn_engine.responses.failures import Policy
from conn_engine.responses.ratelimit import BudgetStore
from conn_engine.runtime.connection import AsyncConnection, aconnect
from conn_engine.secrets import Vault
from conn_engine.wire import MACHINE_CLOCK, Clock
from conn_service.http.channel import find_broken_accounts, log_broken_accounts
from conn_service.revisions import ConfigurationSource

if TYPE_CHECKING:
    from conn_engine.expressions.isolation import Isolation

__all__ = ["ConfigurationSource", "KeptConnections", "LoginWatch", "WorkspaceConfiguration", "wait_for_tasks"]

_LOG = logging.getLogger(__name__)
_MOST_KEPT = 1_000
_OLDEST_SECONDS = 300.0
_POLICY = Policy(transport_retries=1, transport_seconds=1.0, retries=0, budget_seconds=2.0)
"""A caller waits for the response, and can send the request again itself."""


class WorkspaceConfiguration:
    """The configuration of a folder, as it was when the service started."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._broken: Mapping[str, ConnError] = {}
        self.fault: str | None = None

    def get_current(self) -> tuple[str, Workspace]:
        """Return the workspace."""
        return "", self._workspace

    def get_of_account(self, account: str) -> tuple[str, Workspace]:
        """Return the workspace."""
        return "", self._workspace

    def find_tenant(self, account: str) -> str | None:
        """Return the account itself."""
        return account if self._workspace.has_account(account) else None

    def find_broken(self) -> Mapping[str, ConnError]:
        """Return the accounts whose files cannot be used, once `follow` has read them."""
        return self._broken

    def halt_rollout(self, rollout: Rollout, reason: str, checks: Mapping[str, Any]) -> None:
        """Do nothing: a folder has no rollout."""

    async def follow(self) -> None:
        """Read the files of all accounts once, and log what is wrong with them."""
        self._broken = await asyncio.to_thread(find_broken_accounts, self._workspace)
        log_broken_accounts(self._broken)


@dataclass(slots=True)
class _Kept:
    connection: AsyncConnection
    revision: str
    opened: float
    users: int = 0
    is_dropped: bool = False
    has_worked: bool = False


class LoginWatch(Protocol):
    """Who wants to know whether the logins of accounts work. Both methods block."""

    def note_broken(self, workspace: Workspace, account: str, error: CredentialError, now: float) -> bool:
        """Note that an account's login no longer works."""
        ...

    def note_working(self, account: str) -> bool:
        """Note that an account's login works."""
        ...


class KeptConnections:
    """The connections of one event loop, by account. `aclose` it, or use it as an async context manager.

    `vault` has the credentials, `isolation` runs the expressions that accounts set, `limits` bound all of them, and
    `budgets` counts the requests to vendors. `observe` is called for each new connection, and `logins` learns whether
    its credential works.
    """

    def __init__(
        self,
        source: ConfigurationSource,
        vault: Vault,
        environ: Mapping[str, str],
        *,
        clock: Clock = MACHINE_CLOCK,
        isolation: "Isolation | None" = None,
        budgets: BudgetStore | None = None,
        limits: EvaluationLimits = DEFAULT_LIMITS,
        most: int = _MOST_KEPT,
        observe: Callable[[AsyncConnection], None] = lambda connection: None,
        logins: LoginWatch | None = None,
    ) -> None:
        self.source = source
        self._logins = logins
        self._clock = clock
        self._observe = observe
        self._vault = vault
        self._most = most
        self._options: dict[str, Any] = {
            "environ": environ,
            "vault": vault,
            "clock": clock,
            "isolation": isolation,
            "budgets": budgets,
            "limits": limits,
            "policy": _POLICY,
        }
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._opening: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def use(self, account: str) -> AsyncIterator[AsyncConnection]:
        """Lend the account's connection. Raises the errors of `wire_account`."""
        kept = await self._get(account)
        kept.users += 1
        try:
            yield kept.connection
            self._note_working(account, kept)
        except CredentialError as error:
            self._drop(account, kept)  # the account may log in again, and its new credential is read then
            self._note_broken(account, error)
            raise
        finally:
            kept.users -= 1
            if kept.is_dropped and kept.users == 0:
                await kept.connection.aclose()

    def _note_working(self, account: str, kept: _Kept) -> None:
        """Tell it once for each connection: a credential that worked a moment ago still does."""
        if self._logins is not None and not kept.has_worked:
            kept.has_worked = True
            self._tell(account, partial(self._logins.note_working, account))

    def _note_broken(self, account: str, error: CredentialError) -> None:
        if self._logins is not None:
            workspace, now = self.source.get_current()[1], self._clock.now()
            self._tell(account, partial(self._logins.note_broken, workspace, account, error, now))

    def _tell(self, account: str, work: Callable[[], bool]) -> None:
        """Run something in a thread that no request waits for."""

        async def run() -> None:
            try:
                await asyncio.to_thread(work)
            except Exception as error:
                reason = error.message if isinstance(error, ConnError) else type(error).__name__
                _LOG.error('whether account "%s" must log in was not stored: %s', account, reason)

        _keep_task(asyncio.ensure_future(run()))

    async def forget(self, account: str) -> None:
        """Let the next request of an account read its credential again: it was replaced. One that is being opened may
        have read the former one, and is dropped too."""
        lock = self._opening.get(account)
        if lock is not None:
            async with lock:
                pass
        kept = self._kept.get(account)
        if kept is not None:
            self._drop(account, kept)

    async def _get(self, account: str) -> _Kept:
        revision, workspace = self.source.get_of_account(account)
        kept = self._find(account, revision)
        if kept is not None:
            return kept
        lock = self._opening.setdefault(account, asyncio.Lock())
        try:
            async with lock:
                kept = self._find(account, revision)
                if kept is None:
                    connection = await asyncio.to_thread(aconnect, workspace, account, **self._options)
                    self._observe(connection)
                    kept = self._kept[account] = _Kept(connection, revision, time.monotonic())
        finally:
            if not lock.locked():
                self._opening.pop(account, None)
        while len(self._kept) > self._most:
            oldest = next(iter(self._kept))
            await self._close_unused(oldest, self._kept[oldest])
        return kept

    def _find(self, account: str, revision: str) -> _Kept | None:
        kept = self._kept.get(account)
        if kept is None:
            return None
        if kept.revision != revision or (not kept.users and time.monotonic() - kept.opened > _OLDEST_SECONDS):
            self._drop(account, kept)
            return None
        self._kept.move_to_end(account)
        return kept

    def _drop(self, account: str, kept: _Kept) -> None:
        if self._kept.get(account) is kept:
            del self._kept[account]
        kept.is_dropped = True
        if kept.users == 0:
            _keep_task(asyncio.ensure_future(kept.connection.aclose()))

    async def _close_unused(self, account: str, kept: _Kept) -> None:
        del self._kept[account]
        kept.is_dropped = True
        if kept.users == 0:
            await kept.connection.aclose()

    def __len__(self) -> int:
        return len(self._kept)

    async def aclose(self) -> None:
        """Close every connection, after what is still being noted."""
        await wait_for_tasks()
        for account, kept in list(self._kept.items()):
            await self._close_unused(account, kept)

    async def __aenter__(self) -> "KeptConnections":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


_RUNNING: set["asyncio.Future[None]"] = set()
"""What no request waits for: a task that nothing refers to may be collected before it ends."""


async def wait_for_tasks() -> None:
    """Wait for what no request waits for."""
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(task for task in _RUNNING if task.get_loop() is loop))


def _keep_task(task: "asyncio.Future[None]") -> None:
    _RUNNING.add(task)
    task.add_done_callback(_RUNNING.discard)
