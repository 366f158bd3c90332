"""Media types of a document as formats of the language: how a response that is not JSON is read, and which bodies are
sent as they are."""

import re
from collections.abc import Sequence

__all__ = ["choose_raw_kind", "find_answer_format", "is_concrete", "is_json"]

_FORMATS = {
    "application/csv": "csv", "application/jsonl": "jsonl", "application/ld+x-ndjson": "jsonl",
    "application/x-ndjson": "jsonl", "application/xml": "xml", "text/csv": "csv", "text/event-stream": "sse",
    "text/tab-separated-values": "tsv", "text/xml": "xml",
}  # fmt: skip
_BYTES = re.compile(
    r"(?:audio|font|image|video)/.+|application/(?:octet-stream|pdf|zip|gzip|x-gzip|x-tar|x-zip-compressed|msword|"
    r"vnd\.(?:ms-|openxmlformats-|oasis\.opendocument).+)"
)
_CONCRETE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")
"""A media type that a request can name: no range (`image/*`), no parameters."""


def find_answer_format(kinds: Sequence[str]) -> str:
    """Return the response format for media types other than JSON: `text` if they differ or are unknown."""
    found = {_to_format(kind.partition(";")[0].strip().lower()) for kind in kinds}
    return found.pop() if len(found) == 1 else "text"


def is_json(kind: str) -> bool:
    """Return whether the media type is that of one JSON document."""
    return "json" in kind.lower() and find_answer_format([kind]) != "jsonl"


def _to_format(kind: str) -> str:
    if kind in _FORMATS:
        return _FORMATS[kind]
    if _BYTES.fullmatch(kind) and not kind.endswith("+xml"):
        return "binary"
    return "xml" if kind.endswith("+xml") else "text"


def choose_raw_kind(kinds: Sequence[str]) -> str:
    """Return the media type of a body that is neither data nor a form, preferring a type over a range, or ""."""
    usable = [kind for kind in kinds if "/" in kind and not kind.startswith("multipart/")]
    return next((kind for kind in usable if is_concrete(kind)), usable[0] if usable else "")


def is_concrete(kind: str) -> bool:
    """Return whether a request can name the media type."""
    return _CONCRETE.fullmatch(kind) is not None
