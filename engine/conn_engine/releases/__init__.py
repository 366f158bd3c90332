"""Versions of a workspace: immutable releases in a store, channels that select the one to serve, and rollbacks.

`promotion` runs the checks, and `serving` serves a channel. The database driver is loaded when a store is opened.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from conn_engine.releases.content import CollectedFiles, Manifest, collect, lay_out
from conn_engine.releases.faults import (
    ChannelMovedError,
    ReleaseRefusedError,
    StoreFault,
    StoreRefusedError,
    StoreUnreachableError,
)
from conn_engine.releases.model import Channel, ChannelMove, Release, shorten
from conn_engine.releases.serving import ReleaseSource, ServedRelease
from conn_engine.releases.store_location import DEFAULT_FILE, StoreLocation

if TYPE_CHECKING:
    from conn_engine.releases.store import Store

__all__ = [
    "DEFAULT_FILE",
    "Channel",
    "ChannelMove",
    "ChannelMovedError",
    "CollectedFiles",
    "Manifest",
    "Release",
    "ReleaseRefusedError",
    "ReleaseSource",
    "ServedRelease",
    "StoreFault",
    "StoreLocation",
    "StoreRefusedError",
    "StoreUnreachableError",
    "collect",
    "lay_out",
    "open_store",
    "shorten",
]


def open_store(address: StoreLocation | str | Path, *, create: bool = False) -> "Store":
    """Open the store at an address; a relative path starts at the current folder. `create` creates a missing store.

    Raises UsageError for an invalid address, StoreFault, StoreUnreachableError or StoreRefusedError.
    """
    from conn_engine.releases.store import Store

    return Store.open(address, create=create)
