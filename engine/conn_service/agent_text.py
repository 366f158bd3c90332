"""The text that an agent gets: JSON that is short, and without characters that a reader does not see."""

import json
import re
import unicodedata
from typing import Any, Final

__all__ = ["cut_data", "escape_unseen", "format_for_agent"]

_OUTSIDE_ASCII = re.compile(r"[^\x00-\x7e]")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def format_for_agent(data: Any) -> str:
    """Return data as compact JSON text. Characters that a reader does not see are escaped."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str)
    return escape_unseen(text)


def escape_unseen(text: str) -> str:
    """Escape the characters of a JSON text that a reader does not see."""
    return _OUTSIDE_ASCII.sub(lambda match: _escape(match[0]), text)


def _escape(sign: str) -> str:
    return json.dumps(sign)[1:-1] if unicodedata.category(sign) in _UNSEEN else sign


def cut_data(value: Any, items: int, characters: int) -> Any:
    """Return the value with at most so many items in each list and characters in each string, and a note of what was
    cut. An object keeps at least 30 keys."""
    if isinstance(value, str):
        return value if len(value) <= characters else f"{value[:characters]}… {len(value) - characters} characters more"
    if isinstance(value, list):
        kept = [cut_data(item, items, characters) for item in value[:items]]
        return kept if len(value) <= items else [*kept, f"… {len(value) - items} more"]
    if isinstance(value, dict):
        most = max(items, 30)
        kept_pairs = {key: cut_data(item, items, characters) for key, item in list(value.items())[:most]}
        return kept_pairs if len(value) <= most else {**kept_pairs, "…": f"{len(value) - most} more"}
    return value
