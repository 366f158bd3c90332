"""The service of the unified API's tests with tools for agents, driven by the client of the MCP SDK."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from service_bench import Bench, open_bench

from conn_service.mcp.routes import build_agent_routes

__all__ = ["READ", "WRITE", "AgentBench", "Call", "open_agent_bench", "run_script"]

READ, WRITE = ("mcp", "unified:read"), ("mcp", "unified:read", "unified:write")
Call = Callable[..., Awaitable[tuple[bool, dict[str, Any]]]]
URL = "http://localhost/mcp"


class _AppTransport(httpx2.AsyncBaseTransport):
    """Sends the requests of the SDK's client to the application, whose loop runs in another thread."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        content = await request.aread()
        send = partial(self._bench.client.request, request.method, str(request.url))
        answer = await asyncio.to_thread(send, content=content, headers=dict(request.headers))
        headers = {"content-type": answer.headers.get("content-type", "text/plain")}
        return httpx2.Response(answer.status_code, headers=headers, content=answer.content)


@dataclass(frozen=True)
class AgentBench:
    """A service with `/mcp`."""

    bench: Bench

    def issue(self, *scopes: Any, accounts: Sequence[str] = ("acme",), **more: Any) -> dict[str, str]:
        """Return the headers with a new token."""
        return {"authorization": f"Bearer {self.bench.issue(*(scopes or READ), accounts=accounts, **more)}"}

    def converse(self, script: Callable[[Client, Call], Awaitable[None]], headers: dict[str, str]) -> None:
        """Run a script against the tools of a token. Each call returns `is_error` and the result."""

        async def run() -> None:
            http = httpx2.AsyncClient(transport=_AppTransport(self.bench), headers=headers)
            async with http:
                await run_script(streamable_http_client(URL, http_client=http), script)

        asyncio.run(asyncio.wait_for(run(), 60))

    def post(self, message: Any, headers: dict[str, str], url: str = URL) -> Any:
        """Send one message without the client, and return the response."""
        plain = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
        content = message if isinstance(message, bytes) else json.dumps(message)
        return self.bench.client.post(url, content=content, headers={**plain, **headers})


async def run_script(server: Any, script: Callable[[Client, Call], Awaitable[None]]) -> None:
    """Run a script, and raise what it raises outside of the groups of the client's tasks."""
    errors = []
    async with Client(server) as client:
        try:
            await script(client, call_tools(client))
        except Exception as error:
            errors.append(error)
    for error in errors:
        raise error


def call_tools(client: Client) -> Call:
    """Return what calls a tool, and returns whether it failed and its data."""

    async def call(tool: str, /, **arguments: Any) -> tuple[bool, dict[str, Any]]:
        result = await client.call_tool(tool, arguments)
        (part,) = result.content
        assert len(part.text) < 30_000
        assert part.text.isprintable()
        return bool(result.is_error), json.loads(part.text)

    return call


@contextmanager
def open_agent_bench(root: Path, **more: Any) -> Iterator[AgentBench]:
    """Start a service with `/mcp`. `more` are the arguments of `open_bench`."""
    with open_bench(root, more_routes=partial(build_agent_routes, version="1"), **more) as bench:
        yield AgentBench(bench)
