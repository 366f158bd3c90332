"""The content of a golden file: written from an outcome, read back, and compared as JSON data."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conn_engine.config import Workspace
from conn_engine.documents import dump_json, read_document
from conn_engine.errors import ConfigurationError, ConnError, VendorError
from conn_engine.testing.cases import Case, Outcome, failure_kind

__all__ = [
    "error_document",
    "golden_document",
    "has_credentials",
    "plain",
    "read_golden",
    "requests_to_compare",
    "verdict_document",
    "way_back",
]


def golden_document(case: Case, outcome: Outcome) -> str:
    """Return the text of a golden file: the requests, the records or the error, the previous cursor of each page, and
    the verdict on an incomplete listing."""
    document: dict[str, Any] = {
        "operation": case.recording.operation,
        "scenario": case.scenario,
        "requests": outcome.requests(),
    }
    if outcome.records or outcome.error is None:
        document["records"] = outcome.records
    if outcome.error is not None:
        document["error"] = error_document(outcome.error)
    if back := way_back(outcome):
        document["previous"] = back
    if verdict := verdict_document(outcome):
        document["completeness"] = verdict
    return dump_json(document)


def verdict_document(outcome: Outcome) -> dict[str, Any]:
    """Return `{state, reason}` of a listing that is incomplete or that `max_pages` stopped, else an empty object. An
    unknown end is a finding (PAG104) instead."""
    verdict = outcome.completeness
    if outcome.whole or verdict is None or verdict.state not in ("incomplete", "stopped"):
        return {}
    return {"state": verdict.state, "reason": verdict.reason}


def way_back(outcome: Outcome) -> list[Any]:
    """Return the previous cursor of each page; an empty list if no page has one."""
    return outcome.previous if any(back is not None for back in outcome.previous) else []


def error_document(error: ConnError) -> dict[str, Any]:
    """Return `{kind, message, status?, retry_after?, limits?}` of the error that ended an operation, in seconds."""
    row: dict[str, Any] = {"kind": failure_kind(error), "message": error.message}
    if isinstance(error, VendorError):
        row["message"] = error.vendor_message  # the vendor's message only: the request is in `requests`
        row["status"] = error.status
        if error.retry_after is not None:
            row["retry_after"] = error.retry_after
        if error.limits:
            row["limits"] = dict(error.limits)
    return row


def read_golden(workspace: Workspace, path: Path) -> Mapping[str, Any] | None:
    """Read a golden file; None if it does not exist. Raises ConfigurationError if it is not a golden."""
    if not path.is_file():
        return None
    data = read_document(path, workspace.format_path(path)).data
    if not isinstance(data, Mapping):
        raise ConfigurationError("it is not a golden result")
    records, requests = data.get("records") or [], data.get("requests") or []
    if not isinstance(records, list) or not isinstance(requests, list):
        raise ConfigurationError("its records and requests must be lists")
    if not all(isinstance(request, Mapping) for request in requests):
        raise ConfigurationError("its requests must be objects")
    return data


def has_credentials(golden: Mapping[str, Any]) -> bool:
    """Return whether a golden lists the headers with credentials of its requests. Goldens of earlier versions do
    not."""
    requests = golden.get("requests") or []
    return not requests or any("credentials" in request for request in requests)


def requests_to_compare(golden: Mapping[str, Any], outcome: Outcome) -> list[dict[str, Any]]:
    """Return an outcome's requests as in a golden; without the headers of credentials if the golden has none."""
    rows: list[dict[str, Any]] = plain(outcome.requests())
    if not has_credentials(golden):
        for row in rows:
            row.pop("credentials", None)
    return rows


def plain(value: Any) -> Any:
    """Return the value as JSON data, so that tuples and integers written as floats compare like those of a file."""
    return json.loads(json.dumps(value, ensure_ascii=False))
