"""Summarize what was not imported: similar items on one line, with the first places. `Losses` has the complete list."""

import re
from collections.abc import Iterable, Sequence

__all__ = ["find_kind", "fold_losses"]

_SHOWN = 3
_NEARLY = 4
"""Up to this many items, all are shown, rather than three and a count of one."""
_WORD = re.compile(r"[a-z]+(?:'s)?[,:;]?")
_LONGEST_NAME = 60


def fold_losses(losses: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    """Return one line for each kind of item, in order: the first item of that kind with its places, then the others.

    `losses` are items with their places; an item may have none.
    """
    kinds: dict[str, list[tuple[str, Sequence[str]]]] = {}
    for what, places in losses:
        kinds.setdefault(find_kind(what), []).append((what, places))
    return [_format_line(rows) for rows in kinds.values()]


def find_kind(text: str) -> str:
    """Return the words of the text without its names, so that `the field a_b: no path` and `the field c_d: no path`
    are of one kind."""
    words: list[str] = []
    for word in text.split():
        pattern = word if _WORD.fullmatch(word) else f"…{word[-1]}" if word[-1] in ":;" else "…"
        if pattern[0] == "…" and words and words[-1] == "…":
            words.pop()
        words.append(pattern)
    return " ".join(words)


def _format_line(rows: list[tuple[str, Sequence[str]]]) -> str:
    (what, places), others = rows[0], rows[1:]
    text = what
    if places:
        many = f" ({len(places):,} places)" if len(places) > _NEARLY else ""
        text = f"{what}{many}: {_list_first(places)}"
    if others:
        text += f"; likewise {_list_first([_find_difference(other, what) for other, _ in others])}"
    return text


def _list_first(names: Sequence[str]) -> str:
    if len(names) <= _NEARLY:
        return ", ".join(names)
    return f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN:,} more"


def _find_difference(text: str, other: str) -> str:
    """Return the words by which a string differs from another one of its kind."""
    words, known = text.split(), other.split()
    start = next((n for n, pair in enumerate(zip(words, known, strict=False)) if pair[0] != pair[1]), 0)
    end = start + 1
    while end < len(words) and not _WORD.fullmatch(words[end]) and words[end - 1][-1] not in ":;":
        end += 1
    name = " ".join(words[start:end]).rstrip(",:;")
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
