"""Names of columns and tables, as dlt makes them by default: words in lower case, joined by `_`."""

import re
from typing import Final

__all__ = ["normalize_name"]

_REPLACED: Final = str.maketrans("+-*@|", "x_xal")
_OTHER: Final = re.compile(r"[^a-zA-Z\d_]+")
_WORDS: Final = (re.compile("([^_])([A-Z][a-z]+)"), re.compile("([a-z0-9])([A-Z])"))
_DIGITS: Final = re.compile(r"\d")
_SEVERAL: Final = re.compile("__+")


def normalize_name(name: str) -> str:
    """Return the name of the column for a field. `__` separates parts, and stays."""
    parts = [_normalize_part(part.strip()) for part in name.split("__") if part.strip()]
    return "__".join(parts) or "x"


def _normalize_part(part: str) -> str:
    text = _OTHER.sub("_", part.translate(_REPLACED))
    for boundary in _WORDS:
        text = boundary.sub(r"\1_\2", text)
    text = f"_{text.lower()}" if _DIGITS.match(text) else text.lower()
    stripped = text.rstrip("_")
    return _SEVERAL.sub("_", stripped + "x" * (len(text) - len(stripped)))
