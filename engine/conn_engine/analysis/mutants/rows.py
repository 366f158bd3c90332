"""One mistake as a row: where it is made and what stands there then; and the rows of an expression."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conn_engine.analysis.mutants.edits import (
    changed_globs,
    changed_literals,
    changed_operators,
    changed_paths,
    is_path,
)
from conn_engine.config import Path_

__all__ = ["Change", "Row", "in_expression"]


@dataclass(frozen=True, slots=True)
class Change:
    """One place of the configuration with its new value (`DROPPED`: none)."""

    path: Path_
    value: Any


Row = tuple[str, str, Change, int]
"""Kind, text, change, and the offset inside the value, which tells two mistakes in one expression apart."""


def in_expression(path: Path_, text: str, kind: str = "") -> Iterator[Row]:
    """Each literal, pattern and operator changed and each step of a path turned elsewhere, as mistakes of one kind or
    of their own."""
    for offset, old, new, made in changed_literals(text):
        yield kind or "literal", f"{old} -> {new}", Change(path, made), offset
    for offset, old, new, made in changed_globs(text):
        yield kind or "glob", f"{old} -> {new}", Change(path, made), offset
    for offset, old, new, made in changed_operators(text):
        yield kind or "operator", f"{old} -> {new}", Change(path, made), offset
    if not is_path(text):  # of a plain path that is no other mistake than dropping the field
        for offset, old, _new, made in changed_paths(text):
            yield kind or "path", f"{old} is read elsewhere", Change(path, made), offset
