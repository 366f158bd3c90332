"""Rules for numbers in documents."""

import re
from collections.abc import Iterator
from typing import Any, Final

from conn_engine.config import MAPPINGS, Path_
from conn_engine.diagnostics import Diagnostic, Edit, Fix, Span, diagnostic
from conn_engine.documents import Document, format_path

__all__ = ["find_leading_zeros"]

_SUSPECT: Final = re.compile(r"(?<![\w.\"'/-])[-+]?0[0-9]")
_LEADING_ZERO: Final = re.compile(r"[-+]?0[0-9]+")


def find_leading_zeros(document: Document, reported: set[Span | None]) -> Iterator[Diagnostic]:
    """DOC170: a number begins with zeros, which it loses. `reported` are the places that have another finding."""
    if not document.is_yaml or not _SUSPECT.search(document.text):
        return
    for path, number in _iterate_numbers(document.data, ()):
        written = document.read_source(path)
        if not _LEADING_ZERO.fullmatch(written) or document.span(path) in reported:
            continue
        is_expression = not MAPPINGS.isdisjoint(map(str, path))
        text = f'"{written}"' if is_expression else written
        yield diagnostic(
            "DOC170",
            f"{written} is read as the number {number}",
            document.span(path),
            path=format_path(path),
            hint=f"quote it: '{text}'" if is_expression else f'quote it: "{text}"',
            fix=Fix(document.file, (Edit("put", path, text),)),
        )


def _iterate_numbers(data: Any, path: Path_) -> Iterator[tuple[Path_, int]]:
    if isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _iterate_numbers(value, (*path, key))
    elif isinstance(data, int) and not isinstance(data, bool):
        yield path, data
