"""The fields that an environment or an account adds to unified records although their model does not have them."""

from difflib import get_close_matches
from typing import Final

from conn_engine.config.effective import Effective
from conn_engine.config.merge import lookup
from conn_engine.config.operations import OperationName, singular

__all__ = ["find_own_fields"]

_SIMILAR: Final = 0.75
"""From this similarity to a field of the model, a name is that field misspelled."""


def find_own_fields(effective: Effective, name: OperationName) -> frozenset[str]:
    """Return the fields that only overrides of a unified operation set by name, and that its model lacks. A name that
    is like a field of the model is not one: it is probably misspelled."""
    operation = effective.get_unified(name.model, name.resource, name.method) if name.kind == "unified" else None
    if operation is None or len(effective.layers) == 1:
        return frozenset()
    known = effective.schemas.find_closed_fields(name.model, operation.record or singular(name.resource))
    if known is None:
        return frozenset()
    path = (*name.path, "response_mapping")
    mappings = [(layer.level, lookup(layer.data, path)) for layer in effective.expanded]
    fields = [(level, key) for level, mapping in mappings if isinstance(mapping, dict) for key in _list_fields(mapping)]
    base = {key for level, key in fields if level == "base"}
    added = {key for _, key in fields} - base - known
    return frozenset(key for key in added if not get_close_matches(key, known, 1, _SIMILAR))


def _list_fields(mapping: dict[str, object]) -> list[str]:
    inside = mapping["replace"] if mapping.keys() == {"replace"} else mapping
    return [key for key, value in inside.items() if value is not None] if isinstance(inside, dict) else []
