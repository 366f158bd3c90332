"""What is kept between runs: `{cursor}`, or `{partitions: [{partition, cursor}], cursor?}`, and with parents that are
read in the same way `parents`: their operation to its state. Cursors are JSON data here; what they mean is the kind's
affair."""

import json
from collections.abc import Mapping
from typing import Any

from conn_engine.errors import UsageError

__all__ = ["State"]


class State:
    """The cursors of one operation. What `snapshot` has handed out does not change any more."""

    def __init__(self, given: Any = None) -> None:
        """Take over the state of an earlier run (None, or an empty object: there is none). Raises UsageError."""
        self._cursor: Any = None
        self._partitions: dict[str, dict[str, Any]] = {}
        self._parents: dict[str, Any] = {}
        if given is None:
            return
        if not isinstance(given, Mapping) or given.keys() - {"cursor", "partitions", "parents"}:
            raise _foreign()
        above = given.get("parents", {})
        if not isinstance(above, Mapping):
            raise _foreign()
        self._parents = dict(above)
        self._cursor = _scalar(given.get("cursor"))
        listed = given.get("partitions", [])
        for entry in listed if isinstance(listed, list) else [None]:
            if not isinstance(entry, Mapping) or not isinstance(entry.get("partition"), Mapping):
                raise _foreign()
            self._partitions[_key(entry["partition"])] = {
                "partition": dict(entry["partition"]),
                "cursor": _scalar(entry.get("cursor")),
            }

    def cursor(self, partition: Mapping[str, Any] | None = None) -> Any:
        """The cursor of a partition: its own, else the one that holds for all; None when there is none."""
        own = self._partitions.get(_key(partition)) if partition else None
        return self._cursor if own is None or own["cursor"] is None else own["cursor"]

    def move(self, cursor: Any, partition: Mapping[str, Any] | None = None) -> None:
        """Set a cursor. That it never goes back is the caller's care."""
        if partition:
            self._partitions[_key(partition)] = {"partition": dict(partition), "cursor": cursor}
        else:
            self._cursor = cursor

    def move_all(self, cursor: Any) -> None:
        """One cursor for all from here on."""
        self._cursor, self._partitions = cursor, {}

    def parents(self, operation: str) -> Any:
        """The state of an operation whose records are the parents."""
        return self._parents.get(operation)

    def move_parents(self, states: Mapping[str, Any]) -> None:
        """Set the states of the parents' operations."""
        self._parents = {**self._parents, **states}

    def snapshot(self) -> dict[str, Any] | None:
        """The state as JSON data; None when nothing is known."""
        made: dict[str, Any] = {}
        if self._partitions:
            made["partitions"] = list(self._partitions.values())
        if self._cursor is not None:
            made["cursor"] = self._cursor
        if self._parents:
            made["parents"] = self._parents
        return made or None


def _key(partition: Mapping[str, Any]) -> str:
    return json.dumps(partition, sort_keys=True, ensure_ascii=True, default=str)


def _scalar(cursor: Any) -> Any:
    if isinstance(cursor, bool) or not (cursor is None or isinstance(cursor, str | int | float)):
        raise _foreign()
    return cursor


def _foreign() -> UsageError:
    return UsageError(
        "the state is not one of an incremental operation",
        hint='pass what an earlier run gave: {"cursor": …} or {"partitions": [{"partition": {…}, "cursor": …}]}',
    )
