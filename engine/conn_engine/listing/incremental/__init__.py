"""What is read since last time: cursors, windows, the state between runs. `Incremental` is the list of kinds.

Everything here is about values. Requests, pages and where a state is stored are the caller's.
"""

from typing import TypeAlias

from conn_engine.listing.incremental.formats import absent
from conn_engine.listing.incremental.integers import Integer
from conn_engine.listing.incremental.moments import Datetime
from conn_engine.listing.incremental.progress import WindowProgress
from conn_engine.listing.incremental.settings import Bounded, Common, Render, Unreadable
from conn_engine.listing.incremental.state import State
from conn_engine.listing.incremental.windows import Window, windows

__all__ = [
    "Bounded",
    "Common",
    "Datetime",
    "Incremental",
    "Integer",
    "Render",
    "State",
    "Unreadable",
    "Window",
    "WindowProgress",
    "absent",
    "windows",
]

Incremental: TypeAlias = Datetime | Integer
