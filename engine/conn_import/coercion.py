"""Read values of untrusted documents as lists and objects."""

from collections.abc import Mapping
from typing import Any

__all__ = ["as_list", "as_mapping"]


def as_list(value: Any) -> list[Any]:
    """Return a list as it is, a single string or object as a list of one, and an empty list for anything else."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, str | Mapping) and value else []


def as_mapping(value: Any) -> Mapping[Any, Any]:
    """Return an object as it is, and an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}
