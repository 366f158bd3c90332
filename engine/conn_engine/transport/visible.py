"""Show and record requests with secrets that are too short to be found in a string."""

from collections.abc import Callable
from dataclasses import replace

from conn_engine.errors import ConnError
from conn_engine.secrets import REDACTED
from conn_engine.urls import split_plain_url
from conn_engine.wire import Request

__all__ = ["show_as"]

_IN_URL = "%5Bredacted%5D"


def show_as(request: Request, make: Callable[[], Request]) -> Request:
    """Return the request, displayed as the one that `make` returns with `[redacted]` for such secrets. If `make` fails
    (an expression computes with the secret), only the host is displayed."""
    try:
        visible = make()
        visible = replace(visible, url=visible.url.replace(_IN_URL, REDACTED))
    except ConnError:
        parts = split_plain_url(request.url)
        url = f"{parts.scheme}://{parts.netloc}/{REDACTED}"
        visible = Request(request.method, url, purpose=request.purpose, label=request.label)
    return replace(request, shown=visible)
