"""Serves what a channel names, from the store, for a process that runs on: a promotion is seen without a restart.

    source = ReleaseSource("postgresql://conn@db/conn", "production")
    with source.connect("acme", environ=os.environ) as acme:      # per request
        ...

One request uses one release: what `current` gives never changes. The channel is asked about at most every
`check_milliseconds`, by one thread; the others go on with what they have meanwhile.
"""

import asyncio
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conn_engine.config import Effective, Workspace
from conn_engine.errors import ConnError, UsageError
from conn_engine.releases.model import Channel
from conn_engine.releases.store_location import DEFAULT_FILE, StoreLocation
from conn_engine.releases.stored import Documents, stored_workspace
from conn_engine.runtime.connection import AsyncConnection, Connection, aconnect, connect

__all__ = ["ReleaseSource", "ServedRelease"]

CHECK_MILLISECONDS = 250.0
_SHARE = 10
"""A check that took a second is followed by ten without one: a store that hangs does not stop who serves."""


@dataclass(frozen=True, slots=True)
class ServedRelease:
    """A release as one request uses it, from beginning to end: its id, the channel's revision, and its workspace."""

    release: str
    revision: int
    workspace: Workspace


class ReleaseSource:
    """What a channel of a store serves. Safe for threads; close it at the end, or use it as a context manager.

    `store` is a file, a Postgres URL, or an address that was read already. `identity` tells the credentials of its
    accounts from those of other workspaces; by default they are those of the workspace for a store inside one, else of
    the store.

    Raises StoreFault, StoreUnreachable or StoreRefused when there is nothing to serve yet. Later, while the store
    cannot be asked, the last release is served on and `fault` says why; accounts that were never asked for are not to
    be had then.
    """

    def __init__(
        self,
        store: StoreLocation | str | Path,
        channel: str,
        *,
        check_milliseconds: float = CHECK_MILLISECONDS,
        identity: str = "",
    ) -> None:
        from conn_engine.releases.store import Store

        self.channel = channel
        self.fault: ConnError | None = None
        self._store = Store.open(store)
        self._identity, self._place = (identity, "") if identity else _credentials_of(self._store.address)
        self._interval = check_milliseconds / 1000
        self._documents = Documents(self._content)
        self._scratch = tempfile.TemporaryDirectory(prefix="conn-release-")
        self._checking = threading.Lock()
        self._served: ServedRelease | None = None
        self._due = 0.0

    def current(self) -> ServedRelease:
        """What the channel serves now, at most `check_milliseconds` old. Raises UsageError when it serves nothing."""
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
                    hint=f"conn promote latest {self.channel}",
                )
            return self._served
        finally:
            self._checking.release()

    def effective(self, account: str, *, environment: str | None = None) -> Effective:
        """The account's effective configuration in the current release. Raises as `Workspace.effective`."""
        return self.current().workspace.effective(account=account, environment=environment)

    def connect(self, account: str, *, environ: Mapping[str, str], **options: Any) -> Connection:
        """A live connection of an account, which stays with the current release. `options` as in `wire_account`."""
        return connect(self.current().workspace, account, environ=environ, **options)

    async def aconnect(self, account: str, *, environ: Mapping[str, str], **options: Any) -> AsyncConnection:
        """As `connect`, for an event loop, which the store does not hold up."""
        served = await asyncio.to_thread(self.current)
        return await asyncio.to_thread(aconnect, served.workspace, account, environ=environ, **options)

    def close(self) -> None:
        """Give back what is held; connections that are open stay usable."""
        self._store.close()
        self._scratch.cleanup()

    def __enter__(self) -> "ReleaseSource":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self) -> None:
        """Ask the channel, and take up a release that is new. A failure keeps what there is."""
        began = time.monotonic()
        try:
            found = self._store.channel(self.channel)
            if found.revision and (self._served is None or found.revision != self._served.revision):
                self._served = self._taken_up(found)
            self.fault = None
        except ConnError as error:
            if self._served is None:
                raise
            self.fault = error
        finally:
            now = time.monotonic()
            self._due = now + max(self._interval, _SHARE * (now - began) if self.fault is not None else 0.0)

    def _taken_up(self, found: Channel) -> ServedRelease:
        if self._served is not None and found.release == self._served.release:
            return ServedRelease(found.release, found.revision, self._served.workspace)
        manifest = self._store.manifest(found.release)
        workspace = stored_workspace(
            manifest,
            self._documents,
            identity=self._identity,
            place=self._place,
            scratch=Path(self._scratch.name),
        )
        _ = workspace.settings  # a release that cannot be loaded is not taken up
        self._documents.keep(manifest.files)
        return ServedRelease(found.release, found.revision, workspace)

    def _content(self, digest: str) -> bytes:
        return dict(self._store.contents([digest]))[digest]


def _credentials_of(address: StoreLocation) -> tuple[str, str]:
    """What tells the credentials of a store's accounts from others: an identity, or the folder of its workspace."""
    if address.file is None:
        return address.shown, ""
    if address.file.parts[-len(DEFAULT_FILE.parts) :] != DEFAULT_FILE.parts:
        return str(address.file.resolve()), ""
    return "", str(address.file.parents[1].resolve())
