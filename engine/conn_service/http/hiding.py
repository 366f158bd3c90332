"""Hide credentials in the body of a passed response: those that are known, and those that the vendor issues in it."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from conn_engine.secrets import REDACTED, Redactor
from conn_engine.secrets.names import is_secret_name

__all__ = ["hide_secrets"]

_NAMED: Final = re.compile(
    r"(?<![\w.-])(?P<name>[A-Za-z][\w.-]{1,60}+)(?P<mark>[\"']?\s{0,4}+[=:]\s{0,4}+[\"']?)(?P<value>[^\s\"'<>&,;]{4,})"
)
_ELEMENT: Final = re.compile(
    r"<(?:[\w.-]{1,30}+:)?(?P<name>[A-Za-z][\w.-]{1,60}+)(?P<mark>[^<>]{0,500}+>)(?P<value>[^<]+)"
)
_SUSPECT: Final = re.compile(
    rb"assertion|auth|bearer|cookie|credential|jwt|key|pass|pwd|secret|token|verifier|\0|\\u|&#", re.IGNORECASE
)
"""What a body with a secret name has: a part of the name, or characters that can hide it."""
_BINARY: Final = ("image/", "audio/", "video/", "font/", "application/zip", "application/gzip", "application/pdf")


def hide_secrets(body: bytes, content_type: str, redactor: Redactor) -> bytes:
    """Return the body without secrets; the same object if it has none.

    Values with a secret name are replaced in JSON, in lines of JSON, in forms and in other text, such as XML. In other
    bytes, only the secrets of the account are.
    """
    kind = content_type.partition(";")[0].strip().lower()
    body = redactor.without_echo(body)
    if kind.startswith(_BINARY) or (b"\0" in body[:1000] and not body.startswith((b"\xff\xfe", b"\xfe\xff"))):
        return body
    if kind == "application/x-www-form-urlencoded":
        return _hide_in_form(body)
    if not _SUSPECT.search(body):
        return body
    parsed = _hide_in_json(body)
    if parsed is not None:
        return parsed
    if kind.endswith(("ndjson", "jsonl", "json-seq")):
        lines = [_hide_in_json(line) for line in body.split(b"\n")]
        return b"\n".join(new if new is not None else old for new, old in zip(lines, body.split(b"\n"), strict=True))
    return _hide_in_text(body)


def _hide_in_json(body: bytes) -> bytes | None:
    """Return the body, changed if needed; None if it is not JSON."""
    try:
        data = json.loads(body, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return None
    hidden, changed = _hide(data)
    return json.dumps(hidden, ensure_ascii=False, separators=(",", ":")).encode() if changed else body


class _Pairs(dict[str, Any]):
    """An object whose repeated names are all looked at: readers differ in which one they take."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.has_repeated = len(self) != len(pairs)


def _hide(value: Any) -> tuple[Any, bool]:
    if isinstance(value, Mapping):
        name = value.get("name", value.get("key"))
        is_pair = isinstance(name, str) and is_secret_name(name)
        rows = {
            key: _blank(item) if is_secret_name(key) or (is_pair and key == "value") else _hide(item)
            for key, item in value.items()
        }
        changed = getattr(value, "has_repeated", False) or any(is_changed for _, is_changed in rows.values())
        return {key: item for key, (item, _) in rows.items()}, changed
    if isinstance(value, list):
        items = [_hide(item) for item in value]
        return [item for item, _ in items], any(is_changed for _, is_changed in items)
    return value, False


def _blank(value: Any) -> tuple[Any, bool]:
    """Replace all texts and numbers below a secret name."""
    if isinstance(value, Mapping):
        return {key: _blank(item)[0] for key, item in value.items()}, bool(value)
    if isinstance(value, list):
        return [_blank(item)[0] for item in value], bool(value)
    is_open = value is None or isinstance(value, bool) or value in ("", REDACTED)
    return (value, False) if is_open else (REDACTED, True)


def _hide_in_form(body: bytes) -> bytes:
    text = body.decode("latin-1")
    pairs = parse_qsl(text, keep_blank_values=True)
    hidden = [(name, REDACTED if is_secret_name(name) and value else value) for name, value in pairs]
    return body if hidden == pairs else urlencode(hidden).encode()


def _hide_in_text(body: bytes) -> bytes:
    def replace(match: re.Match[str]) -> str:
        return f"{match['name']}{match['mark']}{REDACTED}" if is_secret_name(match["name"]) else match[0]

    def replace_element(match: re.Match[str]) -> str:
        return f"<{match['name']}{match['mark']}{REDACTED}" if is_secret_name(match["name"]) else match[0]

    text = body.decode("utf-8", "surrogateescape")
    hidden = _ELEMENT.sub(replace_element, _NAMED.sub(replace, text))
    return body if hidden == text else hidden.encode("utf-8", "surrogateescape")
