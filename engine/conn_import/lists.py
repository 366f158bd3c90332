"""Lists and objects of documents that may hold anything where one belongs."""

from collections.abc import Mapping
from typing import Any

__all__ = ["listing", "naming"]


def listing(value: Any) -> list[Any]:
    """The list that a document says; one value stands for the list of it, and what can be none is empty."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, str | Mapping) and value else []


def naming(value: Any) -> Mapping[Any, Any]:
    """The object that a document says; anything else is empty."""
    return value if isinstance(value, Mapping) else {}
