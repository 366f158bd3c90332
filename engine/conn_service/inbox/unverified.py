"""The room that deliveries have which nothing verifies: anybody may send them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from conn_service.inbox import tables

__all__ = ["UNVERIFIED", "UnverifiedRoom"]

UNVERIFIED: Final = "none"
"""What `verified_by` is for such a delivery."""
_LOOK_SECONDS: Final = 5.0
_SHARE: Final = 0.8
"""How much of the room is left in use when old ones make place."""


@dataclass(slots=True)
class _AddressRoom:
    count: int = 0
    size: int = 0
    looked: float = float("-inf")


@dataclass(slots=True)
class UnverifiedRoom:
    """Counts the unverified deliveries of each address, up to `most` and `most_bytes`. Old ones that were expanded make
    place; those that wait for that do not."""

    most: int = 10_000
    most_bytes: int = 64 * 2**20
    _left: dict[tuple[str, str], _AddressRoom] = field(default_factory=dict)

    def take(self, connection: Connection, row: Mapping[str, Any], now: float) -> bool:
        """Return whether there is room for a row of the table, which the caller inserts."""
        if row["verified_by"] != UNVERIFIED:
            return True
        address = (row["connector"], row["account"])
        left = self._left.setdefault(address, _AddressRoom())
        is_full = left.count < 1 or left.size < row["size"]
        if is_full and now >= left.looked + _LOOK_SECONDS:
            left.count, left.size = self._make_room(connection, *address)
            left.looked = now
            is_full = left.count < 1 or left.size < row["size"]
        if not is_full:
            left.count -= 1
            left.size -= row["size"]
        return not is_full

    def _make_room(self, connection: Connection, connector: str, account: str) -> tuple[int, int]:
        """Remove old ones if there are too many. Return how many more there may be, and how many bytes."""
        columns = tables.delivery.c
        same = (columns.connector == connector, columns.account == account, columns.verified_by == UNVERIFIED)
        query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(columns.size), 0)).where(*same)
        count, size = connection.execute(query).one()
        if count >= self.most * _SHARE or size >= self.most_bytes * _SHARE:
            done = sa.select(columns.number, columns.size).where(*same, columns.status != "waiting")
            last = None
            for number, taken in connection.execute(done.order_by(columns.number)).all():
                if count < self.most * _SHARE and size < self.most_bytes * _SHARE:
                    break
                last, count, size = number, count - 1, size - taken
            if last is not None:
                old = (*same, columns.status != "waiting", columns.number <= last)
                connection.execute(sa.delete(tables.delivery).where(*old))
        return self.most - count, self.most_bytes - int(size)
