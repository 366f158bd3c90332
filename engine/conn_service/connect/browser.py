"""Bind a form to the browser that it was shown in: against requests that another site makes the browser send.

A form has a token, which only this link and this browser's cookie lead to, and which is used once. Nothing is stored
until it is sent.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

__all__ = ["BrowserVisit", "check_form_token", "create_form_token", "draw_browser_secret", "is_browser_secret"]

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_TOKEN = re.compile(r"([A-Za-z0-9_-]{22})\.([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, repr=False)
class BrowserVisit:
    """Who sends a request: the secret in the browser's cookie, "" without one, whether the page is in a frame, and the
    origin of the page that sent a form, None if the browser does not say."""

    secret: str = ""
    is_framed: bool = False
    origin: str | None = None


def draw_browser_secret() -> str:
    """Return a new secret for a cookie."""
    return secrets.token_urlsafe(32)


def is_browser_secret(text: str) -> bool:
    """Return whether a cookie's value looks like a secret of ours."""
    return _SECRET.fullmatch(text) is not None


def create_form_token(link: str, browser: str) -> str:
    """Return a token for one form of a link in one browser."""
    nonce = secrets.token_urlsafe(16)
    return f"{nonce}.{_compute_mac(link, browser, nonce)}"


def check_form_token(token: str, link: str, browser: str) -> str | None:
    """Return what identifies the form of a token, None if it was not made for the link and the browser."""
    match = _TOKEN.fullmatch(token)
    if match is None or not hmac.compare_digest(match[2], _compute_mac(link, browser, match[1])):
        return None
    return match[1]


def _compute_mac(link: str, browser: str, nonce: str) -> str:
    return hmac.new(link.encode(), f"conn form\n{browser}\n{nonce}".encode(), hashlib.sha256).hexdigest()
