"""Lists and objects of documents that may hold anything where one belongs."""

from collections.abc import Mapping
from typing import Any

__all__ = ["as_list", "as_mapping"]


def as_list(value: Any) -> list[Any]:
    """The list that a document says; one value stands for the list of it, and what can be none is empty."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, str | Mapping) and value else []


def as_mapping(value: Any) -> Mapping[Any, Any]:
    """The object that a document says; anything else is empty."""
    return value if isinstance(value, Mapping) else {}
