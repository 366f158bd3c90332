"""Load both sides of a comparison: existing recordings, and newer recordings, a document, or the vendor's responses."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from conn_engine.analysis.drift import OperationDrift
from conn_engine.analysis.drift.changes import Kind, ResponseChange
from conn_engine.analysis.drift.contract import Endpoint
from conn_engine.analysis.drift.endpoints import OperationIndex, index_operations
from conn_engine.analysis.drift.forms import Observed, ResponsePaths, collect_paths, collect_schema_paths
from conn_engine.config import Effective, Workspace
from conn_engine.errors import UsageError
from conn_engine.recordings.files import Recording, load_recording
from conn_engine.responses.notices import find_notices

__all__ = [
    "Answers",
    "Described",
    "compare_responses",
    "compare_with_document",
    "group_by_operation",
    "list_recorded_responses",
    "load_own_recordings",
    "load_recordings",
]

Answers = Iterable[Observed]
Described = Mapping[tuple[str, str], Endpoint]
"""The endpoints of a document by method and path (from `normalize_path`)."""
MAX_SAMPLE = 2_000


def load_recordings(path: Path) -> list[Recording]:
    """Load the recording of a file, or all below a folder. Raises UsageError if there is none."""
    files = [path] if path.is_file() else sorted(path.rglob("*.json"))
    if not files:
        raise UsageError(
            f"{path} has no recordings", hint="record an operation: conn record OPERATION --account ACCOUNT"
        )
    return [load_recording(file) for file in files]


def list_recorded_responses(recordings: Iterable[Recording]) -> Iterator[Observed]:
    """Yield the exchanges of recordings."""
    for recording in recordings:
        for exchange in recording.exchanges:
            request, response = exchange.request, exchange.response
            yield Observed(request.method, request.url, response.status, response.body, response.headers)


def load_own_recordings(workspace: Workspace, connector: str) -> list[Recording]:
    """Return all recordings of a connector, both shared ones and those of single accounts."""
    folder = workspace.root / "connectors" / connector / "recordings"
    workspace.check_inside(folder)
    folders = [folder, *filter(workspace.tree.is_dir, workspace.tree.entries(folder))]
    paths = sorted(path for one in folders for path in workspace.find_recorded(one))
    return [load_recording(workspace.tree.on_disk(path), workspace.format_path(path)) for path in paths]


def compare_responses(
    effective: Effective, before: Answers, now: Answers, index: OperationIndex | None = None
) -> tuple[list[OperationDrift], list[tuple[str, str]]]:
    """Compare earlier with current responses, operation by operation. Also return what could not be compared. `index`
    is that of the configuration, if the caller has it."""
    index = index or index_operations(effective)
    old, new = group_by_operation(index, before), group_by_operation(index, now)
    comparisons, left_out = [], []
    for key, answers in old.items():
        if key not in new:
            left_out.append((".".join(key), "no newer response"))
            continue
        worst = max((answer.status for answer in new[key]), default=0)
        endpoint = _find_announcements(answers, new[key])
        if not any(answer.good for answer in new[key]):
            kind: Kind = "endpoint_gone" if worst in (404, 405, 410, 501) else "endpoint_failing"
            endpoint = ResponseChange(kind, (), f"responds with {worst}")
        was, is_now = collect_paths(answers), collect_paths(new[key])
        if endpoint is None and not (was.answers and is_now.answers):
            left_out.append((".".join(key), "not all responses are JSON"))
            continue
        comparisons.append(OperationDrift(*key, was, is_now, endpoint))
    return comparisons, left_out


def _find_announcements(before: Sequence[Observed], now: Sequence[Observed]) -> ResponseChange | None:
    """Return what the headers of current responses announce, unless earlier ones already announced it."""
    notices_before = {notice for answer in before for notice in find_notices(answer.headers)}
    notices = [notice for answer in now for notice in find_notices(answer.headers) if notice not in notices_before]
    return ResponseChange("endpoint_deprecated", (), "; ".join(dict.fromkeys(notices))) if notices else None


def group_by_operation(index: OperationIndex, answers: Answers) -> dict[tuple[str, str], list[Observed]]:
    """Return responses by the resource and the method of their operation. Those of no operation are left out."""
    groups: dict[tuple[str, str], list[Observed]] = {}
    for answer in answers:
        operation = index.find_operation(answer.method, answer.url)
        if operation is not None:
            rows = groups.setdefault((operation.resource, operation.name), [])
            if len(rows) < MAX_SAMPLE:
                rows.append(answer)
    return groups


def compare_with_document(
    effective: Effective, recordings: Answers, newer: Described, older: Described | None = None
) -> tuple[list[OperationDrift], list[tuple[str, str]]]:
    """Compare a newer OpenAPI document with the older one if it is given, else with recorded responses."""
    index = index_operations(effective)
    recorded = group_by_operation(index, recordings) if older is None else {}
    comparisons, left_out = [], []
    for operation in index.operations:
        key = (operation.resource, operation.name)
        name = ".".join(key)
        place = index.find_endpoint(operation, newer)
        before = _form_before(index, operation, older, recorded)
        if place is None:
            if older is not None and index.find_endpoint(operation, older) is not None:
                gone = ResponseChange("endpoint_gone", (), "no longer in the document")
                comparisons.append(OperationDrift(*key, ResponsePaths(), ResponsePaths(), gone))
            else:
                left_out.append((name, "it is not in the document"))
            continue
        endpoint = _deprecation(
            newer[place], older, index.find_endpoint(operation, older) if older is not None else None
        )
        shape = newer[place].answer.shape
        if before is None or shape is None:
            reason = (
                "there is no recording to compare with" if before is None else "the document has no response schema"
            )
            left_out.append((name, reason))
            if endpoint is not None:
                comparisons.append(OperationDrift(*key, ResponsePaths(), ResponsePaths(), endpoint))
            continue
        comparisons.append(OperationDrift(*key, before, collect_schema_paths(shape), endpoint))
    return comparisons, left_out


def _form_before(
    index: OperationIndex,
    operation: Any,
    old: Described | None,
    recorded: Mapping[tuple[str, str], Sequence[Observed]],
) -> ResponsePaths | None:
    if old is None:
        rows = recorded.get((operation.resource, operation.name), ())
        form = collect_paths(rows)
        return form if form.answers else None
    place = index.find_endpoint(operation, old)
    shape = old[place].answer.shape if place is not None else None
    return collect_schema_paths(shape) if shape is not None else None


def _deprecation(endpoint: Endpoint, old: Described | None, place: tuple[str, str] | None) -> ResponseChange | None:
    if not endpoint.deprecated or (old is not None and place is not None and old[place].deprecated):
        return None
    until = f", until {endpoint.sunset}" if endpoint.sunset else ""
    return ResponseChange("endpoint_deprecated", (), f"deprecated{until}")
