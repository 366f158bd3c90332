"""Read what is new since the last run: cursors, windows, tokens, the state between runs. `Incremental` lists the kinds.

This package only handles values. The caller handles requests, pages and the storage of a state.
"""

from typing import TypeAlias

from conn_engine.listing.incremental.formats import is_absent
from conn_engine.listing.incremental.integers import Integer
from conn_engine.listing.incremental.moments import Datetime
from conn_engine.listing.incremental.progress import WindowProgress
from conn_engine.listing.incremental.settings import Bounded, Common, Render, Unreadable
from conn_engine.listing.incremental.state import State
from conn_engine.listing.incremental.tokens import SyncToken
from conn_engine.listing.incremental.windows import Window, windows

__all__ = [
    "Bounded",
    "Common",
    "Datetime",
    "Incremental",
    "Integer",
    "Render",
    "State",
    "SyncToken",
    "Unreadable",
    "Window",
    "WindowProgress",
    "is_absent",
    "windows",
]

Incremental: TypeAlias = Datetime | Integer | SyncToken
