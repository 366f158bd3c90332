"""One place where an expression or a template stands, and walks over plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from conn_engine.documents import Path_
from conn_engine.roles import Names

__all__ = ["Site", "find_objects"]


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


def find_objects(value: Any) -> list[tuple[str, dict[str, Any]]]:
    """The entries of a mapping that are mappings themselves."""
    return [(str(k), v) for k, v in value.items() if isinstance(v, dict)] if isinstance(value, Mapping) else []
