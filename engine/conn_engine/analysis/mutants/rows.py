"""A mistake as a row: its place and new value; and the rows of an expression."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conn_engine.analysis.mutants.edits import (
    change_globs,
    change_literals,
    change_operators,
    change_paths,
    is_path,
)
from conn_engine.config import Path_

__all__ = ["Change", "Row", "mutate_expression"]


@dataclass(frozen=True, slots=True)
class Change:
    """One place of the configuration with its new value (`DROPPED` removes it)."""

    path: Path_
    value: Any


Row = tuple[str, str, Change, int]
"""Kind, text, change, and the offset in the value, which distinguishes mistakes in one expression."""


def mutate_expression(path: Path_, text: str, kind: str = "") -> Iterator[Row]:
    """Yield a mistake for each literal, pattern, operator and step of a path. They all have `kind`, or their own kinds
    if it is ""."""
    for offset, old, new, changed in change_literals(text):
        yield kind or "literal", f"{old} -> {new}", Change(path, changed), offset
    for offset, old, new, changed in change_globs(text):
        yield kind or "glob", f"{old} -> {new}", Change(path, changed), offset
    for offset, old, new, changed in change_operators(text):
        yield kind or "operator", f"{old} -> {new}", Change(path, changed), offset
    if not is_path(text):  # for a plain path, this is the same as dropping the field
        for offset, old, _new, changed in change_paths(text):
            yield kind or "path", f"{old} -> a missing field", Change(path, changed), offset
