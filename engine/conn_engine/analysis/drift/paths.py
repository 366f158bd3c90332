"""Find the paths of a response that an expression reads, and the vendor's paths of a record's fields."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from conn_engine.config import Origin, VendorOperation
from conn_engine.errors import ConnError
from conn_engine.expressions import compile_mapping, expression, template

__all__ = [
    "FieldRead",
    "Path",
    "find_expression_paths",
    "find_record_places",
    "find_response_places",
    "find_text_paths",
]

Path = tuple[str, ...]


class FieldRead(NamedTuple):
    """A path that is read, the setting that reads it, and where this is configured.

    A `holder` reads fields below the path, so that other fields there do not matter. `kind` is the type that
    `record_types` converts it to; `delivered` is set if the converted value is read. `required` is set if the connector
    does not work without it.
    """

    path: Path
    what: str
    origin: Origin | None
    holder: bool = False
    kind: str = ""
    delivered: bool = False
    required: bool = False


_PLAIN = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_MERGED = re.compile(r"\s*\$merge\(\[\s*record\s*,\s*(\{.*\})\s*\]\s*\)\s*", re.DOTALL)
_RECORD = ("record", "response")
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


def find_expression_paths(text: Any) -> Iterator[Path]:
    """Yield the paths that an expression reads, without indexes. Yield nothing for an invalid expression."""
    if not isinstance(text, str):
        return
    try:
        paths = expression(text).reads()
    except ConnError:
        return
    for path in paths:
        yield tuple(part for part in path if isinstance(part, str))


def find_text_paths(text: str) -> Iterator[Path]:
    """Yield the paths that a string reads: an expression, or a template with expressions."""
    if "{{" not in text:
        yield from find_expression_paths(text)
        return
    try:
        parts = template(text).expressions
    except ConnError:
        return
    for part, _ in parts:
        yield from find_expression_paths(part)


def find_record_places(response_path: str | None) -> list[Path]:
    """Return the paths of the records in the body."""
    return list(find_expression_paths(response_path)) or [()] if response_path else [()]


def find_response_places(operation: VendorOperation, path: Path) -> list[Path]:
    """Return the paths in an operation's response for `path` in a record that it emits.

    If `record_mapping` is one expression that does not create a plain object, the exact path is unknown: every path
    that it reads is returned, or `path` itself if it passes the record on unchanged.
    """
    starts = find_record_places(operation.response_path)
    return [(*start, *inner) for inner in _to_vendor_paths(operation.record_mapping, path) for start in starts]


def _to_vendor_paths(record_mapping: Any, path: Path) -> Iterator[Path]:
    """Yield the paths in the vendor's record for `path` in the mapped record."""
    if record_mapping is None:
        yield path
        return
    added = _MERGED.fullmatch(record_mapping) if isinstance(record_mapping, str) else None
    if added is not None:  # fields without a value there are unchanged
        yield path
    try:
        mapping = compile_mapping([_as_tree(record_mapping if added is None else added[1])])
        reads = mapping.reads()
    except ConnError:
        return
    for field, paths in reads.items():
        name = tuple(field.split(".")) if field else ()
        shared = min(len(name), len(path))
        if name[:shared] != path[:shared]:
            continue
        within = path[len(name) :]
        for read_path in paths:
            parts = tuple(part for part in read_path if isinstance(part, str))
            if parts[:1] and parts[0] in _RECORD:
                whole = len(parts) == 1 or (field and _PLAIN.fullmatch(mapping.fields.get(field, "")))
                yield (*parts[1:], *within) if whole else parts[1:]


def _as_tree(mapping: Any) -> Any:
    """Convert an expression that creates an object (`{"id": record.id}`) to a tree; return anything else unchanged."""
    if isinstance(mapping, Mapping):
        return {name: _as_tree(value) for name, value in mapping.items()}
    fields = _object_fields(mapping) if isinstance(mapping, str) and mapping.lstrip().startswith("{") else None
    return mapping if fields is None else {name: _as_tree(text) for name, text in fields.items()}


def _object_fields(text: str) -> dict[str, str] | None:
    """Return the fields with their expressions if an expression is one object; return None for any other expression."""
    tokens = expression(text).analysis.tokens
    fields: dict[str, str] = {}
    depth, start = 0, 1
    for index, token in enumerate(tokens):
        depth += (token.text in _OPENING) - (token.text in _CLOSING) if token.kind not in ("string", "quoted") else 0
        last = depth == 0
        if not last and not (depth == 1 and token.text == "," and token.kind != "string"):
            continue
        piece = tokens[start:index]
        if len(piece) > 2 and piece[0].kind == "string" and piece[1].text == ":":
            fields[piece[0].text[1:-1]] = text[piece[2].start : piece[-1].end]
        elif piece:
            return None  # a computed name
        if last:
            return fields if index == len(tokens) - 1 else None  # the object is only a part of the expression
        start = index + 1
    return None
