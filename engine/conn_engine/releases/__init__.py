"""Versions of a workspace: immutable releases in a store, channels that name the one to serve, and the way back.

Checks before a promotion are `promotion`'s, serving is `serving`'s. The database is loaded when a store is opened.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from conn_engine.releases.address import DEFAULT_FILE, Address
from conn_engine.releases.content import Collected, Manifest, collect, lay_out
from conn_engine.releases.faults import ChannelMoved, ReleaseRefused, StoreFault, StoreRefused, StoreUnreachable
from conn_engine.releases.model import Channel, Event, Release, short
from conn_engine.releases.serving import ReleaseSource, ServedRelease

if TYPE_CHECKING:
    from conn_engine.releases.store import Store

__all__ = [
    "DEFAULT_FILE",
    "Address",
    "Channel",
    "ChannelMoved",
    "Collected",
    "Event",
    "Manifest",
    "Release",
    "ReleaseRefused",
    "ReleaseSource",
    "ServedRelease",
    "StoreFault",
    "StoreRefused",
    "StoreUnreachable",
    "collect",
    "lay_out",
    "open_store",
    "short",
]


def open_store(address: Address | str | Path, *, create: bool = False) -> "Store":
    """The store at an address; a relative path counts from the current folder. `create` makes one where none is.

    Raises UsageError for an address that can be none, StoreFault, StoreUnreachable or StoreRefused.
    """
    from conn_engine.releases.store import Store

    return Store.open(address, create=create)
