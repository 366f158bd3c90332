"""Reports how the requests of a replay differ from the golden's."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conn_engine.config import Effective
from conn_engine.diagnostics import Diagnostic, Span, diagnostic, pluralize
from conn_engine.documents import format_path
from conn_engine.runtime.unified import find_operation_behind
from conn_engine.testing.cases import Case, recorded_call
from conn_engine.testing.compare import RequestChange
from conn_engine.testing.wording import ACCEPT_CHANGE

__all__ = ["find_other_requests", "shorten"]


def find_other_requests(
    effective: Effective, case: Case, changes: Sequence[RequestChange], golden: Span
) -> Iterator[Diagnostic]:
    """Report TST102 for the first request that differs, and TST108 for the first with another place of the
    credential."""
    others = [change for change in changes if change.part != "credentials"]
    if others:
        more = f" ({pluralize(len(others) - 1, 'more difference')})" if len(others) > 1 else ""
        yield diagnostic("TST102", _describe_request_change(others[0]) + more, golden, hint=ACCEPT_CHANGE)
    moved = next((change for change in changes if change.part == "credentials"), None)
    if moved is not None:
        yield _describe_move(effective, case, moved, golden)


def _describe_request_change(change: RequestChange) -> str:
    if change.part == "missing":
        return f"request {change.number} of the golden is not sent: {_describe_request(change.before)}"
    if change.part == "extra":
        return f"request {change.number} is not in the golden: {_describe_request(change.after)}"
    return (
        f"request {change.number}: {change.part} is {shorten(change.after)}, but {shorten(change.before)} in the golden"
    )


def _describe_request(request: Mapping[str, Any]) -> str:
    return f"{request.get('method', '')} {request.get('url', '')}".strip()


def _describe_move(effective: Effective, case: Case, change: RequestChange, golden: Span) -> Diagnostic:
    before, after = change.before or {}, change.after or {}
    signed = any("[signature]" in text for text in (*before.values(), *after.values()))
    key = "signature" if signed else "authorization"
    operation = find_operation_behind(effective, case.name, recorded_call(case.recording))
    path = (key,) if operation is None else operation.get_path(key)
    return diagnostic(
        "TST108",
        f"request {change.number}: {'; '.join(_compare_headers(before, after))}",
        effective.span(path) or golden,
        path=format_path(path),
        related=[(golden, "the golden result")],
        hint=f"correct `{key}`; {ACCEPT_CHANGE}",
    )


def _compare_headers(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Describe each header with a credential that differs."""
    for name in sorted({**before, **after}):
        if name not in after:
            yield f'the header "{name}" is not sent, but {shorten(before[name])} in the golden'
        elif name not in before:
            yield f'the header "{name}" is {shorten(after[name])}, but not in the golden'
        elif before[name] != after[name]:
            yield f'the header "{name}" is {shorten(after[name])}, but {shorten(before[name])} in the golden'


def shorten(value: Any) -> str:
    """Format a value for a message, in at most 120 characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:117]}..."
