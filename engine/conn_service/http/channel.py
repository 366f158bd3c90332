"""The configuration of a release channel, followed without blocking the event loop.

Requests read the known release from memory. One task looks at the channel once a second, in a thread. A release whose
configuration breaks for an account that the former one served is not taken up: the former one is served until the
channel moves again.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final, NamedTuple

from conn_engine.config import Workspace
from conn_engine.diagnostics import pluralize
from conn_engine.errors import ConnError
from conn_engine.releases import ReleaseSource, ServedRelease

__all__ = ["ChannelConfiguration", "find_broken_accounts", "log_broken_accounts"]

_LOG = logging.getLogger(__name__)
_CHECK_SECONDS: Final = 1.0


def find_broken_accounts(workspace: Workspace) -> dict[str, ConnError]:
    """Return the accounts whose configuration cannot be used, with the reason. Reads every document of the accounts."""
    broken: dict[str, ConnError] = {}
    for account in workspace.accounts():
        try:
            effective = workspace.effective(account=account)
            effective.check_authority()
            _ = effective.connector
        except ConnError as error:
            broken[account] = error
    return broken


def log_broken_accounts(broken: Mapping[str, ConnError]) -> None:
    """Log each account that cannot be served."""
    for account, error in broken.items():
        fix = f" (fix: {error.hint})" if error.hint else ""
        _LOG.error('account "%s" cannot be served: %s%s', account, error.message, fix)


class _Current(NamedTuple):
    key: str
    workspace: Workspace
    broken: dict[str, ConnError]


class ChannelConfiguration:
    """The configuration that a release channel serves. Raises the errors of ReleaseSource if there is none yet.

    `fault` is why the channel's release is not the one that is served, or None.
    """

    def __init__(self, source: ReleaseSource, *, check_seconds: float = _CHECK_SECONDS) -> None:
        self._source = source
        self._check_seconds = check_seconds
        served = source.current()
        self._current = _read(served, find_broken_accounts(served.workspace))
        log_broken_accounts(self._current.broken)
        self._refused = ""
        self._reason = ""
        self.fault: str | None = None

    def get_current(self) -> tuple[str, Workspace]:
        """Return the release that is served now."""
        return self._current.key, self._current.workspace

    def get_of_account(self, account: str) -> tuple[str, Workspace]:
        """Return the release that is served now."""
        return self._current.key, self._current.workspace

    def find_tenant(self, account: str) -> str | None:
        """Return the account itself."""
        return account if self._current.workspace.has_account(account) else None

    def find_broken(self) -> dict[str, ConnError]:
        """Return the accounts that this release cannot serve, with the reason."""
        return self._current.broken

    async def follow(self) -> None:
        """Take up what the channel serves, until the task is cancelled."""
        while True:
            await asyncio.sleep(self._check_seconds)
            await asyncio.to_thread(self.check)

    def check(self) -> None:
        """Look at the channel once."""
        try:
            served = self._source.current()
            if served.key not in (self._current.key, self._refused):
                self._take_up(served)
            reason = "" if self._source.fault is None else self._source.fault.message
        except ConnError as error:
            reason = error.message
        except Exception as error:
            reason = f"the release cannot be read ({type(error).__name__})"
        if not reason and self._refused:
            reason = self._reason
        self._note(reason)

    def _take_up(self, served: ServedRelease) -> None:
        broken = find_broken_accounts(served.workspace)
        worse = {name: error for name, error in broken.items() if self._was_served(name)}
        key = served.key
        if worse:
            account, error = next(iter(worse.items()))
            self._refused = key
            self._reason = (
                f"release {served.release} breaks {pluralize(len(worse), 'account')}, such as {account}: "
                f"{error.message}"
            )
            return
        self._refused = ""
        self._current = _read(served, broken)
        _LOG.info("the channel %s now serves release %s", self._source.channel, served.release)
        log_broken_accounts(broken)

    def _was_served(self, account: str) -> bool:
        current = self._current
        return account in current.workspace.accounts() and account not in current.broken

    def _note(self, reason: str) -> None:
        """Log a fault once, and its end."""
        fault = f"{reason}; release {self._current.key.partition(':')[0]} is still served" if reason else None
        if fault != self.fault:
            if fault is not None:
                _LOG.error("the channel %s: %s", self._source.channel, fault)
            else:
                _LOG.info("the channel %s is well again", self._source.channel)
        self.fault = fault


def _read(served: ServedRelease, broken: dict[str, ConnError]) -> _Current:
    return _Current(served.key, served.workspace, broken)
