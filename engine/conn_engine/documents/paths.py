"""Configuration paths: tuples of keys and indexes, their dotted text, and the strings in data with their paths."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from conn_engine.errors import UsageError

__all__ = ["Path_", "format_path", "is_overlap", "iterate_texts", "parse_path"]

Path_: TypeAlias = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r'[^\s."\[\]]+')
_INDEX = re.compile(r"\[(\d{1,9})\]")
_QUOTED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')


def format_path(path: Sequence[str | int]) -> str:
    """Format `("errors", 0, "a.b")` as `errors[0]."a.b"`. Keys with dots, spaces, quotes or brackets are quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        key = part if _PLAIN_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False)
        text += f".{key}" if text else key
    return text


def parse_path(text: str) -> Path_:
    """Reverse `format_path`. Raises UsageError if the text is not a path.

    `errors.0.when` contains the key "0", which `Document` uses as an index if the document has a list there.
    """
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        if match := _INDEX.match(text, position):
            parts.append(int(match[1]))
            position = match.end()
            continue
        if parts:
            if text[position] != ".":
                break
            position += 1
        if match := _QUOTED.match(text, position):
            try:
                parts.append(str(json.loads(match[0])))
            except ValueError:
                break
        elif match := _PLAIN_KEY.match(text, position):
            parts.append(match[0])
        else:
            break
        position = match.end()
    else:
        return tuple(parts)
    raise UsageError(
        f"{text!r} is not a path: unexpected text at character {position + 1}",
        hint='write it as resources.contacts.list or errors[0].when; quote a key with dots: headers."a.b"',
    )


def is_overlap(path: Path_, other_path: Path_) -> bool:
    """Return whether the paths are equal, or one contains the other."""
    length = min(len(path), len(other_path))
    return path[:length] == other_path[:length]


def iterate_texts(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, str]]:
    """Yield every string in data with its path below `path`, but not the keys of objects."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from iterate_texts(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from iterate_texts(item, (*path, index))
