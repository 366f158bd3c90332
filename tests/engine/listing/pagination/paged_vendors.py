"""Scripted vendors that give pages, and what a run against one gave."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from conn_engine.secrets import Redactor
from conn_engine.transport import gateway
from conn_engine.wire import Completeness, FrozenClock, Headers, Request, Response

__all__ = ["BASE", "Listing", "Run", "Vendor", "by_page", "items", "one"]

Vendor = Callable[[Request, dict[str, str]], "tuple[Any, dict[str, str]] | Any"]
BASE = "https://api.example.com/v1"


class Listing:
    """What one run gave: `records`, `sent` requests, `queries` of them, `notes`, `states`, the `verdict`."""

    def __init__(self) -> None:
        self.records: list[Any] = []
        self.sent: list[Request] = []
        self.notes: list[str] = []
        self.cursors: list[str | None] = []
        self.verdicts: list[Completeness | None] = []
        self.states: list[Any] = []
        self.clock = FrozenClock()

    @property
    def verdict(self) -> tuple[str, str]:
        """State and reason of the only verdict, which is on the last page."""
        *before, last = self.verdicts
        assert last is not None
        assert not any(before)
        return last.state, last.reason

    @property
    def queries(self) -> list[dict[str, str]]:
        return [dict(parse_qsl(urlsplit(request.url).query)) for request in self.sent]

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.body or b"null") for request in self.sent]

    def send(self, request: Request) -> Response:
        gateway.check_request(request, Redactor(["s3cret"]))
        self.sent.append(request)
        assert len(self.sent) < 400, "the listing does not end"
        answer = self.vendor(request, self.queries[-1])
        body, headers, *status = answer if isinstance(answer, tuple) else (answer, {})
        return Response(status[0] if status else 200, Headers(headers), json.dumps(body).encode())

    vendor: Vendor


def items(*ids: Any, **more: Any) -> dict[str, Any]:
    return {"items": [{"id": one} for one in ids], **more}


def one(request: Request, **more: Any) -> dict[str, Any]:
    """One record, another for every request."""
    return items(f"{request.url} {request.body!r}", **more)


def by_page(last: int, **more: Any) -> Vendor:
    """Two records a page, `last` pages."""

    def vendor(request: Request, query: dict[str, str]) -> Any:
        page = int(query.get("page", 1))
        return items(2 * page - 1, 2 * page, **more) if page <= last else items(**more)

    return vendor


Run = Callable[..., Listing]
