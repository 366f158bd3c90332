"""What a unified model marks as personal (`x-personal` in its JSON Schema), and which values a mapping reads for it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from conn_engine.expressions import UNDEFINED, Path_
from conn_engine.personal.values import PersonalKind, PersonalValues, folded

__all__ = ["KEYWORD", "PersonalMarks", "collect_mapped"]

KEYWORD = "x-personal"
_DEEPEST = 20
_FEWEST_DIGITS = 5


class PersonalMarks:
    """The marks of one schema. A mark holds for what is below it too, except where that has its own; `false` takes it
    away. What has an `enum` is no person's."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema

    def texts(self, value: Any) -> Iterator[tuple[PersonalKind | None, str]]:
        """Every text of a record with its mark."""
        yield from self._texts(self._schema, value, None, 0)

    def of(self, field: Sequence[str]) -> tuple[PersonalKind | None, bool]:
        """The mark of a field, and whether all that is below it has the same."""
        node, kind = self._schema, None
        for part in field:
            node = self._below(self._items(node), part)
            kind = self._kind(node, kind)
        return kind, self._even(node, 0)

    @property
    def enumerated(self) -> set[str]:
        """The folded texts that an `enum` of the model has."""
        found: set[str] = set()
        _enumerated(self._schema, found, 0)
        return found

    def _texts(self, node: Any, value: Any, kind: PersonalKind | None, depth: int) -> Iterator[tuple[str | None, str]]:
        if depth > _DEEPEST:
            return
        kind = self._kind(node, kind)
        if isinstance(value, str):
            yield kind, value
        elif isinstance(value, Mapping):
            for name, item in value.items():
                yield from self._texts(self._below(self._items(node), str(name)), item, kind, depth + 1)
        elif isinstance(value, list):
            for item in value:
                yield from self._texts(self._items(node), item, kind, depth + 1)

    def _kind(self, node: Any, inherited: PersonalKind | None) -> PersonalKind | None:
        node = self._referred(node)
        if "enum" in node or "const" in node:
            return None
        mark = node.get(KEYWORD, inherited)
        return mark if isinstance(mark, str) else None

    def _below(self, node: Any, name: str) -> Any:
        node = self._referred(node)
        properties = node.get("properties")
        if isinstance(properties, Mapping) and name in properties:
            return properties[name]
        return node.get("additionalProperties")

    def _items(self, node: Any) -> Any:
        """Of a list, its items; one that stands for a list is taken for one of them."""
        items = self._referred(node).get("items")
        return node if items is None else items

    def _referred(self, node: Any) -> Mapping[str, Any]:
        """The schema that a node has or refers to (`#/$defs/…`)."""
        for _ in range(_DEEPEST):
            if not isinstance(node, Mapping) or not isinstance(node.get("$ref"), str):
                break
            target: Any = self._schema
            for part in node["$ref"].removeprefix("#").strip("/").split("/"):
                target = target.get(part) if isinstance(target, Mapping) and part else target
            node = {**(target if isinstance(target, Mapping) else {}), **{k: v for k, v in node.items() if k != "$ref"}}
        return node if isinstance(node, Mapping) else {}

    def _even(self, node: Any, depth: int) -> bool:
        node = self._items(node)
        properties = self._referred(node).get("properties")
        return not isinstance(properties, Mapping) or depth > _DEEPEST


def collect_mapped(
    marks: PersonalMarks,
    reads: Mapping[str, Collection[Path_]],
    scopes: Sequence[Mapping[str, Any]],
    results: Sequence[Any],
    into: PersonalValues,
) -> None:
    """Collect what the marked fields of mapped records have, and what their expressions read for them.

    `reads` are the paths that each dotted field reads of a scope ("" for an expression that makes several), `results`
    what a mapping gave for each scope; UNDEFINED where it was not run. A path that a marked value is copied from is
    personal in every record. One that none is copied from is, too (it may be in another case), unless it has what the
    connector names (`[type = "work"]`): it tells values apart then.
    """
    for result in results:
        for kind, text in marks.texts(result) if result is not UNDEFINED else ():
            if kind is not None:
                into.add(kind, text)
    for field, paths in reads.items():
        kind, plain = marks.of(field.split(".")) if field else (None, False)
        for path in paths:
            _collect_path(marks, path, kind if plain else None, list(zip(scopes, results, strict=True)), into)


def _collect_path(
    marks: PersonalMarks,
    path: Path_,
    kind: PersonalKind | None,
    rows: Sequence[tuple[Mapping[str, Any], Any]],
    into: PersonalValues,
) -> None:
    texts: list[str] = []
    copied: PersonalKind | None = None
    used: PersonalKind | None = None
    for scope, result in rows:
        found = list(_texts_at(scope, path))
        texts += found
        if found and result is not UNDEFINED and copied is None:
            made = [(one, text) for one, text in marks.texts(result) if one is not None]
            copied = next((one for one, text in made for source in found if _is_copy(source, text, one)), None)
            used = used or next((one for one, text in made for source in found if _is_part(source, text, one)), None)
    if copied is None and any(folded(text.strip()) in into.named for text in texts):
        for text in texts if used or kind else ():
            into.leave("code", text)
    elif copied or used or kind:
        for text in texts:
            into.add(copied or used or str(kind), text)


def _texts_at(value: Any, path: Sequence[str | int]) -> Iterator[str]:
    """The texts and numbers at a path; objects there are read in another way."""
    if isinstance(value, list):
        for item in value:
            yield from _texts_at(item, path)
    elif path:
        if isinstance(value, Mapping) and path[0] in value:
            yield from _texts_at(value[path[0]], path[1:])
    elif isinstance(value, str):
        yield value
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)


def _is_copy(source: str, text: str, kind: PersonalKind) -> bool:
    """Whether a marked value is the source."""
    one, other = folded(source.strip()), folded(text.strip())
    if one == other or kind != "phone":
        return bool(one) and one == other
    digits = [character for character in one if character.isdecimal()]
    return len(digits) >= _FEWEST_DIGITS and digits == [character for character in other if character.isdecimal()]


def _is_part(source: str, text: str, kind: PersonalKind) -> bool:
    """Whether a marked value has the source as one of its words."""
    one, other = folded(source.strip()), folded(text.strip())
    at = other.find(one) if len(one) > 1 and kind not in ("email", "photo", "phone") else -1
    end = at + len(one)
    return at >= 0 and not other[max(at - 1, 0) : at].isalnum() and not other[end : end + 1].isalnum()


def _enumerated(node: Any, found: set[str], depth: int) -> None:
    if depth > _DEEPEST:
        return
    if isinstance(node, Mapping):
        values = node.get("enum")
        found.update(folded(value) for value in (values if isinstance(values, list) else ()) if isinstance(value, str))
    for item in node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ():
        _enumerated(item, found, depth + 1)
