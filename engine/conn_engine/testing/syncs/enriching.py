"""Calls the operations of enrich steps on their recordings, and remembers the calls that have none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from conn_engine.config import Effective, OperationName, Workspace
from conn_engine.errors import MissingRecording
from conn_engine.recordings.files import Recording, load_recording
from conn_engine.runtime.call import Call
from conn_engine.testing.cases import Case, find_cases, replay

__all__ = ["RecordedEnricher"]


class RecordedEnricher:
    """What enrich steps call in a case. `missing` counts the calls without a recording by their operation."""

    def __init__(
        self,
        workspace: Workspace,
        effective: Effective,
        load: Callable[[Path, str], Recording] = load_recording,
    ) -> None:
        self._workspace, self._effective, self._load = workspace, effective, load
        self._cases: dict[OperationName, list[Case]] = {}
        self.missing: dict[OperationName, int] = {}

    def __call__(self, operation: OperationName, call: Call) -> Any:
        """Return the record of an operation, or its records. Raises MissingRecording, and the error of a recording
        that answers the call."""
        cases = self._cases.get(operation)
        if cases is None:
            cases = find_cases(self._workspace, self._effective, [operation], self._load)
            self._cases[operation] = cases
        for case in cases:
            outcome = replay(self._effective, operation, case.recording, call=call)
            if isinstance(outcome.error, MissingRecording):
                continue
            if outcome.error is not None:
                raise outcome.error
            return outcome.records[0] if outcome.whole and outcome.records else outcome.records
        self.missing[operation] = self.missing.get(operation, 0) + 1
        raise MissingRecording(f"no recording of {operation.text} has the response", hint="record it")
