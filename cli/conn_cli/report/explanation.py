"""Why a value came out, drawn as text. It shows the record's own values: show it only to the caller."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conn_cli.formatting import join_lines, shorten_text
from conn_engine.expressions import UNDEFINED
from conn_engine.testing.explanation import Explanation, LevelExplanation

__all__ = ["draw_text"]

LONGEST = 100


def draw_text(found: Explanation, shown: Callable[[Path], str]) -> str:
    """The value, then level by level: the expression, what it read, what it gave, how it decided."""
    lines = [f"{found.case.name.text} {found.field} of record {found.record} is {_value(found.value)}"]
    lines.append(f"  in {shown(found.case.path)}")
    if found.later:
        lines.append("  a step after the mapping changes it")
    first = next((said for said in found.levels if said.effective), None)
    for said in found.levels:
        lines += _level(said, "<- effective" if said is first else _note(said))
    return join_lines(lines)


def _note(said: LevelExplanation) -> str:
    if said.effective:
        return "(a part of it)"
    if said.origin.value is None:
        return "(removes it)"
    return "(replaces the levels below)" if said.origin.path[-1:] == ("replace",) else ""


def _level(said: LevelExplanation, note: str) -> list[str]:
    span = said.origin.span
    lines = [f"{said.origin.level:<11}  {span.file}:{span.line}   {_source(said.origin.value)}   {note}".rstrip()]
    if said.origin.value is not None:
        lines += [f"  reads   {path} = {_value(value)}" for path, value in said.reads]
        lines.append(f"  fails   {said.error}" if said.error else f"  gives   {_value(said.value)}")
        lines += [f"  because {line}" for line in said.decisions]
    return lines


def _source(value: Any) -> str:
    return _short(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _value(value: Any) -> str:
    return "nothing" if value is UNDEFINED else _short(json.dumps(value, ensure_ascii=False))


def _short(value: str) -> str:
    return shorten_text(" ".join(value.split()), LONGEST)
