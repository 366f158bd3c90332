"""Which paths of an answer an expression reads, and where in the answer that is which a record is delivered with."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from conn_engine.config import Origin, VendorOperation
from conn_engine.errors import ConnError
from conn_engine.expressions import compile_mapping, expression, template

__all__ = ["FieldRead", "Path", "expression_paths", "places_in_answer", "record_places", "text_paths"]

Path = tuple[str, ...]


class FieldRead(NamedTuple):
    """A path that is read, what is made of it, and who said so.

    `holder`: only what is below it counts, whatever else comes or goes there. `kind` is what `record_types` makes of
    it, whichever of some types it has; `delivered`: it reads what has been made already. `required`: without it the
    connector does not work, wherever else it was missing.
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


def expression_paths(text: Any) -> Iterator[Path]:
    """The paths that an expression reads, indexes left out; none of what is no expression."""
    if not isinstance(text, str):
        return
    try:
        found = expression(text).reads()
    except ConnError:
        return
    for path in found:
        yield tuple(part for part in path if isinstance(part, str))


def text_paths(text: str) -> Iterator[Path]:
    """The paths that a text reads: an expression, or a template with expressions in it."""
    if "{{" not in text:
        yield from expression_paths(text)
        return
    try:
        parts = template(text).expressions
    except ConnError:
        return
    for part, _ in parts:
        yield from expression_paths(part)


def record_places(response_path: str | None) -> list[Path]:
    """Where the records are in the body."""
    return list(expression_paths(response_path)) or [()] if response_path else [()]


def places_in_answer(operation: VendorOperation, path: Path) -> list[Path]:
    """Where in an operation's answer that stands which is at `path` of a record that it delivers.

    Of a `record_mapping` that is one expression, and makes no plain object, nobody knows what becomes of which path: of
    what it reads each may be meant, or the path itself where it takes the record as it is.
    """
    starts = record_places(operation.response_path)
    return [(*start, *inner) for inner in _to_vendor_paths(operation.record_mapping, path) for start in starts]


def _to_vendor_paths(record_mapping: Any, path: Path) -> Iterator[Path]:
    """Where in the vendor's record that stands which is at `path` of the mapped one."""
    if record_mapping is None:
        yield path
        return
    added = _MERGED.fullmatch(record_mapping) if isinstance(record_mapping, str) else None
    if added is not None:  # what has no value there is as it was
        yield path
    try:
        made = compile_mapping([_as_tree(record_mapping if added is None else added[1])])
        reads = made.reads()
    except ConnError:
        return
    for field, paths in reads.items():
        name = tuple(field.split(".")) if field else ()
        shared = min(len(name), len(path))
        if name[:shared] != path[:shared]:
            continue
        within = path[len(name) :]
        for read in paths:
            parts = tuple(part for part in read if isinstance(part, str))
            if parts[:1] and parts[0] in _RECORD:
                whole = len(parts) == 1 or (field and _PLAIN.fullmatch(made.fields.get(field, "")))
                yield (*parts[1:], *within) if whole else parts[1:]


def _as_tree(said: Any) -> Any:
    """An expression that makes an object (`{"id": record.id}`) as the tree of its fields; anything else as it is."""
    if isinstance(said, Mapping):
        return {name: _as_tree(value) for name, value in said.items()}
    fields = _object_fields(said) if isinstance(said, str) and said.lstrip().startswith("{") else None
    return said if fields is None else {name: _as_tree(text) for name, text in fields.items()}


def _object_fields(text: str) -> dict[str, str] | None:
    """The fields of an object that an expression consists of, with their expressions; None for any other expression."""
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
            return fields if index == len(tokens) - 1 else None  # something is done with the object
        start = index + 1
    return None
