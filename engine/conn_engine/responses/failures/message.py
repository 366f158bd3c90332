"""Find a vendor's error message where APIs commonly put it. The caller redacts it."""

from typing import Any

__all__ = ["MAX_MESSAGE", "find_vendor_message"]

MAX_MESSAGE = 300
_NAMES = ("message", "error_description", "detail", "description", "title", "error_message", "errorMessage",
          "error_info", "reason", "msg", "faultstring", "text")  # fmt: skip
_HOLDERS = ("error", "errors", "fault", "meta", "response")
_DEPTH = 4


def find_vendor_message(body: Any) -> str:
    """Return the first message in a decoded body, as one line of at most `MAX_MESSAGE` characters; "" if there is none.

    Searches `message`, `error_description`, `detail`, `title` … of the body, then `error` and the first of `errors`,
    then `error` or a text body itself.
    """
    return _to_line(_find(body, _DEPTH))


def _find(node: Any, depth: int) -> str:
    if depth == 0:
        return ""
    if isinstance(node, str):
        return node
    if isinstance(node, list):
        return next((text for text in (_find(item, depth - 1) for item in node[:3]) if text), "")
    if not isinstance(node, dict):
        return ""
    for name in _NAMES:
        value = node.get(name)
        if isinstance(value, str) and value.strip():
            return value
    for name in _HOLDERS:
        text = _find(node.get(name), depth - 1)
        if text.strip():
            return text
    if depth < _DEPTH:  # {"email": ["is taken"]}: the keys are the form's fields
        for name, value in list(node.items())[:10]:
            text = _find(value, depth - 1) if isinstance(value, list | dict) else ""
            if text.strip():
                return f"{name}: {text}"
    code = node.get("code") or node.get("errorCode")
    return code if isinstance(code, str) else ""


def _to_line(text: str) -> str:
    if text.lstrip()[:15].lower().startswith(("<!doctype", "<html")):
        return "an HTML page"
    plain = " ".join("".join(c if c.isprintable() else " " for c in text[: MAX_MESSAGE * 4]).split())
    return plain if len(plain) <= MAX_MESSAGE else plain[: MAX_MESSAGE - 1] + "…"
