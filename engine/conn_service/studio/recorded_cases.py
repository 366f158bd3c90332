"""The recordings of the operation in the page: its cases, and the vendor's records of one."""

from collections.abc import Sequence
from typing import Any

from conn_engine.analysis.fields import IndexedRecording
from conn_engine.errors import ConnError, UsageError, VendorError
from conn_engine.recordings.files import Recording
from conn_engine.testing.vendor_records import VendorRecords
from conn_service.studio.drafts import EditedOperation, StudioWorkspace
from conn_service.studio.requests import OperationRequest
from conn_service.studio.values import describe_value

__all__ = [
    "RecordedCase",
    "describe_cases",
    "describe_ending",
    "describe_records",
    "describe_shape",
    "find_case",
    "list_cases",
]


class RecordedCase:
    """One recording of an operation, and the vendor's records in it."""

    def __init__(self, recording: Recording, is_own: bool, indexed: IndexedRecording) -> None:
        self.recording = recording
        self.is_own = is_own
        self.indexed = indexed

    @property
    def scenario(self) -> str:
        """The scenario of the recording, such as `default`."""
        return self.recording.scenario

    @property
    def records(self) -> VendorRecords:
        """The vendor's records, as a mapping sees them."""
        return self.indexed.records


def list_cases(workspace: StudioWorkspace, operation: EditedOperation, request: OperationRequest) -> list[RecordedCase]:
    """Return the recordings of an operation, the default one first. Edits of its response mapping do not change what
    they have, so that they are not read again at each key."""
    others = tuple(edit for edit in request.edits if not edit.is_of_response)
    key = ("cases", request.account, request.level, operation.name.text, others)
    if key not in workspace.results:
        workspace.results[key] = _read_cases(workspace, operation)
    cases: list[RecordedCase] = workspace.results[key]
    return cases


def _read_cases(workspace: StudioWorkspace, operation: EditedOperation) -> list[RecordedCase]:
    indexed = {
        recording.path: recording
        for recording in workspace.index.read_recordings(operation.workspace, operation.edited, [operation.name])
    }
    cases = [
        RecordedCase(case.recording, case.path.parent.name == operation.edited.account, indexed[case.path])
        for case in workspace.find_cases(operation.edited, [operation.name])
        if case.path in indexed
    ]
    return sorted(cases, key=lambda case: case.scenario != "default")


def find_case(workspace: StudioWorkspace, operation: EditedOperation, request: OperationRequest) -> RecordedCase:
    """Return the recording that a request names, the first one by default. Raises UsageError if it does not exist."""
    scenario = request.case
    cases = list_cases(workspace, operation, request)
    chosen = next((case for case in cases if scenario in ("", case.scenario)), None)
    if chosen is not None:
        return chosen
    if cases:
        names = ", ".join(case.scenario for case in cases[:12])
        raise UsageError(f'{operation.name.text} has no recording of "{scenario}"', hint=f"choose one of {names}")
    command = f"conn record {operation.name.text} --account {operation.edited.account}"
    raise UsageError(f"{operation.name.text} has no recording", hint=f"record it: {command}")


def describe_cases(
    workspace: StudioWorkspace, operation: EditedOperation, request: OperationRequest
) -> list[dict[str, Any]]:
    """Return the recordings of an operation for the page."""
    return [
        {
            "scenario": case.scenario,
            "file": operation.workspace.format_path(case.indexed.path),
            "records": len(case.records.scopes),
            "recorded_at": case.recording.recorded_at,
            "own": case.is_own,
            "error": describe_ending(case.records.error),
        }
        for case in list_cases(workspace, operation, request)
    ]


def describe_ending(error: ConnError | None) -> dict[str, str] | None:
    """Return how a recorded run ends, if it is an error."""
    if error is None:
        return None
    kind = error.kind if isinstance(error, VendorError) else type(error).__name__
    return {"kind": kind, "message": error.message}


def describe_records(
    case: RecordedCase, identifiers: Sequence[str], start: int, count: int, each: str
) -> dict[str, Any]:
    """Return some of the vendor's records of a case, in order. `identifiers` are the IDs of their unified records."""
    scopes = case.records.scopes
    return {
        "total": len(scopes),
        "from": start,
        "each": each,
        "records": [
            {"index": index, "id": identifiers[index], "vendor": describe_value(scope["response"])}
            for index, scope in enumerate(scopes[start : start + count], start)
        ],
        "error": describe_ending(case.records.error),
    }


def describe_shape(workspace: StudioWorkspace, operation: EditedOperation) -> dict[str, Any]:
    """Return the fields of the vendor's records in all recordings of an operation."""
    found = workspace.index.find_fields(operation.workspace, operation.edited, [operation.name])
    return {
        "records": found.records,
        "complete": found.is_complete,
        "fields": [
            {
                "path": field.name,
                "steps": list(field.path),
                "type": field.type,
                "filled": field.filled,
                "example": describe_value(field.example),
            }
            for field in found.fields.values()
        ],
    }
