"""The operations that failed in the last `conn test`, stored in the workspace for `conn test --failed`."""

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from conn_engine.documents import read_regular, write_whole
from conn_engine.documents.local_state import create_state_folder
from conn_engine.documents.locate import STATE_FOLDER
from conn_engine.errors import ConfigurationError
from conn_engine.testing.selection import SuiteKey

__all__ = ["LastFailures"]

_MAX_BYTES = 16 * 1024 * 1024


class LastFailures:
    """Reads and writes `.conn/last-test.json`, which has only names of connectors, accounts and operations."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = root / STATE_FOLDER / "last-test.json"

    def read(self) -> frozenset[SuiteKey]:
        """Return the operations that failed. A file that is missing or damaged has none."""
        try:
            data = json.loads(read_regular(self._path, _MAX_BYTES))
            return frozenset(SuiteKey(*(str(part) for part in row)) for row in data["failed"])
        except (OSError, ValueError, TypeError, KeyError, RecursionError, ConfigurationError):
            return frozenset()

    def update(self, tested: Iterable[SuiteKey], failed: Collection[SuiteKey], *, is_complete: bool) -> None:
        """Store the failures of a run. Unless the run was complete, operations that were not tested stay failed.

        A file is created only when something failed. Raises ConfigurationError if it cannot be written.
        """
        earlier = self.read()
        current = frozenset(failed) | (frozenset() if is_complete else earlier - frozenset(tested))
        if current == earlier and (self._path.is_file() or not current):
            return
        try:
            create_state_folder(self._path.parent)
        except OSError as fault:
            raise ConfigurationError(f"cannot create {self._path.parent}: {fault.strerror or fault}") from fault
        data = {"version": 1, "failed": sorted(current)}
        write_whole(self._path, json.dumps(data, ensure_ascii=False) + "\n", within=self._root, links=False)
