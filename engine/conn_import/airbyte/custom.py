"""Components of a manifest that are Python code: told by name and by what they were for, never run."""

from collections.abc import Mapping
from typing import Any

from conn_import.airbyte.notes import Notes
from conn_import.words import plain

__all__ = ["code_of", "is_code"]


def is_code(component: Any) -> bool:
    """Whether a component is code of the manifest's own."""
    return isinstance(component, Mapping) and (
        "class_name" in component or str(component.get("type", "")).startswith("Custom")
    )


def code_of(component: Any, purpose: str, notes: Notes) -> bool:
    """Whether a component is code; then it is noted, with what it was for."""
    if not is_code(component):
        return False
    name = plain(component.get("class_name") or component.get("type") or "code", 120)
    notes.add_code(purpose, name.rpartition(".")[2] or name)
    return True
