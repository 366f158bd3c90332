"""The cases that failed in the last `conn test`, stored in the workspace for `conn test --failed`."""

import json
from pathlib import Path

from conn_engine.documents import read_regular, write_whole
from conn_engine.documents.local_state import create_state_folder
from conn_engine.documents.locate import STATE_FOLDER
from conn_engine.errors import ConfigurationError
from conn_engine.testing.selection import FailedCases, SuiteKey

__all__ = ["LastFailures"]

_MAX_BYTES = 16 * 1024 * 1024


class LastFailures:
    """Reads and writes `.conn/last-test.json`, which has only names of connectors, accounts, operations and scenarios.

    An operation without scenarios failed as a whole.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = root / STATE_FOLDER / "last-test.json"

    def read(self) -> FailedCases:
        """Return the scenarios that failed, by operation. A file that is missing or damaged has none."""
        try:
            data = json.loads(read_regular(self._path, _MAX_BYTES))
            rows = ((row[:4], row[4] if len(row) > 4 else ()) for row in data["failed"])
            return {SuiteKey(*map(str, key)): frozenset(map(str, scenarios)) for key, scenarios in rows}
        except (OSError, ValueError, TypeError, KeyError, RecursionError, ConfigurationError):
            return {}

    def update(self, tested: FailedCases, failed: FailedCases, *, is_complete: bool) -> None:
        """Store the failures of a run. Unless the run was complete, cases that were not `tested` stay failed.

        A file is created only when something failed. Raises ConfigurationError if it cannot be written.
        """
        earlier = self.read()
        current = dict(failed) if is_complete else _merge(earlier, tested, failed)
        if current == earlier and (self._path.is_file() or not current):
            return
        try:
            create_state_folder(self._path.parent)
        except OSError as fault:
            raise ConfigurationError(f"cannot create {self._path.parent}: {fault.strerror or fault}") from fault
        data = {"version": 1, "failed": [[*key, sorted(scenarios)] for key, scenarios in sorted(current.items())]}
        write_whole(self._path, json.dumps(data, ensure_ascii=False) + "\n", within=self._root, links=False)


def _merge(earlier: FailedCases, tested: FailedCases, failed: FailedCases) -> FailedCases:
    """Return what failed in a run, and what failed earlier and was not tested since."""
    current: dict[SuiteKey, frozenset[str]] = dict(failed)
    for key, scenarios in earlier.items():
        if key not in tested:
            current[key] = scenarios
        elif (left := scenarios - tested[key]) and failed.get(key, left):
            current[key] = left | failed.get(key, frozenset())
    return current
