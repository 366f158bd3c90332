"""Rules for the settings of a sync, which its own file, an environment or an account may have: expressions, times, and
whether there is such a sync."""

from collections.abc import Iterator, Mapping
from typing import Any

from conn_engine.diagnostics import Diagnostic, Span, diagnostic, did_you_mean
from conn_engine.documents import Document, format_path, iterate_texts
from conn_engine.errors import ExpressionError
from conn_engine.expressions import expression, template
from conn_engine.listing.incremental.durations import parse_duration
from conn_engine.syncs import Schedule, ScheduleError

__all__ = ["check_overrides", "check_settings", "find_unknown_syncs"]

_EXPRESSIONS = frozenset({"transform", "filter", "key", "version", "id", "body"})
_TEMPLATES = frozenset({"params"})
_DURATIONS = ("lookback", "max_runtime")
_Path = tuple[str | int, ...]


def find_unknown_syncs(document: Document, names: list[str]) -> Iterator[Diagnostic]:
    """REF101: an account or an environment has settings for an unknown sync, so they have no effect."""
    for name in _get_syncs(document):
        if name not in names:
            path = ("syncs", name)
            yield diagnostic(
                "REF101",
                f'there are settings for the sync "{name}", which does not exist',
                document.key_span(path),
                path=format_path(path),
                hint=did_you_mean(str(name), names) or f"add syncs/{name}.yaml, or delete syncs.{name}",
            )


def check_overrides(document: Document) -> Iterator[Diagnostic]:
    """Return the findings of `check_settings` for each sync that an account or an environment has settings for."""
    for name in _get_syncs(document):
        yield from check_settings(document, ("syncs", name))


def check_settings(document: Document, start: _Path = ()) -> Iterator[Diagnostic]:
    """Return the findings of the settings of a sync, which are at `start` in a document."""
    settings = document.data
    for key in start:
        settings = settings[key]
    if isinstance(settings, Mapping):
        yield from _check_expressions(document, start, settings)
        yield from _check_times(document, start, settings)


def _get_syncs(document: Document) -> Mapping[str, Any]:
    syncs = document.data.get("syncs") if isinstance(document.data, Mapping) else None
    return syncs if isinstance(syncs, Mapping) else {}


def _check_expressions(document: Document, start: _Path, settings: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """EXP101: an expression or a template does not parse."""
    for path, text in iterate_texts(settings):
        keys = {key for key in path if isinstance(key, str)}
        try:
            if keys & _TEMPLATES and "{{" in text:
                for part, _ in template(text).expressions:
                    expression(part)
            elif keys & _EXPRESSIONS and not keys & _TEMPLATES:
                expression(text)
        except ExpressionError as error:
            place = (*start, *path)
            yield diagnostic(
                "EXP101",
                error.message,
                _locate(document, place, error),
                path=format_path(place),
                hint=error.hint or "correct the expression",
            )


def _locate(document: Document, path: _Path, error: ExpressionError) -> Span:
    if error.offset < 0:
        return document.span(path)
    line, column = document.position(path, error.offset)
    return Span(document.file, line, column, line, column + max(len(error.token), 1))


def _check_times(document: Document, start: _Path, settings: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """SYN102: the schedule, its time zone or a duration is invalid, or the schedule never comes."""
    schedule, timezone = (_get_text(settings, key) for key in ("schedule", "timezone"))
    if schedule is not None or timezone is not None:
        try:
            Schedule(schedule or "@daily", timezone or "UTC").check()
        except ScheduleError as error:
            path = (*start, "timezone" if "time zone" in error.message else "schedule")
            yield diagnostic("SYN102", error.message, document.span(path), path=format_path(path), hint=error.hint)
    for key in _DURATIONS:
        text = _get_text(settings, key)
        try:
            if text is not None:
                parse_duration(text)
        except ValueError as error:
            path = (*start, key)
            yield diagnostic(
                "SYN102", f"{key}: {error}", document.span(path), path=format_path(path), hint="write it as PT10M"
            )


def _get_text(settings: Mapping[str, Any], key: str) -> str | None:
    value = settings.get(key)
    return value if isinstance(value, str) else None
