"""Merge a newer version of a document into a locally changed one.

The data decides what the result is: a value that only one side changed is taken from it, and a value that both changed
is a conflict. The lines decide how the result is written: they are merged, so that the comments and formatting of both
stay, and then edited where that does not give the merged data.
"""

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from conn_engine.documents import Path_, parse
from conn_engine.documents.edits import put_value
from conn_engine.errors import ConfigurationError
from conn_engine.updates.sequences import merge_sequences, pair_sequences

__all__ = ["MergedText", "merge_text"]

_ABSENT: Final[Any] = object()


@dataclass(frozen=True, slots=True)
class MergedText:
    """The merged text of a document. Conflicts are marked in `text`; in `resolved`, they have the local value.

    `conflicts` are the paths that both sides changed, and `lines` the lines where the marks start.
    """

    text: str
    resolved: str
    conflicts: tuple[Path_, ...] = ()
    lines: tuple[int, ...] = ()


def merge_text(file: str, base: str | None, local: str, new: str, label: str) -> MergedText:
    """Merge the texts of a document. `base` is None if both sides added it; `label` names the new version in marks.

    Raises ConfigurationError for a text that cannot be parsed.
    """
    conflicts: list[Path_] = []
    base_data = _ABSENT if base is None else parse(base, file).data
    sides = _merge_data(base_data, parse(local, file).data, parse(new, file).data, (), conflicts)
    for start in _list_starts(base or "", local, new):
        with contextlib.suppress(ConfigurationError):
            text = put_value(parse(start, file), (), sides[0], "write out")
            other = put_value(parse(text, file), (), sides[1], "write out")
            return _mark(text, other, conflicts, label)
    # The values cannot be put into the local text: every difference is for the person to resolve.
    return _mark(local, new, conflicts or [()], label)


# --- data ---


def _merge_data(base: Any, local: Any, new: Any, path: Path_, conflicts: list[Path_]) -> tuple[Any, Any]:
    """Return the merged data, once with the local values of conflicts and once with the new ones.

    The paths of conflicts are added to the list.
    """
    if _is_same(new, base) or _is_same(new, local):
        return local, local
    if _is_same(local, base):
        return new, new
    if isinstance(local, dict) and isinstance(new, dict) and (isinstance(base, dict) or base is _ABSENT):
        return _merge_mappings({} if base is _ABSENT else base, local, new, path, conflicts)
    parts = list(_merge_parts(base, local, new))
    if not parts or any(one != other for one, other in parts):
        conflicts.append(path)
        return local, new
    items = [item for part, _ in parts for item in part]
    merged = "".join(items) if isinstance(local, str) else [json.loads(item) for item in items]
    return merged, merged


def _merge_mappings(
    base: dict[str, Any], local: dict[str, Any], new: dict[str, Any], path: Path_, conflicts: list[Path_]
) -> tuple[dict[str, Any], dict[str, Any]]:
    with_local, with_new = {}, {}
    for key in dict.fromkeys((*local, *new)):
        old, mine, newer = (side.get(key, _ABSENT) for side in (base, local, new))
        with_local[key], with_new[key] = _merge_data(old, mine, newer, (*path, key), conflicts)
    left, right = (
        {key: value for key, value in side.items() if value is not _ABSENT} for side in (with_local, with_new)
    )
    return left, right


def _merge_parts(base: Any, local: Any, new: Any) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """Yield the parts of lists by item, and of texts with several lines by line; nothing for other values."""
    if all(isinstance(value, list) for value in (base, local, new)):
        yield from merge_sequences(*(list(map(_to_json, value)) for value in (base, local, new)))
    elif all(isinstance(value, str) and "\n" in value.strip() for value in (base, local, new)):
        yield from merge_sequences(*map(_split, (base, local, new)))


def _is_same(one: Any, other: Any) -> bool:
    if one is _ABSENT or other is _ABSENT:
        return one is other
    return _to_json(one) == _to_json(other)


def _to_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


# --- text ---


def _list_starts(base: str, local: str, new: str) -> Iterator[str]:
    """Yield texts to put the merged data into, best first.

    They are the merged lines, with the local and then with the new lines where both changed them, and the local text.
    The second one is left out if it has not all comments that were added locally.
    """
    parts = list(merge_sequences(_split(base), _split(local), _split(new)))
    with_local, with_new = ("".join(line for part in parts for line in part[side]) for side in (0, 1))
    yield with_local
    if _find_comments(local) - _find_comments(base) <= _find_comments(with_new):
        yield with_new
    yield local


def _find_comments(text: str) -> set[str]:
    return set(re.findall(r"(?:^|(?<=\s))#[^\n]*", text))


def _split(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _mark(text: str, other: str, conflicts: Sequence[Path_], label: str) -> MergedText:
    """Return the text with a mark around each part that is different in the other text."""
    lines: list[str] = []
    starts = []
    for local, new in pair_sequences(_split(text), _split(other)):
        if local == new:
            lines += local
            continue
        starts.append(len(lines) + 1)
        lines += ["<<<<<<< yours\n", *_end_lines(local), "=======\n", *_end_lines(new), f">>>>>>> {label}\n"]
    return MergedText("".join(lines), text, tuple(conflicts), tuple(starts))


def _end_lines(lines: Sequence[str]) -> Iterator[str]:
    yield from (line if line.endswith("\n") else f"{line}\n" for line in lines)
