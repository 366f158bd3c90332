"""Convert names: split words, join them in snake case, compare them, and make them safe for comments."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Container
from functools import lru_cache
from typing import Any

from conn_engine.config import singular

__all__ = [
    "clean_text",
    "find_free_name",
    "is_plural",
    "squeeze",
    "to_comment",
    "to_identifier",
    "to_plural",
    "to_singular",
    "to_snake",
    "to_step",
]

_SPLIT = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+[0-9]*|[A-Z]+[0-9]*|[0-9]+")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLURALS = frozenset({"people", "children", "data", "staff", "media", "criteria", "men", "women", "indices"})
_SINGULARS = frozenset({"status", "address", "access", "business", "process", "progress", "canvas", "atlas", "bus"})
_WIDEST = 60
_LONGEST = 200


@lru_cache(65_536)
def to_snake(text: str) -> str:
    """`personFields`, `Person Fields` and `person-fields` as `person_fields`; at most 60 characters."""
    plain_text = unicodedata.normalize("NFKD", text[:1000]).encode("ascii", "ignore").decode()
    name = "_".join(word.lower() for word in _SPLIT.findall(plain_text))
    if len(name) <= _WIDEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{name[: _WIDEST - 7].rstrip('_')}_{digest}"


def to_identifier(text: str, fallback: str = "value") -> str:
    """Return a name that an expression can use without quotes."""
    name = to_snake(text) if not _IDENTIFIER.fullmatch(text) else text[:_WIDEST]
    name = name or fallback
    return f"_{name}" if name[0].isdigit() else name


def find_free_name(name: str, taken: Container[str]) -> str:
    """Return the name, with a number if it is taken."""
    made, number = name, 2
    while made in taken:
        made, number = f"{name}_{number}", number + 1
    return made


def to_step(name: str) -> str:
    """Return a property's name as a step of a path expression."""
    if "`" in name:  # an expression has no escape for it between backticks
        return f"$.{json.dumps(name)}"
    return (
        name
        if _IDENTIFIER.fullmatch(name) and name not in ("and", "or", "in", "true", "false", "null")
        else f"`{name}`"
    )


@lru_cache(65_536)
def squeeze(text: str) -> str:
    """Letters and digits in lower case: how names are compared."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def is_plural(text: str) -> bool:
    """Return whether a segment's last word looks like the name of many."""
    last = to_snake(text).rpartition("_")[2]
    if last in _PLURALS:
        return True
    return last.endswith("s") and not last.endswith(("ss", "us", "is")) and last not in _SINGULARS


def to_singular(text: str) -> str:
    """Put the last word in the singular."""
    head, line, last = text.rpartition("_")
    if last == "people":
        return head + line + "person"
    if last == "children":
        return head + line + "child"
    return head + line + (singular(last) if is_plural(last) else last)


def to_plural(record: str) -> str:
    """Return the plural, such as companies for company."""
    if record.endswith("y") and record[-2:-1] not in "aeiou":
        return f"{record[:-1]}ies"
    return f"{record}es" if record.endswith(("s", "x", "ch", "sh")) else f"{record}s"


def clean_text(text: Any, longest: int = _LONGEST) -> str:
    """Put text on one line without control characters, and shorten it."""
    words = re.sub(r"\s+", " ", str(text)[: longest * 8]).strip()
    clean = "".join(c for c in words if c.isprintable())
    return clean if len(clean) <= longest else clean[: longest - 1].rstrip() + "…"


def to_comment(text: str, longest: int = _LONGEST) -> str:
    """Return a string that is safe in a YAML comment: it cannot suppress a finding."""
    return re.sub(r"(?i)\bconn:", "conn ", clean_text(text, longest))
