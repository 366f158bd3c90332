"""Serve the release of a channel from the store in a long-running process. A promotion takes effect without a restart.

    source = ReleaseSource("postgresql://conn@db/conn", "production")
    with source.connect("acme", environ=os.environ) as acme:      # per request
        ...

One request uses one release: the value of `current` never changes. One thread checks the channel, at most every
`check_milliseconds`; other threads continue with the known release in the meantime.
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
_MOST_OTHERS = 8
_SHARE = 10
"""The pause after a failed check, as a multiple of its duration: a store that hangs does not block requests."""


@dataclass(frozen=True, slots=True)
class ServedRelease:
    """The release that one request uses: its ID, the channel's revision, and its workspace."""

    release: str
    revision: int
    workspace: Workspace


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
        self._loading = threading.Lock()
        self._others: dict[str, Workspace] = {}
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
        if served.release == release:
            return served.workspace
        with self._loading:
            workspace = self._others.pop(release, None) or self._load(release)[0]
            self._others[release] = workspace
            if len(self._others) > _MOST_OTHERS:
                del self._others[next(iter(self._others))]
        return workspace

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
            if channel.revision and (self._served is None or channel.revision != self._served.revision):
                self._served = self._taken_up(channel)
            self.fault = None
        except ConnError as error:
            if self._served is None:
                raise
            self.fault = error
        finally:
            now = time.monotonic()
            self._due = now + max(self._interval, _SHARE * (now - began) if self.fault is not None else 0.0)

    def _taken_up(self, channel: Channel) -> ServedRelease:
        if self._served is not None and channel.release == self._served.release:
            return ServedRelease(channel.release, channel.revision, self._served.workspace)
        workspace, files = self._load(channel.release)
        self._documents.keep(files)
        return ServedRelease(channel.release, channel.revision, workspace)

    def _load(self, release: str) -> tuple[Workspace, Mapping[str, str]]:
        manifest = self._store.manifest(release)
        workspace = stored_workspace(
            manifest,
            self._documents,
            identity=self._identity,
            place=self._place,
            scratch=Path(self._scratch.name),
        )
        _ = workspace.settings  # raises for a release that cannot be loaded, which is not served then
        return workspace, manifest.files

    def _content(self, digest: str) -> bytes:
        return dict(self._store.contents([digest]))[digest]


def _credentials_of(address: StoreLocation) -> tuple[str, str]:
    """Return what identifies the credentials of a store's accounts: an identity, or the folder of its workspace."""
    if address.file is None:
        return address.public_text, ""
    if address.file.parts[-len(DEFAULT_FILE.parts) :] != DEFAULT_FILE.parts:
        return str(address.file.resolve()), ""
    return "", str(address.file.parents[1].resolve())
