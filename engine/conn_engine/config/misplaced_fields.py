"""Find fields of a mapping that are next to `response_mapping` instead of below it, and say where they belong."""

import json
from typing import Any

from conn_engine.config.merge import Path_
from conn_engine.config.models import UnifiedOperation, UnifiedResource

__all__ = ["explain_field", "explain_fields", "is_misplaced_field"]

_SETTINGS = frozenset((*UnifiedOperation.__struct_fields__, *UnifiedResource.__struct_fields__))
_LONGEST = 60


def is_misplaced_field(kind: str, path: Path_, value: Any) -> bool:
    """Return whether the text at a path of a document of a kind is next to the settings of a unified operation or
    resource, but is none of them."""
    start = 1 if kind == "unified" and path[:1] == ("resources",) else _find_start(kind, path)
    return start > 0 and len(path) - start in (2, 3) and isinstance(value, str) and path[-1] not in _SETTINGS


def _find_start(kind: str, path: Path_) -> int:
    """Return the length of the path of a model's resources in a connector or an override, 0 if a path has none."""
    at = {"connector": 0, "account": 1, "environment": 2}.get(kind, len(path))
    return at + 2 if path[at : at + 1] == ("unified",) else 0


def explain_field(key: str, value: str) -> str:
    """Return the fix for one such field."""
    shown = value.strip() if len(value) <= _LONGEST and "\n" not in value.strip() else "…"
    return f"move it below response_mapping: response_mapping: {{ {key}: {json.dumps(shown, ensure_ascii=False)} }}"


def explain_fields(resource: str, value: Any) -> str:
    """Return the fix for a key of an override that has only fields of a mapping; an empty string if it has not."""
    if not isinstance(value, dict) or not value or not all(isinstance(text, str) for text in value.values()):
        return ""
    if not any(name in text for text in value.values() for name in ("response.", "body.")):
        return ""
    return f"name the model and the mapping: MODEL.{resource}.response_mapping, such as crm.{resource}.response_mapping"
