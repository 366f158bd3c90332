"""A place of an expression or a template."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from conn_engine.documents import Path_
from conn_engine.roles import Names

__all__ = ["Site", "find_objects"]


@dataclass(frozen=True, slots=True)
class Site:
    """A string with an expression or a template, over a scope of `roles.SCOPES`. `secret`: `env` and credentials are in
    scope. `credential`: the names of the stored credential are in scope too, in addition to `names`."""

    path: Path_
    text: str
    kind: Literal["expression", "template"]
    names: Names
    over: str = ""
    secret: bool = False
    credential: bool = False


def find_objects(value: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return the entries of a mapping whose values are mappings."""
    return [(str(k), v) for k, v in value.items() if isinstance(v, dict)] if isinstance(value, Mapping) else []
