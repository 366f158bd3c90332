"""Compare the paths of two responses: removed, added, retyped and nullable fields, and new values."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from conn_engine.analysis.drift.forms import ERROR, HEADERS, FieldStatistics, Path, ResponsePaths
from conn_engine.testing.value_types import TEXTS

__all__ = ["Kind", "ResponseChange", "find_changes"]

Kind = Literal[
    "gone", "retyped", "nullable", "enum_grown", "added", "endpoint_gone", "endpoint_deprecated", "endpoint_failing"
]


@dataclass(frozen=True, slots=True)
class ResponseChange:
    """One difference. `path` is in the response's body, () for the endpoint itself; `detail` is a description.

    `types` are the current types of a retyped field. `certain` is false if the sample may just not include the field,
    because it was not in every response before either.
    """

    kind: Kind
    path: Path
    detail: str
    certain: bool = True
    types: frozenset[str] = frozenset()


def find_changes(old: ResponsePaths, new: ResponsePaths) -> Iterator[ResponseChange]:
    """Yield the differences by path. Fields below a removed or added field are not listed."""
    yield from _compare_types((), old.root, new.root, old, new)
    holders = new.holders()
    gone: set[Path] = set()
    for path, was in sorted(old.fields.items()):
        if any(path[:n] in gone for n in range(1, len(path))) or _is_unknown(path, new):
            continue
        now = new.fields.get(path)
        if now is None:
            if _could_be_there(path, new, holders):
                gone.add(path)
                yield _build_gone(path, was, old, new)
        else:
            yield from _compare_values(path, was, now, old, new)
    yield from _find_added(old, new)


def _is_unknown(path: Path, other: ResponsePaths) -> bool:
    """Return whether a path belongs to headers or errors, and the other side has none of them."""
    special = [n for n, name in enumerate(path, 1) if name in (HEADERS, ERROR)]
    return any(path[:n] not in other.fields for n in special)


def _could_be_there(path: Path, new: ResponsePaths, holders: set[Path]) -> bool:
    """Return whether an object that can have the field exists. For example, an empty list has no items to check."""
    if new.described:
        return path[:-1] in holders  # the document does not describe the fields of an object without properties
    above = new.get_parent(path)
    return above is not None and above.objects > 0


def _build_gone(path: Path, was: FieldStatistics, old: ResponsePaths, new: ResponsePaths) -> ResponseChange:
    if old.described:
        return ResponseChange("gone", path, "no longer in the document")
    before, places = was.seen, old.count_parents(path)
    if new.described:
        return ResponseChange("gone", path, "in the recordings, but not in the document", certain=before >= places)
    detail = f"was in {before:,} of {places:,}, now in none of {new.count_parents(path):,}"
    return ResponseChange("gone", path, detail, certain=before >= places)


def _compare_values(
    path: Path, was: FieldStatistics, now: FieldStatistics, old: ResponsePaths, new: ResponsePaths
) -> Iterator[ResponseChange]:
    yield from _compare_types(path, was, now, old, new)
    if now.null and not was.null and not new.described and was.filled >= 3:
        yield ResponseChange("nullable", path, "sometimes null")
    if was.is_enumerated and now.values is not None and was.values is not None and now.values - was.values:
        count = len(now.values - was.values)
        yield ResponseChange("enum_grown", path, f"{count} value{'' if count == 1 else 's'} not seen before")


def _compare_types(
    path: Path, was: FieldStatistics, now: FieldStatistics, old: ResponsePaths, new: ResponsePaths
) -> Iterator[ResponseChange]:
    """Yield a change of the field's type, or of the type of a list's items."""
    for before, after, each in ((was.types, now.types, ""), (was.items, now.items, "array of ")):
        # A plain string may have any format, and a document may leave the format out.
        free = "string" in before or ("string" in after and new.described and not old.described)
        first, second = (_drop_formats(types) if free else types for types in (before, after))
        extra, lost = second - first, first - second
        if first and second and extra and (not new.described or lost):
            detail = f"{each}{_format_types(first)} became {each}{_format_types(second)}"
            certain = not first & second
            yield ResponseChange("retyped", path, detail, certain=certain, types=frozenset(_drop_formats(now.types)))
            return


def _drop_formats(types: set[str]) -> set[str]:
    """Return the types without the formats of strings."""
    return {"string" if kind in TEXTS else kind for kind in types}


def _format_types(types: set[str]) -> str:
    return " or ".join(sorted("array" if kind == "list" else kind for kind in types))


def _find_added(old: ResponsePaths, new: ResponsePaths) -> Iterator[ResponseChange]:
    holders = old.holders() | {()}
    added: set[Path] = set()
    for path in sorted(new.fields):
        if path in old.fields or any(path[:n] in added for n in range(1, len(path))):
            continue
        if (new.described and not old.described and path[:-1] not in holders) or _is_unknown(path, old):
            continue
        added.add(path)
        yield ResponseChange("added", path, "new")
