"""Guesses where the records are in a response: `response_path`. Names are `naming`'s, paging is `paging`'s."""

from conn_engine.analysis.drift.contract import Shape
from conn_import.naming import SuggestedName
from conn_import.words import squeeze, to_singular, to_snake, to_step

__all__ = ["find_shape", "find_wrapper", "guess_records_path", "to_expression"]

_WRAPPERS = (
    "data", "results", "result", "items", "records", "values", "entries", "list", "rows", "content", "elements",
    "objects", "resources", "hits", "docs", "documents", "collection", "members", "response", "value", "embedded",
)  # fmt: skip
_ONE = ("data", "result", "item", "record", "response", "object")
_MOST_BESIDE = 8
Path = tuple[str, ...]


def guess_records_path(shape: Shape | None, name: SuggestedName) -> Path | None:
    """Return the property names that lead to the records: () if the response is the records, None if it is unclear."""
    if shape is None or shape.type == "array":
        return ()
    if name.many:
        found = _find_list(shape, name, 0)
        if found is not None:
            return found
    return _find_one(shape, name) or ()


def find_wrapper(shape: Shape | None, path: Path, name: SuggestedName) -> str:
    """Return the property that has the record in each item of a list, or "": `contact` in `[{"contact": {}}]`."""
    found = find_shape(shape, path)
    items = found.items() if found is not None and found.type == "array" else None
    properties = items.properties() if items is not None and name.many else {}
    if len(properties) != 1:
        return ""
    [(key, inner)] = properties.items()
    return key if inner.type == "object" and inner.properties() and squeeze(key) in _list_singular_nouns(name) else ""


def to_expression(path: Path) -> str:
    """Convert a path to an expression."""
    return ".".join(to_step(part) for part in path)


def find_shape(shape: Shape | None, path: Path) -> Shape | None:
    """Return the shape at a path."""
    for part in path:
        shape = shape.properties().get(part) if shape is not None else None
    return shape


def _list_nouns(name: SuggestedName) -> frozenset[str]:
    last = to_snake(name.noun)
    return frozenset(squeeze(word) for word in (last, last.rpartition("_")[2], name.resource) if word)


def _list_singular_nouns(name: SuggestedName) -> frozenset[str]:
    return frozenset(squeeze(to_singular(to_snake(word))) for word in (name.noun, name.resource) if word)


def _find_list(shape: Shape, name: SuggestedName, depth: int) -> Path | None:
    properties = shape.properties()
    arrays = {key: inner for key, inner in properties.items() if inner.type == "array"}
    nouns = _list_nouns(name)
    for key in arrays:
        if squeeze(key) in nouns:
            return (key,)
    by_name = {squeeze(key): key for key in reversed(arrays)}
    for wrapper in _WRAPPERS:
        if wrapper in by_name:
            return (by_name[wrapper],)
    holders = {squeeze(key): key for key in reversed(properties) if properties[key].type == "object"}
    if depth < 2:
        for wrapper in (*sorted(nouns), *_WRAPPERS):
            if wrapper in holders and not _is_record(properties):
                inner = _find_list(properties[holders[wrapper]], name, depth + 1)
                if inner is not None:
                    return (holders[wrapper], *inner)
    if _is_record(properties):
        return None
    objects = [key for key, inner in arrays.items() if _holds_objects(inner)]
    if len(objects) == 1:
        return (objects[0],)
    return (next(iter(arrays)),) if len(arrays) == 1 else None


def _find_one(shape: Shape, name: SuggestedName) -> Path | None:
    """Return where the single record is, if the response wraps it."""
    properties = shape.properties()
    if _is_record(properties):
        return None
    nouns = _list_nouns(name) | _list_singular_nouns(name)
    for key, inner in properties.items():
        if squeeze(key) in nouns and inner.type in ("object", "array"):
            return (key,)
    if len(properties) > _MOST_BESIDE:
        return None
    by_name = {squeeze(key): key for key in reversed(properties)}
    for wrapper in _ONE:
        if wrapper in by_name and properties[by_name[wrapper]].type in ("object", "array"):
            return (by_name[wrapper],)
    return None


def _is_record(properties: dict[str, Shape]) -> bool:
    """Return whether these are the properties of a record, and not those of an envelope."""
    return any(squeeze(key) in ("id", "gid", "uuid") for key in properties)


def _holds_objects(shape: Shape) -> bool:
    items = shape.items()
    return items is not None and items.type == "object"
