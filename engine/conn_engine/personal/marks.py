"""Find what a unified model marks as personal (`x-personal` in its JSON Schema), and what a mapping reads for it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from conn_engine.expressions import UNDEFINED, Path_
from conn_engine.personal.shapes import find_digits
from conn_engine.personal.values import PersonalKind, PersonalValues, fold_case
from conn_engine.schema_keywords import PERSONAL

__all__ = ["PersonalMarks", "collect_mapped"]

_DEEPEST = 20
_FEWEST_DIGITS = 5


class PersonalMarks:
    """The marks of one schema. A mark also applies below its field, except where another mark overrides it; `false`
    removes it. A field with an `enum` is not personal."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema

    def find_texts(self, value: Any, field: Sequence[str] = ()) -> Iterator[tuple[PersonalKind | None, str]]:
        """Yield every text of a record, or of one of its fields, with its mark."""
        if isinstance(value, list):
            for item in value:
                yield from self.find_texts(item, field)
            return
        node, kind = self._find_node(field)
        for part in field:
            value = value.get(part) if isinstance(value, Mapping) else None
        yield from self._walk(node, value, kind, 0)

    def find_mark(self, field: Sequence[str]) -> PersonalKind | None:
        """Return the mark of a complete field; None if its parts have different marks."""
        node, kind = self._find_node(field)
        properties = self._resolve(self._find_items(node)).get("properties")
        return None if isinstance(properties, Mapping) else kind

    def _find_node(self, field: Sequence[str]) -> tuple[Any, PersonalKind | None]:
        node: Any = self._schema
        kind: PersonalKind | None = None
        for part in field:
            node = self._descend(self._find_items(node), part)
            kind = self._choose_mark(node, kind)
        return node, kind

    def find_enumerated(self) -> set[str]:
        """Return the strings of the model's `enum`s, in folded case."""
        values: set[str] = set()
        _collect_enumerated(self._schema, values, 0)
        return values

    def _walk(self, node: Any, value: Any, kind: PersonalKind | None, depth: int) -> Iterator[tuple[str | None, str]]:
        if depth > _DEEPEST:
            return
        kind = self._choose_mark(node, kind)
        if isinstance(value, str):
            yield kind, value
        elif isinstance(value, Mapping):
            for name, item in value.items():
                yield from self._walk(self._descend(self._find_items(node), str(name)), item, kind, depth + 1)
        elif isinstance(value, list):
            for item in value:
                yield from self._walk(self._find_items(node), item, kind, depth + 1)

    def _choose_mark(self, node: Any, inherited: PersonalKind | None) -> PersonalKind | None:
        node = self._resolve(node)
        if "enum" in node or "const" in node:
            return None
        mark = node.get(PERSONAL, inherited)
        return mark if isinstance(mark, str) else None

    def _descend(self, node: Any, name: str) -> Any:
        node = self._resolve(node)
        properties = node.get("properties")
        if isinstance(properties, Mapping) and name in properties:
            return properties[name]
        return node.get("additionalProperties")

    def _find_items(self, node: Any) -> Any:
        """Return the items of a list; a single value counts as one item."""
        items = self._resolve(node).get("items")
        return node if items is None else items

    def _resolve(self, node: Any) -> Mapping[str, Any]:
        """Return the schema of a node, or the one it refers to (`#/$defs/…`)."""
        for _ in range(_DEEPEST):
            if not isinstance(node, Mapping) or not isinstance(node.get("$ref"), str):
                break
            target: Any = self._schema
            for part in node["$ref"].removeprefix("#").strip("/").split("/"):
                target = target.get(part) if isinstance(target, Mapping) and part else target
            node = {**(target if isinstance(target, Mapping) else {}), **{k: v for k, v in node.items() if k != "$ref"}}
        return node if isinstance(node, Mapping) else {}


def collect_mapped(
    marks: PersonalMarks,
    reads: Mapping[str, Collection[Path_]],
    scopes: Sequence[Mapping[str, Any]],
    results: Sequence[Any],
    into: PersonalValues,
) -> None:
    """Collect the values of the marked fields of mapped records, and the values that their expressions read.

    `reads` has the paths in a scope that each dotted field reads ("" for an expression that sets several fields).
    `results` has the mapping's result for each scope, or UNDEFINED where it was not run. A path that a marked value is
    copied from is personal in every record. Other paths of a marked field are personal too, because the value may be
    converted, unless they contain a string of the connector: they then only select a value (`[type = "work"]`).
    """
    for result in results:
        for kind, text in marks.find_texts(result) if result is not UNDEFINED else ():
            if kind is not None:
                into.add(kind, text)
    for field, paths in reads.items():
        parts = field.split(".") if field else []
        rows = [
            (
                scope,
                [] if result is UNDEFINED else [row for row in marks.find_texts(result, parts) if row[0] is not None],
            )
            for scope, result in zip(scopes, results, strict=True)
        ]
        for path in paths:
            _collect_path(path, marks.find_mark(parts) if field else None, rows, into)


def _collect_path(
    path: Path_,
    kind: PersonalKind | None,
    rows: Sequence[tuple[Mapping[str, Any], Sequence[tuple[PersonalKind | None, str]]]],
    into: PersonalValues,
) -> None:
    """Collect the values of a path in the scopes. `rows` are the marked values of the results."""
    texts: list[str] = []
    copied: PersonalKind | None = None
    used: PersonalKind | None = None
    for scope, marked in rows:
        sources = list(_read_texts(scope, path))
        texts += sources
        if sources and copied is None:
            copied = next(
                (
                    marked_kind
                    for marked_kind, text in marked
                    for source in sources
                    if _is_copy(source, text, marked_kind)
                ),
                None,
            )
            used = used or next(
                (
                    marked_kind
                    for marked_kind, text in marked
                    for source in sources
                    if _is_part(source, text, marked_kind)
                ),
                None,
            )
    if copied is None and any(fold_case(text.strip()) in into.named for text in texts):
        for text in texts if used or kind else ():
            into.leave("code", text)
    elif copied or used or kind:
        for text in texts:
            into.add(copied or used or str(kind), text)


def _read_texts(value: Any, path: Sequence[str | int]) -> Iterator[str]:
    """Yield the strings and numbers at a path, without objects."""
    if isinstance(value, list):
        for item in value:
            yield from _read_texts(item, path)
    elif path:
        if isinstance(value, Mapping) and path[0] in value:
            yield from _read_texts(value[path[0]], path[1:])
    elif isinstance(value, str):
        yield value
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)


def _is_copy(source: str, text: str, kind: PersonalKind | None) -> bool:
    """Return whether a marked value equals the source."""
    original, copy = fold_case(source.strip()), fold_case(text.strip())
    if original == copy or kind != "phone":
        return bool(original) and original == copy
    digits = find_digits(original)
    return len(digits) >= _FEWEST_DIGITS and digits == find_digits(copy)


def _is_part(source: str, text: str, kind: PersonalKind | None) -> bool:
    """Return whether the source is a word of a marked value."""
    original, part = fold_case(source.strip()), fold_case(text.strip())
    position = part.find(original) if len(original) > 1 and kind not in ("email", "photo", "phone") else -1
    end = position + len(original)
    return position >= 0 and not part[max(position - 1, 0) : position].isalnum() and not part[end : end + 1].isalnum()


def _collect_enumerated(node: Any, collected: set[str], depth: int) -> None:
    if depth > _DEEPEST:
        return
    if isinstance(node, Mapping):
        values = node.get("enum")
        collected.update(
            fold_case(value) for value in (values if isinstance(values, list) else ()) if isinstance(value, str)
        )
    for item in node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ():
        _collect_enumerated(item, collected, depth + 1)
