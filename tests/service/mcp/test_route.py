"""`/mcp` as a route of the service: who may call it, and within which limits."""

import asyncio
import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from agent_bench import READ, AgentBench, open_agent_bench

from conn_service.connect.settings import build_connect_settings
from conn_service.http.tokens import TokenRate

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


def refuse(response: Any, status: int, kind: str) -> dict[str, Any]:
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    data: dict[str, Any] = response.json()
    assert data["kind"] == kind and data["request_id"]
    return data


def test_a_request_needs_a_token_with_the_scope(agents: AgentBench) -> None:
    refused = agents.post(LIST, {})
    refuse(refused, 401, "unauthorized")
    assert refused.headers["www-authenticate"].startswith("Bearer")
    refuse(agents.post(LIST, {"authorization": "Bearer conn_x"}), 401, "unauthorized")
    assert "mcp" in refuse(agents.post(LIST, agents.issue("unified:read")), 403, "forbidden")["detail"]
    answer = agents.post(LIST, agents.issue(*READ))
    assert answer.status_code == 200 and len(answer.json()["result"]["tools"]) == 3
    assert "mcp-session-id" not in answer.headers


def test_the_account_of_another_tenant_does_not_exist(agents: AgentBench) -> None:
    token = agents.issue(*READ)
    for account in ("globex", "nobody", ""):
        refuse(agents.post(LIST, {**token, "conn-account": account}), 404, "unknown")
    refuse(
        agents.post(LIST, agents.issue(*READ, accounts=(), tenant="globex") | {"conn-account": "acme"}), 404, "unknown"
    )
    both = agents.issue(*READ, accounts=("acme", "globex"))
    assert "Conn-Account" in refuse(agents.post(LIST, both), 400, "invalid_request")["fix"]
    assert agents.post(LIST, {**both, "conn-account": "globex"}).status_code == 200


def test_a_disabled_account_is_refused(tmp_path: Path) -> None:
    with open_agent_bench(tmp_path, files={"accounts/acme.yaml": "connector: shop\nenabled: false\n"}) as agents:
        refuse(agents.post(LIST, agents.issue(*READ)), 403, "disabled")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 403),
        ({"host": "localhost.evil.example"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"host": "127.0.0.1:8080", "origin": "http://localhost:3000"}, 200),
        ({"content-type": "text/plain"}, 415),
    ],
)
def test_a_page_of_another_site_cannot_call(agents: AgentBench, headers: dict[str, str], status: int) -> None:
    answer = agents.post(LIST, {**agents.issue(*READ), **headers})
    if status == 200:
        assert answer.status_code == 200
    else:
        assert refuse(answer, status, "forbidden" if status == 403 else "invalid_request")["fix"]


def test_the_public_address_may_be_called_also_through_a_proxy(tmp_path: Path) -> None:
    settings = build_connect_settings("https://api.example.com:8443")
    with open_agent_bench(tmp_path, connect=settings) as agents:
        token = agents.issue(*READ)
        for headers in (
            {"host": "api.example.com:8443", "origin": "https://api.example.com:8443"},
            {"host": "api.example.com"},
        ):
            assert agents.post(LIST, {**token, **headers}).status_code == 200
        for wrong in ({"host": "example.com"}, {"host": "api.example.com", "origin": "http://api.example.com"}):
            refuse(agents.post(LIST, {**token, **wrong}), 403, "forbidden")


def test_messages_are_bounded(agents: AgentBench) -> None:
    token = agents.issue(*READ)
    refuse(agents.post(b" " * (1 << 20) + b"{}", token), 413, "too_large")
    for message in (b"", b"{", b"[]", b"1", {"jsonrpc": "2.0"}, {**LIST, "method": "nothing"}, [LIST] * 3):
        answer = agents.post(message, token)
        assert answer.status_code in (200, 400, 404), message
        assert "Traceback" not in answer.text


def test_only_post_is_served(agents: AgentBench) -> None:
    for method in ("GET", "DELETE", "PUT"):
        answer = agents.bench.client.request(method, "http://localhost/mcp", headers=agents.issue(*READ))
        refuse(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "POST"


def test_the_rate_of_a_token_counts(agents: AgentBench) -> None:
    token = agents.issue(*READ, rate=TokenRate(2, 60))
    statuses = [agents.post(LIST, token).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert int(agents.post(LIST, token).headers["retry-after"]) > 0


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    agents: AgentBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "conn_service.mcp.transport", raising=False)
    monkeypatch.setitem(sys.modules, "mcp.server.transport_security", None)
    monkeypatch.setitem(sys.modules, "mcp.server.streamable_http_manager", None)
    problem = refuse(agents.post(LIST, agents.issue(*READ)), 404, "unknown")
    assert "conn-engine[mcp]" in problem["fix"]


@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
def test_a_call_ends_when_its_client_is_gone(agents: AgentBench, version: str) -> None:
    """The vendor is still at work then."""
    release, arrived = threading.Event(), threading.Event()

    def answer(_got: Any) -> Any:
        arrived.set()
        release.wait(60)
        return {"items": []}

    agents.bench.vendor.answer = answer
    meta = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "a", "version": "1"},
    }
    call = {"name": "list_records", "arguments": {"resource": "crm/contacts"}, "_meta": meta}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).encode()
    headers = {
        **{"host": "localhost", "accept": "application/json, text/event-stream", "content-type": "application/json"},
        **{"mcp-protocol-version": version, "mcp-method": "tools/call", "mcp-name": "list_records"},
        **{"content-length": str(len(body)), **agents.issue(*READ)},
    }
    scope = {
        **{"type": "http", "method": "POST", "path": "/mcp", "raw_path": b"/mcp", "query_string": b""},
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    messages = [{"type": "http.request", "body": body}]
    sent: list[Any] = []

    async def receive() -> Any:
        if messages:
            return messages.pop()
        await asyncio.to_thread(arrived.wait, 30)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    portal = agents.bench.client.portal
    assert portal is not None
    portal.call(lambda: asyncio.wait_for(agents.bench.app(scope, receive, send), 30))
    assert arrived.is_set() and not release.is_set()
    release.set()
    assert [message["status"] for message in sent if message["type"] == "http.response.start"] == [408]


def test_the_log_has_what_a_call_was(agents: AgentBench, caplog: pytest.LogCaptureFixture) -> None:
    call = {"name": "get_record", "arguments": {"resource": "crm/contacts", "id": "77"}}
    with caplog.at_level("INFO", "conn_service"):
        agents.post({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}, agents.issue(*READ))
    members = [getattr(record, "members", {}) for record in caplog.records]
    (line,) = [line for line in members if line.get("route") == "/mcp"]
    assert (line["operation"], line["account"], line["kind"]) == ("crm.contacts.get", "acme", "not_found")
