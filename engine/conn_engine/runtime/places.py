"""Find the line behind a configuration path, an expression error or a failed run."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from conn_engine.config import Effective, OperationName, Origin, format_place, leaves, lookup, parse_place
from conn_engine.config.braced_expressions import find_expression_start
from conn_engine.diagnostics import Diagnostic, Span, diagnostic
from conn_engine.documents import Document, iterate_texts
from conn_engine.errors import (
    ConfigurationError,
    ConnError,
    CredentialError,
    ExpressionError,
    MissingRecording,
    UsageError,
    VendorError,
)
from conn_engine.runtime.records import ResponsePathMissing

__all__ = ["blame_rerouting", "error_finding", "expression_span", "find_rerouting", "origin_of", "overriding_leaf"]

ConfigPath = tuple[str | int, ...]

_PASSING = frozenset({"unauthorized", "forbidden", "rate_limited", "vendor_unavailable"})
"""Kinds of errors that do not depend on the configuration of the request."""


def origin_of(effective: Effective, path: ConfigPath) -> Origin | None:
    """Return the origin of the value at `path`, or at its nearest ancestor (a mapping may be one expression)."""
    for length in range(len(path), 0, -1):
        origins = effective.origins(path[:length])
        if origins:
            return origins[0]
    return None


def overriding_leaf(effective: Effective, name: OperationName) -> Origin | None:
    """Return the first override leaf that affects this operation, for differences that no mapping line explains."""
    unified = effective.get_unified(name.model, name.resource, name.method) if name.kind == "unified" else None
    route = (name.resource, name.method) if unified is None else (str(unified.resource), str(unified.method))
    others = {(n.resource, n.method) for n in effective.operations() if n.kind == "vendor"} - {route}
    for path, _ in leaves(effective.data):
        if _reaches(path, name, route, others):
            origin = effective.origins(path)[0]
            if origin.level != "base":
                return origin
    return None


def _reaches(path: ConfigPath, name: OperationName, route: tuple[str, str], others: set[tuple[str, str]]) -> bool:
    """Return whether a setting at `path` can change an operation: its own, or one that it inherits or is routed to."""
    if path[0] == "unified":
        return path[: len(name.path)] == name.path
    if path[0] == "resources" and "{{" not in "".join(route):
        return path[1:2] == route[:1] and path[1:3] not in others
    return True


@dataclass(frozen=True, slots=True)
class _Holder:
    """A string of the configuration that may hold the failing expression: its path, and its place in its document."""

    path: ConfigPath
    document: Document
    place: ConfigPath
    text: str


def expression_span(effective: Effective, error: ExpressionError) -> tuple[Span | None, str]:
    """Return the span of the error in its file, and the configuration path of the expression.

    If the error has no path in `at`, the string with the expression is searched for.
    """
    for holder in _holders(effective, error):
        path = format_place(holder.path)
        if error.offset < 0:
            return holder.document.span(holder.place), path
        start = find_expression_start(holder.document, holder.place, error.text) + error.offset
        return holder.document.to_span(holder.place, start, start + max(len(error.token), 1)), path
    origins = effective.origins(_parse_place(error))  # implied, like the path of one record, or joined like filters
    return origins[0].span if origins else None, error.at


def _parse_place(error: ExpressionError) -> ConfigPath:
    """Return the path of the expression that failed; an empty path if it is unknown."""
    try:
        return parse_place(error.at) if error.at else ()
    except UsageError:
        return ()


def _holders(effective: Effective, error: ExpressionError) -> list[_Holder]:
    """Find the strings that contain the error's text, those nearest to its path first."""
    if not error.text:
        return []
    failed_path = tuple(map(str, _parse_place(error)))
    # A merged mapping or array is one leaf of the provenance, so the value of every level is searched.
    origins = [
        origin for length in range(len(failed_path), 0, -1) for origin in effective.origins(failed_path[:length])
    ]
    holders: dict[tuple[str, ConfigPath], _Holder] = {}
    for origin in [*origins[:20], *effective.provenance().values()]:
        for path, text in iterate_texts(origin.value):
            if error.text in text:
                holder = _Holder((*origin.path, *path), origin.document, (*origin.place, *path), text)
                holders.setdefault((holder.document.file, holder.place), holder)

    def rank(holder: _Holder) -> tuple[int, int]:
        path = tuple(map(str, holder.path))
        related = path[: len(failed_path)] == failed_path or failed_path[: len(path)] == path
        return (
            0 if path == failed_path else 1 if failed_path and related else 2,
            0 if holder.text == error.text else 1,
        )

    return sorted(holders.values(), key=rank)


def error_finding(
    effective: Effective, name: OperationName, error: ConnError, recording: str, *, as_below: bool = False
) -> Diagnostic:
    """Return the diagnostic for an operation that failed, on the line to fix. Set `as_below` if it fails with the same
    error without the overrides."""
    finding = _error_finding(effective, name, error, recording)
    if as_below or isinstance(error, CredentialError) or (isinstance(error, VendorError) and error.kind in _PASSING):
        return finding
    return blame_rerouting(effective, name, finding, recording)


def _error_finding(effective: Effective, name: OperationName, error: ConnError, recording: str) -> Diagnostic:
    fallback = Span(recording) if recording else None
    if isinstance(error, ExpressionError):
        span, path = expression_span(effective, error)
        code = "EXP302" if error.code == "unresolved" else "EXP301"
        return diagnostic(code, error.message, span or fallback, path=path, hint=error.hint)
    if isinstance(error, ResponsePathMissing):
        origin = _response_path(effective, name, error)
        return diagnostic("MAP101", error.message, origin.span if origin else fallback, hint=error.hint)
    if isinstance(error, MissingRecording):
        return diagnostic("REC003", error.message, fallback, hint=error.hint)
    if isinstance(error, CredentialError):
        return diagnostic("RUN201", error.message, fallback, hint=error.hint)
    if isinstance(error, VendorError):
        status = f" (status {error.status})" if error.status else ""
        return diagnostic("RUN101", f"{error.kind}: {error.message}{status}", fallback, hint=error.hint)
    if error.findings:
        return error.findings[0] if error.findings[0].span else replace(error.findings[0], span=fallback)
    return diagnostic("RUN301", error.message, fallback, hint=error.hint)


def _response_path(effective: Effective, name: OperationName, error: ResponsePathMissing) -> Origin | None:
    exact = [origin for origin in effective.origins(parse_place(error.at)) if error.at and origin.value == error.path]
    origins: list[tuple[Any, Origin]] = [
        (path, origin)
        for path, origin in effective.provenance().items()
        if path[-1] == "response_path" and origin.value == error.path
    ]
    operation_origins = [origin for path, origin in origins if path[:3] == ("resources", name.resource, name.method)]
    return next(iter([*exact, *operation_origins, *(origin for _, origin in origins)]), None)


def blame_rerouting(effective: Effective, name: OperationName, finding: Diagnostic, recording: str = "") -> Diagnostic:
    """Move a finding to the override that routes the operation elsewhere, unless it already points at an override.

    The settings of the level below were written for another response.
    """
    overrides = [layer for layer in effective.layers if layer.level != "base"]
    files = {source.document.file for layer in overrides for source in layer.sources}
    if not overrides or (finding.span is not None and finding.span.file in files):
        return finding
    origin = find_rerouting(effective, name)
    if origin is None:
        return finding
    where = "the recording" if finding.span == Span(recording) else "it fails here, in the level below"
    related = [] if finding.span is None else [(finding.span, where)]
    return replace(
        finding, span=origin.span, path=finding.path or format_place(origin.path), related=(*related, *finding.related)
    )


def _find_path_of(effective: Effective, route: tuple[str, str]) -> ConfigPath:
    """Return the place that sets the path of a vendor operation: its own, or that of its resource."""
    with suppress(UsageError, ConfigurationError):  # an unknown operation, or one with a fault of its own
        return effective.vendor(*route).get_path("path")
    return ("resources", *route, "path")


def find_rerouting(effective: Effective, name: OperationName) -> Origin | None:
    """Find the override that changes an operation's vendor operation, or the path of that one."""
    base = effective.layers[0].data
    paths: list[ConfigPath] = []
    route = (name.resource, name.method)
    if name.kind == "unified":
        paths = [(*name.path, "resource"), (*name.path, "method")]
        with suppress(ConfigurationError):  # a fault of its own, reported as such
            unified = effective.get_unified(name.model, name.resource, name.method)
            route = route if unified is None else (str(unified.resource), str(unified.method))
    paths += [_find_path_of(effective, route), ("resources", *route, "method")]
    for path in paths:
        origins = effective.origins(path)
        if origins and origins[0].level != "base" and isinstance(lookup(base, path[:-1]), dict):
            return origins[0]
    return None
