"""Serve the release of a channel from the store in a long-running process. A promotion takes effect without a restart.

    source = ReleaseSource("postgresql://conn@db/conn", "production")
    with source.connect("acme", environ=os.environ) as acme:      # per request
        ...

One request uses one release: the value of `current` never changes. One thread checks the channel, at most every
`check_milliseconds`; other threads continue with the known release in the meantime.
"""

import asyncio
import logging
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conn_engine.config import Effective, Workspace
from conn_engine.errors import ConnError, UsageError
from conn_engine.releases.model import Channel, ChannelMove, shorten
from conn_engine.releases.store_location import DEFAULT_FILE, StoreLocation
from conn_engine.releases.stored import Documents, stored_workspace
from conn_engine.runtime.connection import AsyncConnection, Connection, aconnect, connect
from conn_engine.wire import MACHINE_CLOCK, Clock

__all__ = ["ReleaseChoice", "ReleaseSource", "ServedRelease"]

_LOG = logging.getLogger("conn_engine")
CHECK_MILLISECONDS = 250.0
_MOST_OTHERS = 8
_SHARE = 10
"""The pause after a failed check, as a multiple of its duration: a store that hangs does not block requests."""


@dataclass(frozen=True, slots=True)
class ServedRelease:
    """What one request uses: the channel's release, its revision, and the workspace. With a rollout or pins, some
    accounts use another one of `workspaces`, which are by release: `Workspace.of_account` finds it."""

    release: str
    revision: int
    workspace: Workspace
    channel: Channel
    workspaces: Mapping[str, Workspace]

    @property
    def key(self) -> str:
        """What distinguishes it from what the channel served before, such as until a pin ended."""
        return f"{self.release}:{self.revision}.{len(self.channel.pins)}"


@dataclass(frozen=True, slots=True)
class ReleaseChoice:
    """Chooses the workspace of an account by the release that the channel has for it. `others` has those of releases
    that are not the channel's."""

    channel: Channel
    others: Mapping[str, Workspace]

    def choose(self, workspace: Workspace, account: str) -> Workspace:
        """Return the workspace of the release that an account uses. `workspace` is that of the channel's release."""
        plain = workspace.with_choice(None)
        release = self.channel.find_release(account, lambda: plain.account(account).tags)
        return self.others.get(release, plain)

    def find_sides(self, workspace: Workspace, account: str) -> tuple[Workspace, Workspace] | None:
        """Return the workspaces of an account without and with the rollout that is on. None without one, and for an
        account with a pin. `workspace` is that of the channel's release."""
        rollout = self.channel.rollout
        if rollout is None or rollout.halted or any(pin.account == account for pin in self.channel.pins):
            return None
        after = self.others.get(rollout.release)
        return None if after is None else (workspace.with_choice(None), after)

    def revise(self, change: Callable[[Workspace], Workspace]) -> "ReleaseChoice":
        """Return the same with a change of each workspace."""
        return ReleaseChoice(self.channel, {release: change(one) for release, one in self.others.items()})


class ReleaseSource:
    """The release that a channel of a store serves. Thread-safe. Close it, or use it as a context manager.

    `store` is a file, a Postgres URL, or a parsed location. `identity` separates the credentials of its accounts from
    those of other workspaces. By default, a store inside a workspace uses the workspace's credentials, and any other
    store its own.

    Raises StoreFault, StoreUnreachableError or StoreRefusedError if nothing can be served yet. If the store becomes
    unavailable later, the last release is still served and `fault` has the reason; accounts that were never loaded are
    unavailable then.
    """

    def __init__(
        self,
        store: StoreLocation | str | Path,
        channel: str,
        *,
        check_milliseconds: float = CHECK_MILLISECONDS,
        identity: str = "",
        clock: Clock = MACHINE_CLOCK,
    ) -> None:
        from conn_engine.releases.store import Store

        self.channel = channel
        self.fault: ConnError | None = None
        self.clock = clock
        self._store = Store.open(store)
        self._identity, self._place = (identity, "") if identity else _credentials_of(self._store.address)
        self._interval = check_milliseconds / 1000
        self._documents = Documents(self._content)
        self._scratch = tempfile.TemporaryDirectory(prefix="conn-release-")
        self._checking = threading.Lock()
        self._loading = threading.Lock()
        self._others: dict[str, Workspace] = {}
        self._files: dict[str, Mapping[str, str]] = {}
        self._served: ServedRelease | None = None
        self._due = 0.0

    def current(self) -> ServedRelease:
        """Return the current release, at most `check_milliseconds` old. Raises UsageError if there is none."""
        served = self._served
        if served is not None and time.monotonic() < self._due:
            return served
        if served is None:
            self._checking.acquire()
        elif not self._checking.acquire(blocking=False):
            return served
        try:
            if self._served is None or time.monotonic() >= self._due:
                self._check()
            if self._served is None:
                raise UsageError(
                    f'the channel "{self.channel}" serves no release yet',
                    hint=f"promote one: conn promote latest {self.channel}",
                )
            return self._served
        finally:
            self._checking.release()

    def find_workspace(self, release: str) -> Workspace:
        """Return the workspace of a release that the channel serves now, or has served before.

        Raises UsageError for an unknown ID, and the errors of the store.
        """
        served = self.current()
        if release in served.workspaces:
            return served.workspaces[release]
        with self._loading:
            workspace = self._others.pop(release, None) or self._load(release)
            self._others[release] = workspace
            if len(self._others) > _MOST_OTHERS:
                del self._others[next(iter(self._others))]
        return workspace

    def move(self, change: Callable[[Channel], ChannelMove]) -> Channel:
        """Move the channel from what it serves now, and serve the result. Raises like `Store.move`."""
        moved = self._store.move(change(self._store.channel(self.channel)))
        self._due = 0.0
        return moved

    def effective(self, account: str, *, environment: str | None = None) -> Effective:
        """Return the account's effective configuration in the current release. Raises like `Workspace.effective`."""
        return self.current().workspace.effective(account=account, environment=environment)

    def connect(self, account: str, *, environ: Mapping[str, str], **options: Any) -> Connection:
        """Open a live connection of an account, which keeps using the current release. `options` are those of
        `wire_account`."""
        return connect(self.current().workspace, account, environ=environ, **options)

    async def aconnect(self, account: str, *, environ: Mapping[str, str], **options: Any) -> AsyncConnection:
        """Do the same as `connect` without blocking the event loop."""
        served = await asyncio.to_thread(self.current)
        return await asyncio.to_thread(aconnect, served.workspace, account, environ=environ, **options)

    def close(self) -> None:
        """Release all resources. Open connections stay usable."""
        self._store.close()
        self._scratch.cleanup()

    def __enter__(self) -> "ReleaseSource":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self) -> None:
        """Check the channel and load a new release. After a failure, the known release is still served."""
        began = time.monotonic()
        try:
            channel = self._store.channel(self.channel)
            now = self.clock.now()
            if channel.revision and not self._is_served(channel, now):
                self._served = self._take_up(channel, now)
            self.fault = None
        except ConnError as error:
            served, now = self._served, self.clock.now()
            if served is None:
                raise
            self.fault = error
            if not self._is_served(served.channel, now):  # a pin ends, too, while the store does not respond
                self._served = self._take_up(served.channel, now)
        finally:
            now = time.monotonic()
            self._due = now + max(self._interval, _SHARE * (now - began) if self.fault is not None else 0.0)

    def _is_served(self, channel: Channel, now: float) -> bool:
        served = self._served
        return served is not None and served.channel == channel.without_ended(now)

    def _take_up(self, channel: Channel, now: float) -> ServedRelease:
        """Load what a channel serves. The same release keeps its workspace, and so what was read of it."""
        known = {} if self._served is None else self._served.workspaces
        current = channel.without_ended(now)
        for pin in channel.pins:
            if pin not in current.pins:
                release = shorten(pin.release)
                _LOG.warning('the pin of "%s" to release %s ended at %s', pin.account, release, pin.until)
        loaded = {release: known.get(release) or self._load(release) for release in current.list_releases()}
        base = loaded[current.release]
        for other in loaded.values():
            other.budgets = base.budgets  # an account that changes its release still has the same vendor
        self._files = {release: self._files[release] for release in loaded}
        if loaded.keys() != known.keys():
            self._documents.keep({pair for files in self._files.values() for pair in files.items()})
        others = {release: other for release, other in loaded.items() if other is not base}
        composed = base.with_choice(ReleaseChoice(current, others) if current.rollout or current.pins else None)
        return ServedRelease(current.release, current.revision, composed, current, loaded)

    def _load(self, release: str) -> Workspace:
        manifest = self._store.manifest(release)
        workspace = stored_workspace(
            manifest,
            self._documents,
            identity=self._identity,
            place=self._place,
            scratch=Path(self._scratch.name),
        )
        _ = workspace.settings  # raises for a release that cannot be loaded, which is not served then
        self._files[release] = manifest.files
        return workspace

    def _content(self, digest: str) -> bytes:
        return dict(self._store.contents([digest]))[digest]


def _credentials_of(address: StoreLocation) -> tuple[str, str]:
    """Return what identifies the credentials of a store's accounts: an identity, or the folder of its workspace."""
    if address.file is None:
        return address.public_text, ""
    if address.file.parts[-len(DEFAULT_FILE.parts) :] != DEFAULT_FILE.parts:
        return str(address.file.resolve()), ""
    return "", str(address.file.parents[1].resolve())
