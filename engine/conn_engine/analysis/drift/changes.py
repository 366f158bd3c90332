"""The differences between two forms of an answer: fields gone, added, retyped, null at times, with new values."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from conn_engine.analysis.drift.forms import FieldForm, Form, Path

__all__ = ["Change", "Kind", "changes"]

Kind = Literal[
    "gone", "retyped", "nullable", "enum_grown", "added", "endpoint_gone", "endpoint_deprecated", "endpoint_failing"
]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `path` leads into the answer's body, () for the endpoint itself; `told` says it in words.

    `types` are what a field of another type is now. `certain` is false where a sample may only have missed it: a field
    that was not always there before either.
    """

    kind: Kind
    path: Path
    told: str
    certain: bool = True
    types: frozenset[str] = frozenset()


def changes(old: Form, new: Form) -> Iterator[Change]:
    """What is different in `new`, by path. Below a field that is gone or new nothing more is said."""
    holders = new.holders()
    gone: set[Path] = set()
    for path, was in sorted(old.fields.items()):
        if any(path[:n] in gone for n in range(1, len(path))):
            continue
        now = new.fields.get(path)
        if now is None:
            if _could_be_there(path, old, new, holders):
                gone.add(path)
                yield _gone(path, was, old, new)
        else:
            yield from _altered(path, was, now, new)
    yield from _added(old, new)


def _could_be_there(path: Path, old: Form, new: Form, holders: set[Path]) -> bool:
    """Whether the object that would hold the field is there: an empty list says nothing of its items."""
    above = path[:-1]
    if new.described:
        return above in holders  # an object without named properties is not described any further
    return above == () or (above in new.fields and new.fields[above].filled > 0 and "object" in _kinds(new, above))


def _kinds(form: Form, path: Path) -> set[str]:
    return form.fields[path].types


def _gone(path: Path, was: FieldForm, old: Form, new: Form) -> Change:
    if old.described:
        return Change("gone", path, "no longer described")
    before, places = was.seen, old.expected(path)
    if new.described:
        return Change("gone", path, "sent in the recordings, not described", certain=before >= places)
    told = f"was in {before} of {places}, is in none of {new.expected(path)}"
    return Change("gone", path, told, certain=before >= places)


def _altered(path: Path, was: FieldForm, now: FieldForm, new: Form) -> Iterator[Change]:
    lost = was.types - now.types
    extra = now.types - was.types
    if was.types and now.types and extra and (not new.described or lost):
        told = f"{_words(was.types)} became {_words(now.types)}"
        yield Change("retyped", path, told, certain=not (was.types & now.types), types=frozenset(now.types))
    if now.null and not was.null and not new.described and was.filled >= 3:
        yield Change("nullable", path, "is null at times")
    if was.enumerated and now.values is not None and was.values is not None and now.values - was.values:
        count = len(now.values - was.values)
        yield Change("enum_grown", path, f"{count} value{'' if count == 1 else 's'} not known before")


def _words(types: set[str]) -> str:
    return " or ".join(sorted(types))


def _added(old: Form, new: Form) -> Iterator[Change]:
    known = old.holders() | {()}
    added: set[Path] = set()
    for path in sorted(new.fields):
        if path in old.fields or any(path[:n] in added for n in range(1, len(path))):
            continue
        if new.described and not old.described and path[:-1] not in known:
            continue
        added.add(path)
        yield Change("added", path, "new")
