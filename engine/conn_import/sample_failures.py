"""The errors that a document describes, as responses of sample recordings. An error that it does not describe is not
made up."""

from collections.abc import Iterator, Sequence

from msgspec import UNSET

from conn_engine.analysis.drift.contract import Endpoint, ResponseContract
from conn_engine.recordings.files import RecordedResponse
from conn_engine.secrets.wary_redaction import WaryRedactor
from conn_import.inventing import cut_to_limits, invent_value
from conn_import.operation import BuiltOperation

__all__ = ["list_failures"]

_UNKNOWN = ("404", "410", "400", "422")
_REJECTED = ("422", "400", "409")
_REFUSED = ("401",)
_LIMITED = ("429",)


def list_failures(
    operation: BuiltOperation, endpoints: Sequence[Endpoint], redactor: WaryRedactor
) -> Iterator[tuple[str, RecordedResponse]]:
    """Yield the scenarios of errors of an operation with their responses."""
    method = operation.name.method
    wanted: list[tuple[str, tuple[str, ...]]]
    wanted = [("unauthorized", _REFUSED), ("rate_limited", _LIMITED)] if method == "list" else []
    wanted += [("not_found", _UNKNOWN)] if method in ("get", "update", "delete") else []
    wanted += [("rejected", _REJECTED)] if method == "create" else []
    for scenario, codes in wanted:
        found = _find_failure(operation.endpoint, endpoints, codes)
        if found is not None:
            yield scenario, _build_response(*found, redactor)


def _find_failure(
    endpoint: Endpoint, endpoints: Sequence[Endpoint], codes: Sequence[str]
) -> tuple[int, ResponseContract] | None:
    """Return the response with one of these codes: of the operation, of its other errors, or of other operations."""
    failures = endpoint.failures
    for code in codes:
        if code in failures:
            return int(code), failures[code]
    for other in ("4XX", "4xx", "default"):
        if other in failures:
            return int(codes[0]), failures[other]
    for elsewhere in endpoints:
        if codes[0] in elsewhere.failures:
            return int(codes[0]), elsewhere.failures[codes[0]]
    return None


def _build_response(status: int, failure: ResponseContract, redactor: WaryRedactor) -> RecordedResponse:
    body = failure.example
    if not isinstance(body, dict | list) and failure.shape is not None and failure.shape.type in ("object", "array"):
        body = invent_value(failure.shape)
    if not isinstance(body, dict | list):
        return RecordedResponse(status=status, body=UNSET)
    headers = {"content-type": "application/json"}
    return RecordedResponse(status=status, headers=headers, body=redactor.data(cut_to_limits(body)))
