"""The types of JSON values in reports: strings that are dates, times or numbers have types of their own."""

import re
from typing import Any

__all__ = ["TEXTS", "name_type"]

TEXTS = ("date-time", "date", "number in text")
"""The types of strings other than a plain "string"."""
_TEXTS = (
    re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"),
    re.compile(r"\d{4}-\d\d-\d\d"),
    re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d+)?"),
)


def name_type(value: Any) -> str:
    """Return the type of a value that is not null."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return next((kind for kind, form in zip(TEXTS, _TEXTS, strict=True) if form.fullmatch(value)), "string")
    return "list" if isinstance(value, list) else "object"
