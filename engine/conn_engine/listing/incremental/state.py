"""The state between runs: `{cursor}`, or `{partitions: [{partition, cursor}], cursor?}`, and for incremental parents
`parents`: state by operation. Cursors are JSON data here; each kind interprets its own."""

import json
from collections.abc import Mapping
from typing import Any

from conn_engine.errors import UsageError

__all__ = ["State"]


class State:
    """The cursors of one operation. A result of `snapshot` does not change afterwards."""

    def __init__(self, given: Any = None) -> None:
        """Load the state of an earlier run (None or an empty object for none). Raises UsageError."""
        self._cursor: Any = None
        self._partitions: dict[str, dict[str, Any]] = {}
        self._parents: dict[str, Any] = {}
        if given is None:
            return
        if not isinstance(given, Mapping) or given.keys() - {"cursor", "partitions", "parents"}:
            raise _build_foreign_error()
        above = given.get("parents", {})
        if not isinstance(above, Mapping):
            raise _build_foreign_error()
        self._parents = dict(above)
        self._cursor = _scalar(given.get("cursor"))
        listed = given.get("partitions", [])
        for entry in listed if isinstance(listed, list) else [None]:
            if not isinstance(entry, Mapping) or not isinstance(entry.get("partition"), Mapping):
                raise _build_foreign_error()
            self._partitions[_key(entry["partition"])] = {
                "partition": dict(entry["partition"]),
                "cursor": _scalar(entry.get("cursor")),
            }

    def cursor(self, partition: Mapping[str, Any] | None = None) -> Any:
        """Return the cursor of a partition: its own, else the shared one; None if there is none."""
        cursor = self._partitions.get(_key(partition)) if partition else None
        return self._cursor if cursor is None or cursor["cursor"] is None else cursor["cursor"]

    def move(self, cursor: Any, partition: Mapping[str, Any] | None = None) -> None:
        """Set a cursor. The caller ensures that it never goes back."""
        if partition:
            self._partitions[_key(partition)] = {"partition": dict(partition), "cursor": cursor}
        else:
            self._cursor = cursor

    def move_all(self, cursor: Any) -> None:
        """Set one cursor for all partitions."""
        self._cursor, self._partitions = cursor, {}

    def parents(self, operation: str) -> Any:
        """Return the state of an operation whose records are the parents."""
        return self._parents.get(operation)

    def move_parents(self, states: Mapping[str, Any]) -> None:
        """Set the states of the parents' operations."""
        self._parents = {**self._parents, **states}

    def snapshot(self) -> dict[str, Any] | None:
        """Return the state as JSON data; None if nothing is known."""
        snapshot_data: dict[str, Any] = {}
        if self._partitions:
            snapshot_data["partitions"] = list(self._partitions.values())
        if self._cursor is not None:
            snapshot_data["cursor"] = self._cursor
        if self._parents:
            snapshot_data["parents"] = self._parents
        return snapshot_data or None


def _key(partition: Mapping[str, Any]) -> str:
    return json.dumps(partition, sort_keys=True, ensure_ascii=True, default=str)


def _scalar(cursor: Any) -> Any:
    if isinstance(cursor, bool) or not (cursor is None or isinstance(cursor, str | int | float)):
        raise _build_foreign_error()
    return cursor


def _build_foreign_error() -> UsageError:
    return UsageError(
        "the state is not that of an incremental operation",
        hint='pass the state of an earlier run: {"cursor": …} or {"partitions": [{"partition": {…}, "cursor": …}]}',
    )
