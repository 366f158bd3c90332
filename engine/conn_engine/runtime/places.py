"""Where things stand: the line behind a configuration path, an expression error or a failed run. No judging here."""

from typing import Any

from conn_engine.config import Effective, OperationName, Origin
from conn_engine.diagnostics import Diagnostic, Span, diagnostic
from conn_engine.documents import undotted
from conn_engine.errors import (
    ConfigurationError,
    ConnError,
    CredentialError,
    ExpressionError,
    MissingRecording,
    VendorError,
)
from conn_engine.runtime.records import ResponsePathMissing

__all__ = ["error_finding", "expression_span", "origin_of", "overriding_leaf"]

ConfigPath = tuple[str | int, ...]


def origin_of(effective: Effective, path: ConfigPath) -> Origin | None:
    """What set the value at `path`, or at its nearest ancestor that is set (a mapping may be one expression)."""
    for length in range(len(path), 0, -1):
        origins = effective.origins(path[:length])
        if origins:
            return origins[0]
    return None


def overriding_leaf(effective: Effective, name: OperationName) -> Origin | None:
    """The first override leaf that reaches this operation, for differences that no mapping line explains."""
    relevant = [
        origin
        for path, origin in effective.provenance().items()
        if origin.level != "base" and (path[0] != "unified" or path[: len(name.path)] == name.path)
    ]
    return relevant[0] if relevant else None


def expression_span(effective: Effective, error: ExpressionError) -> tuple[Span | None, str]:
    """The span of the culprit inside its file, and the configuration path that holds the expression.

    The error's `at` names the path when the raiser knew it; otherwise the leaf whose text is the expression is found.
    """
    for path, origin in _holders(effective, error):
        document = origin.document
        if error.offset >= 0 and isinstance(origin.value, str):
            shift = origin.value.find(error.text) if error.text and error.text != origin.value else 0
            line, column = document.position(origin.place, max(shift, 0) + error.offset)
            width = max(len(error.token), 1)
            return Span(origin.span.file, line, column, line, column + width), ".".join(map(str, path))
        return origin.span, ".".join(map(str, path))
    return None, error.at


def _holders(effective: Effective, error: ExpressionError) -> list[tuple[ConfigPath, Origin]]:
    rows: list[tuple[ConfigPath, Origin]] = []
    if error.at:
        # A composed mapping is one leaf of the provenance, so the field's own path is asked for first.
        exact = undotted(error.at)
        for origin in effective.origins(exact):
            if isinstance(origin.value, str) and error.text in origin.value:
                rows.append((exact, origin))
    for path, origin in effective.provenance().items():
        if isinstance(origin.value, str) and error.text and error.text in origin.value:
            rows.append((path, origin))
    at = error.at

    def rank(row: tuple[ConfigPath, Origin]) -> tuple[int, int]:
        text = ".".join(map(str, row[0]))
        exact = 0 if text == at else 1 if at and (text.startswith(at) or at.startswith(text)) else 2
        return (exact, 0 if row[1].value == error.text else 1)

    return sorted(rows, key=rank)


def error_finding(effective: Effective, name: OperationName, error: ConnError, recording: str) -> Diagnostic:
    """The diagnostic for an operation that ended with an error, on the line to mend."""
    fallback = Span(recording) if recording else None
    if isinstance(error, ExpressionError):
        span, path = expression_span(effective, error)
        code = "EXP302" if error.code == "unresolved" else "EXP301"
        return diagnostic(code, error.message, span or fallback, path=path, hint=error.hint)
    if isinstance(error, ResponsePathMissing):
        origin = _response_path(effective, name, error.path)
        return diagnostic("MAP101", error.message, origin.span if origin else fallback, hint=error.hint)
    if isinstance(error, MissingRecording):
        return diagnostic("REC003", error.message, fallback, hint=error.hint)
    if isinstance(error, CredentialError):
        return diagnostic("RUN201", error.message, fallback, hint=error.hint)
    if isinstance(error, VendorError):
        status = f" (status {error.status})" if error.status else ""
        return diagnostic("RUN101", f"{error.kind}: {error.message}{status}", fallback, hint=error.hint)
    if isinstance(error, ConfigurationError) and error.findings:
        return error.findings[0]
    return diagnostic("RUN301", error.message, fallback, hint=error.hint)


def _response_path(effective: Effective, name: OperationName, text: str) -> Origin | None:
    found: list[tuple[Any, Origin]] = [
        (path, origin)
        for path, origin in effective.provenance().items()
        if path[-1] == "response_path" and origin.value == text
    ]
    own = [origin for path, origin in found if path[:3] == ("resources", name.resource, name.method)]
    return next(iter([*own, *(origin for _, origin in found)]), None)
