"""Override the steps of an operation, `before` or `after`: all at once, as a list does not merge with another."""

from typing import Any, Final

from conn_engine.analysis.override_targets import FieldOverride
from conn_engine.config import MISSING, Path_
from conn_engine.config.override_places import OverridePlace
from conn_engine.documents import Document, parse
from conn_engine.documents.edits import drop_value, put_value
from conn_engine.errors import ConfigurationError, UsageError

__all__ = ["STEPS", "has_comment", "put_steps", "resolve_steps"]

STEPS: Final = ("before", "after")
_OPERATION_LENGTH: Final = 4


def resolve_steps(override: FieldOverride, place: Path_) -> Path_:
    """Return the path of an operation's steps in the configuration. Raises UsageError for what has none."""
    if override.field not in STEPS:
        raise UsageError(f'"{override.field}" is not a list of steps', hint=f"use one of: {', '.join(STEPS)}")
    if len(place) != _OPERATION_LENGTH:
        raise UsageError(
            f"{override.field} is set for single operations", hint=f"name one, such as {override.resource}.list"
        )
    return (*place, override.field)


def has_comment(document: Document, path: Path_) -> bool:
    """Return whether the text of a value has a comment, which would be lost if the value is written again."""
    lines = range(document.key_span(path).line, document.span(path).end_line + 1)
    return any(" #" in f" {document.line(number)}" for number in lines)


def put_steps(document: Document, start: Path_, found: OverridePlace, override: FieldOverride, path: Path_) -> str:
    """Return the text of the document with the steps, or without them if there are none. Raises UsageError if the YAML
    is not a list, or if the present text has comments."""
    place = (*start, *found.path)
    is_present = found.value is not MISSING
    if is_present and has_comment(document, place):
        where = f"{document.file}:{document.key_span(place).line}"
        raise UsageError(f"{where} has comments in {path[-1]}, which would be lost", hint="change it in an editor")
    if not override.expression.strip():
        if not is_present:
            raise UsageError(f"{document.file} does not set {path[-1]} of {override.resource}", hint="add a step")
        return drop_value(document, place, override.shared)
    return put_value(document, place, _read_steps(override), override.shared)


def _read_steps(override: FieldOverride) -> list[Any]:
    try:
        steps = parse(override.expression, override.field).data
    except ConfigurationError as error:
        raise UsageError(f"the steps of {override.field} are not YAML: {error.message}", hint=error.hint) from None
    if not isinstance(steps, list):
        raise UsageError(f"the steps of {override.field} are not a list", hint="start each step with a dash")
    return steps
