"""One place where an expression or a template stands, the names that may be in scope, and walks over plain values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from conn_engine.documents import Path_, texts

__all__ = [
    "AFTER",
    "ANSWER",
    "CALL",
    "CALLER",
    "ERROR",
    "FAULT",
    "MAPPED",
    "RECORD",
    "Names",
    "Site",
    "mapped",
    "objects",
    "templates",
]

CALLER = frozenset({"query", "raw_query", "body", "id", "headers", "context", "params", "before"})
CALL = CALLER | {"partition", "parent"}
ANSWER = CALL | {"status", "response", "records", "request", "text", "page"}
FAULT = ANSWER | {"fault", "attempt"}
RECORD = CALL | {"record", "response"}
MAPPED = CALL | {"response", "status", "page", "window"}
AFTER = MAPPED | {"after", "result"}
ERROR = MAPPED | {"error"}

Names = frozenset[str] | None
"""The names in scope; None when any may stand there (a vendor's body, the names of a path)."""


@dataclass(frozen=True, slots=True)
class Site:
    """One string that holds an expression, or `{{…}}`. `secret` marks where `env` and credentials are in scope;
    `credential`, where the names of the stored credential belong to `names` besides."""

    path: Path_
    text: str
    kind: Literal["expression", "template"]
    names: Names
    secret: bool = False
    credential: bool = False


def objects(value: Any) -> list[tuple[str, dict[str, Any]]]:
    """The entries of a mapping that are mappings themselves."""
    return [(str(k), v) for k, v in value.items() if isinstance(v, dict)] if isinstance(value, Mapping) else []


def templates(value: Any, path: Path_, names: Names) -> Iterator[Site]:
    """Every text with {{…}} in a value."""
    for where, text in texts(value, path):
        if "{{" in text:
            yield Site(where, text, "template", names)


def mapped(value: Any, path: Path_, names: Names) -> Iterator[Site]:
    """Every text of a mapping: each is an expression."""
    if isinstance(value, str):
        yield Site(path, value, "expression", names)
    elif isinstance(value, Mapping):
        if set(value) == {"replace"}:
            yield from mapped(value["replace"], (*path, "replace"), names)
            return
        for key, item in value.items():
            yield from mapped(item, (*path, key), names)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from mapped(item, (*path, index), names)
