"""`/proxy/{path}`: a request of the caller's own, sent once with the account's credential, by the list in conn.yaml."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conn_engine.config.proxy_models import ProxySettings
from conn_engine.runtime.passing import PassedResponse, PlainRequest
from conn_engine.secrets import Redactor
from conn_service.http.accounts import KeptConnections
from conn_service.http.callers import Callers, check_scope
from conn_service.http.hiding import hide_secrets
from conn_service.http.problems import HttpProblem
from conn_service.http.proxy_rules import METHODS, READING, check_parameters, check_path, choose_headers
from conn_service.http.reading import ServiceLimits, parse_query, read_bytes
from conn_service.http.request_record import find_record
from conn_service.http.waiting import wait_in_time

__all__ = ["build_proxy_routes"]

_PREFIX = "/proxy"
_ANSWERED: Final = (
    "content-disposition", "content-language", "content-type", "etag", "last-modified", "link", "vary",
)  # fmt: skip
_ALWAYS: Final[Mapping[str, str]] = {
    "cache-control": "private, no-store",
    "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}
"""A vendor's page must not act as a page of the service."""
_LARGE_BYTES = 64 * 2**10
_PART: Final = re.compile(rb'name="?([^";\r\n]{1,60})"?')


@dataclass(frozen=True, slots=True)
class _Proxy:
    callers: Callers
    connections: KeptConnections
    limits: ServiceLimits

    async def serve(self, request: Request) -> Response:
        """Pass a request on, and its response back."""
        token = await self.callers.authenticate(request)
        account = self.callers.choose_account(request, token)
        if request.method not in METHODS:
            allow = {"allow": ", ".join(METHODS)}
            raise HttpProblem(405, "method_not_allowed", "the proxy has no such method", headers=allow)
        check_scope(token, "proxy:read" if request.method in READING else "proxy:write")
        raw_path = request.scope.get("raw_path") or request.url.path.encode()
        path = raw_path.decode("latin-1").removeprefix(_PREFIX)
        query = parse_query(request)
        check_parameters(query)
        body = await read_bytes(request, self.limits)
        if len(body) > _LARGE_BYTES:
            await asyncio.to_thread(_check_body, request, body)
        elif body:
            _check_body(request, body)

        async def work() -> Response:
            settings = self._find_settings(account)
            async with self.connections.use(account) as connection:
                check_path(settings, connection.effective, path, request.method)
                find_record(request).connector = connection.effective.connector_name
                headers = choose_headers(settings or ProxySettings(paths=()), request.headers.items())
                asked = PlainRequest(request.method, path, query, headers, body or None)
                passed = await connection.pass_on(asked)
                return await self._answer(request, passed, connection.wiring.redactor)

        return await wait_in_time(request, work(), self.limits)

    def _find_settings(self, account: str) -> ProxySettings | None:
        _, workspace = self.callers.source.get_of_account(account)
        return workspace.settings.proxy.get(workspace.account(account).connector)

    async def _answer(self, request: Request, passed: PassedResponse, redactor: Redactor) -> Response:
        response = passed.response
        try:
            if 300 <= response.status < 400 and response.status != 304:
                raise HttpProblem(
                    502, "bad_response", "the vendor redirects the request, and the proxy does not follow"
                )
            if response.size > self.limits.response_bytes:
                text = f"the vendor's response has more than {self.limits.response_bytes:,} bytes"
                raise HttpProblem(502, "too_large", text, "ask for less at once")
            body = b"" if request.method == "HEAD" else await asyncio.to_thread(_read, passed)
        finally:
            response.close()
        kind = response.headers.get("content-type", "")
        if len(body) > _LARGE_BYTES:
            body = await asyncio.to_thread(hide_secrets, body, kind, redactor)
        else:
            body = hide_secrets(body, kind, redactor)
        headers = {
            name: redactor.url(response.headers[name])
            for name in _ANSWERED
            if name in response.headers and response.headers[name].isprintable() and response.headers[name].isascii()
        }
        return Response(body, response.status, {**headers, **passed.limits, **_ALWAYS})


def _read(passed: PassedResponse) -> bytes:
    with passed.response.open() as reader:
        return reader.read()


def _check_body(request: Request, body: bytes) -> None:
    """Refuse a body where there cannot be one, and one that makes another request of this one."""
    if request.method in READING:
        raise HttpProblem(400, "invalid_request", f"{request.method} has no body", "leave the body out")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        check_parameters(parse_qsl(body.decode("latin-1"), keep_blank_values=True))
    elif kind == "multipart/form-data":
        check_parameters(_find_parts(body))
    elif kind.endswith("json"):
        with suppress(ValueError, RecursionError):  # the vendor refuses it
            data = json.loads(body)
            check_parameters(data.items() if isinstance(data, Mapping) else ())


def _find_parts(body: bytes) -> Iterator[tuple[str, str]]:
    """Yield the name and the start of the value of each part of a form."""
    blocks = re.split(rb"\r?\n\r?\n", body)
    for before, after in pairwise(blocks):
        for name in _PART.findall(before[-1000:]):
            yield name.decode("latin-1"), after[:20].partition(b"\n")[0].decode("latin-1")


def build_proxy_routes(callers: Callers, connections: KeptConnections, limits: ServiceLimits) -> list[Route]:
    """Return the routes of the proxy. Without a list in conn.yaml, they pass nothing on."""
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
    return [Route(f"{_PREFIX}/{{path:path}}", _Proxy(callers, connections, limits).serve, methods=methods)]
