"""How the requests of a replay differ from those of its golden, as findings."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conn_engine.config import Effective
from conn_engine.diagnostics import Diagnostic, Span, diagnostic
from conn_engine.documents import format_path
from conn_engine.runtime.unified import find_operation_behind
from conn_engine.testing.cases import Case, recorded_call
from conn_engine.testing.compare import RequestChange

__all__ = ["find_other_requests", "shorten"]


def find_other_requests(
    effective: Effective, case: Case, changes: Sequence[RequestChange], golden: Span
) -> Iterator[Diagnostic]:
    """TST102 for the first request that differs, and TST108 for the first whose credential is sent differently."""
    asked = [change for change in changes if change.part != "credentials"]
    if asked:
        change = asked[0]
        text = (
            f"request {change.number}: {change.part} is {shorten(change.after)}, "
            f"the golden says {shorten(change.before)}"
        )
        yield diagnostic("TST102", text, golden, hint=f"{len(asked)} request difference(s) in all")
    moved = next((change for change in changes if change.part == "credentials"), None)
    if moved is not None:
        yield _describe_move(effective, case, moved, golden)


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
        hint=f"correct `{key}`; if this is wanted: conn test --update, and review the golden's diff",
    )


def _compare_headers(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """What differs in the headers that carry a credential."""
    for name in sorted({**before, **after}):
        if name not in after:
            yield f'the header "{name}" is not sent, the golden has {shorten(before[name])}'
        elif name not in before:
            yield f'the header "{name}" is {shorten(after[name])}, the golden has no such header'
        elif before[name] != after[name]:
            yield f'the header "{name}" is {shorten(after[name])}, the golden has {shorten(before[name])}'


def shorten(value: Any) -> str:
    """A value for a message, at most 120 characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:117]}..."
