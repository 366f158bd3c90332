"""Draw why fields have their values. The text has values of the record: show it only to the caller."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from conn_cli.formatting import join_lines, shorten_text
from conn_cli.report.columns import draw_columns
from conn_engine.expressions import UNDEFINED
from conn_engine.testing.explanation import Explanation
from conn_engine.testing.level_values import LevelExplanation

__all__ = ["draw_fields", "draw_text"]

LONGEST = 100


def draw_text(explanation: Explanation, format_path: Callable[[Path], str]) -> str:
    """Return the value, then for each level the expression, what it reads, its result and its decisions."""
    value = "has no value" if explanation.value is UNDEFINED else f"is {_value(explanation.value)}"
    lines = [f"{explanation.case.name.text} {explanation.field} of record {explanation.record} {value}"]
    lines.append(f"  in {format_path(explanation.case.path)}")
    if explanation.later:
        lines.append("  a step after the mapping changes it")
    first = next((level for level in explanation.levels if level.effective), None)
    for level in explanation.levels:
        lines += _draw_level(level, "<- effective" if level is first else _note(level))
    return join_lines(lines)


def draw_fields(explanations: Sequence[Explanation], format_path: Callable[[Path], str]) -> str:
    """Return one line for each field of a record: its value, and the file and line that set it."""
    first = explanations[0]
    lines = [f"{first.case.name.text} record {first.record or first.index}", f"  in {format_path(first.case.path)}"]
    rows = [(row.field, _describe_result(row), _describe_place(row)) for row in explanations]
    return join_lines([*lines, *draw_columns(rows, cut_last_at_start=True)])


def _describe_result(explanation: Explanation) -> str:
    if explanation.error:
        return f"fails: {explanation.error}"
    return "-" if explanation.value is UNDEFINED else json.dumps(explanation.value, ensure_ascii=False)


def _describe_place(explanation: Explanation) -> str:
    level = next((level for level in explanation.levels if level.effective), None) or next(
        iter(explanation.levels), None
    )
    return "-" if level is None else f"{level.origin.span.file}:{level.origin.span.line}"


def _note(level: LevelExplanation) -> str:
    if level.effective:
        return "(partly effective)"
    if level.origin.value is None:
        return "(removes it)"
    return "(replaces the levels below)" if level.origin.path[-1:] == ("replace",) else ""


def _draw_level(level: LevelExplanation, note: str) -> list[str]:
    span = level.origin.span
    lines = [f"{level.origin.level:<11}  {span.file}:{span.line}   {_source(level.origin.value)}   {note}".rstrip()]
    if level.origin.value is not None:
        lines += [f"  reads   {path} = {_value(value)}" for path, value in level.reads]
        lines.append(f"  fails   {level.error}" if level.error else f"  gives   {_value(level.value)}")
        lines += [f"  because {line}" for line in level.decisions]
    return lines


def _source(value: Any) -> str:
    return _short(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _value(value: Any) -> str:
    return "(no value)" if value is UNDEFINED else _short(json.dumps(value, ensure_ascii=False))


def _short(value: str) -> str:
    return shorten_text(" ".join(value.split()), LONGEST)
