"""Texts for people: numbers with their noun, and lines."""

from collections.abc import Iterable

__all__ = ["join_lines", "pluralize"]


def pluralize(number: int, noun: str) -> str:
    """`1 file`, `2 files`, `1,904 records`. The plural is the noun with an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def join_lines(lines: Iterable[str]) -> str:
    """The lines as one text, each with its break."""
    return "".join(f"{line}\n" for line in lines)
