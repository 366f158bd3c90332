"""What signatures share: the finished request as expressions see it, and templates over the credential."""

import hashlib
import re
from typing import Any

from conn_engine.auth.signing.context import SigningContext
from conn_engine.errors import CredentialError
from conn_engine.settings import Scope
from conn_engine.settings import fill_templates as any_filled
from conn_engine.urls import split_plain_url
from conn_engine.wire import Request

__all__ = ["SigningContext", "fill_template", "request_names"]

_UNFIT = re.compile(r"[^\x20-\x7e\t]")


def fill_template(template: str, scope: Scope, *, purpose: str, lines: bool = False) -> str:
    """Return a template's text. Raises CredentialError, with the name but never a value, when something is missing or
    has a character that cannot be sent. With `lines` (a key, which is not sent), any character is allowed."""
    text = str(any_filled(template, scope, purpose=purpose))
    if not lines and _UNFIT.search(text):
        raise CredentialError(f"{purpose} contains a character that cannot be sent", hint="log the account in again")
    return text


def request_names(request: Request) -> dict[str, Any]:
    """Return the finished request as expressions see it: encoded method, url, host, path and query, headers (lower-case
    names), the body's text and its SHA-256 in hex."""
    parts = split_plain_url(request.url)
    return {
        "method": request.method,
        "url": request.url,
        "host": parts.netloc,
        "path": parts.path or "/",
        "query": parts.query,
        "target": (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        "headers": request.headers.plain(),
        "body": (request.body or b"").decode("utf-8", "surrogateescape"),
        "body_sha256": hashlib.sha256(request.body or b"").hexdigest(),
    }
