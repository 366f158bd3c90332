"""The configuration of a release channel, followed without blocking the event loop.

Requests read the known release from memory. One task looks at the channel once a second, in a thread. A release whose
configuration breaks for an account that the former one served is not taken up, also for one that only the store of the
service has: the former one is served until the channel moves again, or until the accounts were corrected.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

from conn_engine.config import Workspace
from conn_engine.diagnostics import pluralize
from conn_engine.errors import ConnError
from conn_engine.releases import ReleaseSource, ServedRelease
from conn_engine.releases.actors import Act
from conn_engine.releases.model import Rollout
from conn_engine.releases.rollouts import halt_unchanged

__all__ = ["ChannelConfiguration", "ReleaseOverlay", "find_broken_accounts", "log_broken_accounts"]

_LOG = logging.getLogger(__name__)
_CHECK_SECONDS: Final = 1.0


def find_broken_accounts(workspace: Workspace) -> dict[str, ConnError]:
    """Return the accounts whose configuration cannot be used, with the reason. Reads every document of the accounts."""
    faults = ((account, find_fault(workspace, account)) for account in workspace.accounts())
    return {account: fault for account, fault in faults if fault is not None}


def find_fault(workspace: Workspace, account: str) -> ConnError | None:
    """Return why an account's configuration cannot be used, None if it can."""
    try:
        effective = workspace.effective(account=account)
        effective.check_authority()
        _ = effective.connector
    except ConnError as error:
        return error
    return None


def log_broken_accounts(broken: Mapping[str, ConnError]) -> None:
    """Log each account that cannot be served."""
    for account, error in broken.items():
        fix = f" (fix: {error.hint})" if error.hint else ""
        _LOG.error('account "%s" cannot be served: %s%s', account, error.message, fix)


class ReleaseOverlay(Protocol):
    """What is over each release: the accounts and connectors of the service's store."""

    @property
    def change(self) -> int:
        """A number that changes with what is over a release."""
        ...

    def revise(self, workspace: Workspace) -> Workspace:
        """Return a workspace with what is over it."""
        ...


class _Refused(NamedTuple):
    """A release that is not taken up, because it breaks these accounts with this overlay."""

    key: str = ""
    reason: str = ""
    accounts: tuple[str, ...] = ()
    change: int = 0


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
        served = self._served = source.current()
        self._current = _read(served, find_broken_accounts(served.workspace))
        log_broken_accounts(self._current.broken)
        self._refused = _Refused()
        self._overlay: ReleaseOverlay | None = None
        self.fault: str | None = None

    def judge_with(self, overlay: ReleaseOverlay) -> None:
        """Take up only releases with which the accounts over them work, too."""
        self._overlay = overlay

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

    def halt_rollout(self, rollout: Rollout, reason: str, checks: Mapping[str, Any]) -> None:
        """Halt a rollout unless it was changed in the meantime. Raises ChannelMovedError, and the errors of the
        store."""
        act = Act("conn serve", self._source.clock.now())
        self._source.move(halt_unchanged(rollout, reason, act, checks))
        self.check()

    async def follow(self) -> None:
        """Take up what the channel serves, until the task is cancelled."""
        while True:
            await asyncio.sleep(self._check_seconds)
            await asyncio.to_thread(self.check)

    def check(self) -> None:
        """Look at the channel once."""
        try:
            served = self._source.current()
            if served.key != self._current.key and not self._is_still_refused(served):
                self._take_up(served)
            reason = "" if self._source.fault is None else self._source.fault.message
        except ConnError as error:
            reason = error.message
        except Exception as error:
            reason = f"the release cannot be read ({type(error).__name__})"
        self._note(reason or self._refused.reason)

    def _is_still_refused(self, served: ServedRelease) -> bool:
        """Return whether a release still breaks one of the accounts because of which it was refused."""
        refused = self._refused
        if refused.key != served.key:
            return False
        if self._overlay is None or self._overlay.change == refused.change:
            return True
        self._refused = refused._replace(change=self._overlay.change)
        revised = self._revise(served.workspace)
        return any(revised.has_account(name) and find_fault(revised, name) for name in refused.accounts)

    def _take_up(self, served: ServedRelease) -> None:
        change = 0 if self._overlay is None else self._overlay.change
        broken = find_broken_accounts(self._revise(served.workspace))
        former = self._revise(self._current.workspace)
        worse = [name for name in broken if former.has_account(name) and find_fault(former, name) is None]
        key = served.key
        if worse:
            release = served.workspace.of_account(worse[0]).release or served.release  # perhaps that of a rollout
            reason = (
                f"release {release} breaks {pluralize(len(worse), 'account')}, such as {worse[0]}: "
                f"{broken[worse[0]].message}"
            )
            self._refused = _Refused(key, reason, tuple(worse), change)
            return
        self._refused = _Refused()
        before, after = _describe_served(self._served), _describe_served(served)
        self._current, self._served = _read(served, broken), served
        if before != after:
            _LOG.info("the channel %s now serves release %s", self._source.channel, after)
        log_broken_accounts(broken)

    def _revise(self, workspace: Workspace) -> Workspace:
        return workspace if self._overlay is None else self._overlay.revise(workspace)

    def _note(self, reason: str) -> None:
        """Log a fault once, and its end."""
        fault = f"{reason}; release {self._current.key.partition(':')[0]} is still served" if reason else None
        if fault != self.fault:
            if fault is not None:
                _LOG.error("the channel %s: %s", self._source.channel, fault)
            else:
                _LOG.info("the channel %s is well again", self._source.channel)
        self.fault = fault


def _describe_served(served: ServedRelease) -> str:
    rollout = served.channel.rollout
    if rollout is None or not rollout.is_served:
        return served.release
    return f"{served.release}, and {rollout.release} to {rollout.cohort.describe()}"


def _read(served: ServedRelease, broken: dict[str, ConnError]) -> _Current:
    return _Current(served.key, served.workspace, broken)
