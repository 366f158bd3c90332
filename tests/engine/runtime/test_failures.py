"""Error rules, budgets and faults in whole operations: against scripts, and against a real server."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from vendor import Arrived, Reply, start_vendor

from conn_engine.config import Workspace
from conn_engine.errors import TransportError, VendorError
from conn_engine.responses.failures import Policy
from conn_engine.runtime.call import Call
from conn_engine.runtime.connection import aconnect, connect
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport.faults import broken_connection, cut_short, error_page, json_answer
from conn_engine.wire import Headers, Response

CONNECTOR: dict[str, Any] = {
    "base_url": "https://api.example.com/v1",
    "credentials": {"format": "bearer"},
    "authorization": {"format": "bearer"},
    "pagination": {"format": "cursor", "config": {"cursor_field": "next", "cursor_param": "after"}},
    "resources": {
        "people": {
            "list": {"method": "get", "path": "/people", "response_path": "items"},
            "add": {"method": "post", "path": "/people"},
        },
        "deals": {"list": {"method": "get", "path": "/deals", "response_path": "items"}},
    },
}


@pytest.fixture
def shop(make: Callable[..., Workspace]) -> Callable[..., Workspace]:
    """`shop(**keys)`: the small workspace with these keys of the connector."""
    return lambda **keys: make(
        {"connectors/shop/connector.yaml": {**CONNECTOR, **keys}, "connectors/shop/unified/crm.yaml": None}
    )


class TestUnreadable:
    def test_an_html_404_is_empty(self, shop: Any, run: Any) -> None:
        rules = [{"when": "status = 404 and $contains(text, '<h1>No list')", "then": "empty"}]
        made = run(shop(errors=rules), "people.list", [error_page(404, "No list here")])
        assert made.records == []

    def test_an_html_200_says_so_without_a_rule(self, shop: Any, run: Any) -> None:
        with pytest.raises(VendorError, match="HTML page"):
            run(shop(), "people.list", [error_page(200)])
        rules = [{"when": "fault = 'body' and $contains(text, 'Maintenance')", "then": "retry"}]
        script = [error_page(200, "Maintenance"), {"items": [{"id": 1}]}]
        made = run(shop(errors=rules), "people.list", script)
        assert (made.records, made.clock.slept) == ([{"id": 1}], [1])

    def test_json_that_is_cut_short_skips_the_page_after_two_more(self, shop: Any, run: Any) -> None:
        rules = [{"when": "fault = 'body'", "then": {"retry": {"times": 2, "then": "skip"}}}]
        broken = cut_short({"items": [1, 2, 3]})
        made = run(shop(errors=rules), "people.list", [{"items": [{"id": 1}], "next": "c"}, broken, broken, broken])
        assert (made.records, made.clock.slept) == ([{"id": 1}], [1, 2])


class TestFaults:
    def test_reads_are_sent_again_and_writes_are_not(self, shop: Any, run: Any) -> None:
        made = run(shop(), "people.list", [broken_connection(), broken_connection(), {"items": []}])
        assert made.clock.slept == [0.5, 1.0]
        for rules in ([], [{"when": "fault", "then": {"retry": {"times": 5}}}]):
            with pytest.raises(TransportError):
                run(shop(errors=rules), "people.add", [broken_connection()], Call(body={"name": "x"}))

    def test_an_idempotency_key_is_the_same_in_every_sending_and_another_in_the_next_request(
        self, shop: Any, run: Any
    ) -> None:
        add = {"method": "post", "path": "/people", "idempotent": True, "body": {"key": "{{$uuid()}}"}}
        resources = {
            "people": {"add": {**add, "headers": {"Idempotency-Key": "{{$uuid()}}", "X-Once": "{{$random()}}"}}}
        }
        script = [broken_connection(), error_page(503), {"id": 1}]
        first, second = (run(shop(resources=resources), "people.add", script) for _ in range(2))
        said = [[(sent.headers["idempotency-key"], sent.headers["x-once"], sent.body) for sent in made.requests]
                for made in (first, second)]  # fmt: skip
        assert [len(set(sent)) for sent in said] == [1, 1]
        keys = {value for sent in said for value in sent[0]}
        assert len(said[0]) == 3 and len(keys) == 6

    def test_what_a_rule_says_of_them(self, shop: Any, run: Any) -> None:
        rules = [{"when": "fault = 'timeout'", "then": {"retry": {"times": 4, "backoff_seconds": 10}}}]
        late = [broken_connection("it took too long", "timeout")] * 4
        made = run(shop(errors=rules), "people.list", [*late, {"items": [{"id": 1}]}])
        assert (made.records, made.clock.slept) == ([{"id": 1}], [10, 20, 40, 80])


class TestWaiting:
    LIMITED = Response(403, Headers({"x-left": "0", "x-full": "90"}), b"{}")

    def test_the_cap_is_the_connectors(self, shop: Any, run: Any) -> None:
        limit = {"limited_when": "status = 403", "retry_after": "x-full", "max_wait_seconds": 60}
        with pytest.raises(VendorError) as raised:
            run(shop(rate_limit=limit), "people.list", [self.LIMITED], policy=Policy(wait=True))
        assert raised.value.retry_after == 90
        made = run(
            shop(rate_limit={**limit, "max_wait_seconds": "context.patience ? context.patience : 120"}),
            "people.list",
            [self.LIMITED, {"items": []}],
            policy=Policy(wait=True),
        )
        assert made.clock.slept == [90]


def answers(count: int) -> list[Any]:
    """`count` pages of a record each, then the last."""
    pages = [{"items": [{"id": n}], "next": f"c{n}"} for n in range(count)]
    return [*pages, {"items": [{"id": "last"}]}]


class TestBudgets:
    def test_it_waits_before_it_would_ask_too_much(self, shop: Any, run: Any) -> None:
        workspace = shop(rate_limit={"budget": [{"requests": 2, "per_seconds": 10}]})
        made = run(workspace, "people.list", answers(4))
        assert made.clock.slept == [10, 10]
        assert len(made.records) == 5

    def test_a_long_one_is_the_callers_to_wait_for(self, shop: Any, run: Any) -> None:
        workspace = shop(rate_limit={"budget": [{"requests": 1, "per_seconds": 3600, "name": "hourly quota"}]})
        with pytest.raises(VendorError, match="the budget of hourly quota is used up for 3600 s") as raised:
            run(workspace, "people.list", answers(1))
        assert (raised.value.kind, raised.value.retry_after) == ("rate_limited", 3600)
        made = run(workspace, "people.list", answers(1), policy=Policy(wait=True, max_wait_seconds=4000))
        assert made.clock.slept == [3600]

    def test_retries_count_too(self, shop: Any, run: Any) -> None:
        workspace = shop(rate_limit={"budget": [{"requests": 1, "per_seconds": 30}]})
        made = run(workspace, "people.list", [json_answer({}, 503), {"items": []}])
        assert made.clock.slept == [1, 29]

    def test_little_that_is_left_is_spread(self, shop: Any, run: Any) -> None:
        def page(left: int, reset: int, following: str | None) -> Response:
            headers = {"x-ratelimit-limit": "100", "x-ratelimit-remaining": str(left), "x-ratelimit-reset": str(reset)}
            return json_answer({"items": [{"id": left}], "next": following}, 200, headers)

        script = [page(50, 100, "a"), page(4, 50, "b"), page(3, 40, "c"), page(99, 60, None)]
        made = run(shop(rate_limit={"slow_when_remaining": 5}), "people.list", script)
        assert made.clock.slept == [10, 10]


@dataclass
class Server:
    """Answers with one record; keeps the path of each request. `breaks` lets the first answers break off."""

    port: int = 0
    came: list[str] = field(default_factory=list)
    breaks: list[str] = field(default_factory=list)

    def answer(self, arrived: Arrived) -> Reply:
        self.came.append(arrived.path)
        return partial(break_off, self.breaks.pop(0)) if self.breaks else {"items": [{"id": 1}]}


def break_off(how: str, handler: Any) -> None:
    """Send less than was promised, then end or reset the connection."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"items": [')
    handler.wfile.flush()
    handler.close_connection = True
    if how == "reset":
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    with start_vendor(made.answer) as vendor:
        made.port = vendor.port
        yield made


@pytest.fixture
def live(make: Callable[..., Workspace], server: Server) -> Callable[..., Workspace]:
    def build(**keys: Any) -> Workspace:
        connector = {**CONNECTOR, "base_url": f"http://127.0.0.1:{server.port}", **keys}
        return make(
            {
                "conn.yaml": {"version": 1, "trusted_hosts": [f"127.0.0.1:{server.port}"]},
                "connectors/shop/connector.yaml": connector,
                "connectors/shop/unified/crm.yaml": None,
            }
        )

    return build


OPTIONS: dict[str, Any] = {"environ": {}, "vault": MemoryVault({"acme": {"token": "t"}})}
BUDGET = {"budget": [{"requests": 4, "per_seconds": 1}]}


@contextmanager
def at_least(seconds: float) -> Iterator[None]:
    """Fail if the block takes less time: a busy machine only makes it longer."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began >= seconds


def test_a_budget_is_shared_by_the_threads_of_a_connection(live: Callable[..., Workspace], server: Server) -> None:
    with at_least(1.9), connect(live(rate_limit=BUDGET), "acme", **OPTIONS) as connection:
        work = [
            threading.Thread(target=lambda name=name: list(connection.records(name)))
            for name in ("people.list", "deals.list") * 6
        ]
        for thread in work:
            thread.start()
        for thread in work:
            thread.join()
    assert len(server.came) == 12


def test_a_budget_is_shared_by_the_tasks_of_a_loop(live: Callable[..., Workspace], server: Server) -> None:
    async def listing(connection: Any, name: str) -> int:
        return len([record async for record in connection.records(name)])

    async def main() -> list[int]:
        async with aconnect(live(rate_limit=BUDGET), "acme", **OPTIONS) as connection:
            return await asyncio.gather(*(listing(connection, name) for name in ("people.list", "deals.list") * 6))

    with at_least(1.9):
        assert asyncio.run(main()) == [1] * 12


@pytest.mark.parametrize("how", ["reset", "truncated"])
def test_an_answer_that_breaks_off_on_the_wire(live: Callable[..., Workspace], server: Server, how: str) -> None:
    with connect(live(), "acme", **OPTIONS) as connection:
        server.breaks = [how]
        assert list(connection.records("people.list")) == [{"id": 1}]
        assert len(server.came) == 2
        server.breaks = [how] * 9
        with pytest.raises(TransportError) as raised:
            list(connection.records("people.add", Call(body={"name": "x"})))
    assert raised.value.fault in ("reset", "truncated")  # some networks tell a reset as the end
    assert len(server.came) == 3, "a write is sent once"
