"""What each request costs, counted: statements to the store, and looks at the client's connection."""

import asyncio
import threading
from typing import Any

import sqlalchemy as sa
from service_bench import Bench
from sqlalchemy.engine import Engine

from conn_service.http.tokens import RECENT_SECONDS

CONTACTS = "/unified/crm/contacts"


def test_a_token_is_looked_up_once_in_a_while(bench: Bench) -> None:
    assert bench.ask("GET", CONTACTS).status_code == 200
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        # Tasks of the service follow the revisions meanwhile, and note that the account of the first request works.
        if not any(table in statement for table in ("conn_revision", "conn_broken_login")):
            statements.append(statement)

    sa.event.listen(Engine, "before_cursor_execute", note)
    try:
        assert [bench.ask("GET", CONTACTS).status_code for _ in range(3)] == [200] * 3
        assert statements == []
        bench.clock.sleep(RECENT_SECONDS)
        assert bench.ask("GET", CONTACTS).status_code == 200
        assert any("conn_token" in statement for statement in statements)
    finally:
        sa.event.remove(Engine, "before_cursor_execute", note)


def test_a_token_that_another_process_revokes_is_refused_soon(bench: Bench) -> None:
    assert bench.ask("GET", CONTACTS).status_code == 200
    bench.tokens.revoke(bench.token.split("_")[1], bench.clock.now())
    bench.clock.sleep(RECENT_SECONDS)
    assert bench.ask("GET", CONTACTS).status_code == 401


def test_a_token_that_expires_is_refused_at_once(bench: Bench) -> None:
    token = bench.issue(expires_at=bench.clock.now() + 1)
    assert bench.ask("GET", CONTACTS, token=token).status_code == 200
    bench.clock.sleep(1)
    assert bench.ask("GET", CONTACTS, token=token).status_code == 401


def test_a_request_ends_when_its_client_is_gone(bench: Bench) -> None:
    """The vendor is still at work then."""
    release, arrived = threading.Event(), threading.Event()

    def answer(_got: Any) -> Any:
        arrived.set()
        release.wait(60)
        return {"items": []}

    bench.vendor.answer = answer
    sent: list[Any] = []
    headers = {"host": "x", "authorization": f"Bearer {bench.token}"}
    scope = {
        "type": "http",
        "method": "GET",
        "path": CONTACTS,
        "raw_path": CONTACTS.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }

    async def receive() -> Any:
        await asyncio.to_thread(arrived.wait, 30)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def call() -> None:
        await asyncio.wait_for(bench.client.app(scope, receive, send), 60)

    portal = bench.client.portal
    assert portal is not None
    portal.call(call)
    assert not release.is_set()
    release.set()
    assert [message["status"] for message in sent if message["type"] == "http.response.start"] == [408]


def test_values_beyond_the_usual_arrive(bench: Bench) -> None:
    body = b'{"items": [{"id": 1, "name": "half a pair: \\ud83d", "mail": 1e300}]}'
    bench.vendor.answer = lambda got: (200, {"Content-Type": "application/json"}, body)
    record = bench.ask("GET", CONTACTS).json()["result"][0]
    assert record["first_name"].startswith("half a pair: ")
    assert record["email"] == 1e300
