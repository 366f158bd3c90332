"""The drivers: the same pages and requests for both, an early end, flat memory, the session's conditions."""

import asyncio
import tracemalloc
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from conn_engine.conditions import Conditions
from conn_engine.errors import ConfigurationError, ConnError, TransportError
from conn_engine.runtime.call import Call, Run, Session
from conn_engine.runtime.drive import adrive, drive, finish
from conn_engine.runtime.lifecycle import verify
from conn_engine.runtime.operation import perform
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport.faults import Faults, broken_connection, error_page, json_answer, rate_limited
from conn_engine.wire import FrozenClock, Headers, Page, Request, Response, Wait

CASES: dict[str, tuple[str, Call, list[Any]]] = {
    "several pages": (
        "contacts.list",
        Call(query={"limit": 2}),
        [{"items": [{"id": 1, "name": "A"}], "next": "b"}, {"items": [{"id": 2}], "next": ""}],
    ),
    "a write": ("contacts.create", Call(body={"first_name": "A"}), [{"id": 9, "name": "A"}]),
    "an empty answer": ("contacts.delete", Call(id="1"), [Response(204)]),
    "a fault in the second page": (
        "contacts.list",
        Call(),
        [{"items": [{"id": 1, "name": "A"}], "next": "b"}, json_answer({"message": "no"}, 403)],
    ),
    "a limit": ("contacts.list", Call(), [rate_limited(5)]),
    "a transport fault in a write": ("contacts.create", Call(body={}), [broken_connection()]),
    "a missing path": ("contacts.list", Call(), [{"other": []}]),
}


def told(error: Exception) -> tuple[str, str]:
    return type(error).__name__, str(error)


@pytest.mark.parametrize("case", CASES)
def test_both_drivers_give_the_same(make: Any, case: str) -> None:
    operation, call, script = CASES[case]
    effective = make().effective(account="acme")
    name = effective.resolve(operation)
    results = []
    for kind in ("sync", "async"):
        faults = Faults([json_answer(step) if isinstance(step, dict) else step for step in script])
        flow = perform(Run(effective, Session("acme", {"token": "t"}, clock=FrozenClock())), name, call)
        pages: list[Page] = []
        error: Any = None
        try:
            if kind == "sync":
                pages.extend(drive(flow, faults, MemoryVault(), clock=FrozenClock()))
            else:

                async def gather(flow: Any = flow, faults: Any = faults, pages: list[Page] = pages) -> None:
                    async for page in adrive(flow, faults, MemoryVault()):
                        pages.append(page)

                asyncio.run(gather())
        except ConnError as raised:
            error = told(raised)
        sent = [(request.method, request.url, request.headers.plain(), request.body) for request in faults.requests]
        results.append((pages, error, sent))
    assert results[0] == results[1]
    assert results[0][2]


def test_closing_early_closes_the_flow_and_sends_nothing_more() -> None:
    ended: list[str] = []

    def flow() -> Any:
        try:
            yield Page([1], [1])
            yield Request("GET", "https://x.example.com")
        finally:
            ended.append("flow")

    script = Faults([])
    pages = drive(flow(), script, MemoryVault())
    next(pages)
    pages.close()
    assert ended == ["flow"]
    assert script.requests == []

    async def early() -> None:
        pages = adrive(flow(), script, MemoryVault())
        await anext(pages)
        await pages.aclose()

    asyncio.run(early())
    assert ended == ["flow", "flow"]
    assert script.requests == []


def test_a_cancelled_task_closes_the_flow() -> None:
    ended: list[str] = []

    def flow() -> Any:
        try:
            yield Wait(60, "a test")
        finally:
            ended.append("flow")

    async def cancelled() -> None:
        async def run() -> None:
            async for _ in adrive(flow(), Faults([]), MemoryVault()):
                pass

        task = asyncio.create_task(run())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert ended == ["flow"]


def test_what_is_not_ours_passes_through_and_closes_the_flow() -> None:
    ended: list[str] = []

    def flow() -> Any:
        try:
            yield Request("GET", "https://x.example.com")
        finally:
            ended.append("flow")

    with pytest.raises(KeyError):
        list(drive(flow(), Faults([KeyError("x")]), MemoryVault()))
    assert ended == ["flow"]


def test_a_flow_sees_the_transports_fault_at_its_yield() -> None:
    def flow() -> Any:
        try:
            yield Request("GET", "https://x.example.com")
        except TransportError as error:
            return error.message
        return "no fault"

    assert finish(flow(), Faults([broken_connection("cut")]), MemoryVault(), FrozenClock()) == "cut"


class Endless:
    """A vendor with this many pages of a thousand records, made when they are asked for."""

    def __init__(self, pages: int) -> None:
        self.left = pages

    def send(self, request: Request) -> Response:
        self.left -= 1
        start = self.left * 1000
        rows = [{"id": start + n, "name": f"person {start + n}", "text": "x" * 100} for n in range(1000)]
        data = {"items": rows, "next": str(self.left) if self.left else None}
        return Response(200, Headers({"content-type": "application/json"}), msgspec.json.encode(data))


@pytest.mark.slow
def test_many_records_are_streamed_in_flat_memory(make: Any) -> None:
    effective = make().effective(account="acme")
    name = effective.resolve("contacts.list")

    def peak(pages: int) -> tuple[int, int]:
        flow = perform(Run(effective, Session("acme", {"token": "t"})), name, Call())
        count = 0
        tracemalloc.start()
        for page in drive(flow, Endless(pages), MemoryVault()):
            count += len(page.records)
        high = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return count, high

    peak(2)
    few, small = peak(5)
    many, large = peak(50)
    assert (few, many) == (5_000, 50_000)
    assert large < small * 1.5


def test_a_fixed_time_holds_for_mappings_of_every_page(make: Any, run: Callable[..., Any]) -> None:
    mapped = {"id": "$string(response.id)", "at": "$now()", "ms": "$millis()"}
    crm = {"resources": {"contacts": {"list": {"resource": "people", "response_mapping": mapped}}}}
    script = [{"items": [{"id": 1}], "next": "b"}, {"items": [{"id": 2}]}]
    workspace = make({"connectors/shop/unified/crm.yaml": crm})
    made = run(workspace, "contacts.list", script, conditions=Conditions(FrozenClock(1_767_323_045)))
    assert {record["at"] for record in made.records} == {"2026-01-02T03:04:05.000Z"}
    assert {record["ms"] for record in made.records} == {1_767_323_045_000}


TIMED = {
    "resources": {
        "contacts": {"list": {"resource": "people", "response_mapping": {"id": "$string(response.id)", "at": "$now()"}}}
    }
}


@pytest.mark.parametrize("driver", ["drive", "adrive"])
def test_what_an_operation_evaluates_and_sends_is_at_the_time_of_the_runs_clock(make: Any, driver: str) -> None:
    effective = make({"connectors/shop/unified/crm.yaml": TIMED}).effective(account="acme")
    clock, sent = FrozenClock(1_767_323_045), []

    class Vendor:
        def send(self, request: Request) -> Response:
            sent.append(clock.now())
            clock.sleep(1)
            return json_answer({"items": [{"id": len(sent)}], "next": "b" if len(sent) == 1 else None})

        async def asend(self, request: Request) -> Response:
            return self.send(request)

    flow = perform(
        Run(effective, Session("acme", {"token": "t"}, clock=clock)), effective.resolve("contacts.list"), Call()
    )
    vault = MemoryVault()
    if driver == "drive":
        pages = list(drive(flow, Vendor(), vault, clock=clock))
    else:

        async def collect() -> list[Page]:
            return [page async for page in adrive(flow, Vendor(), vault, clock=clock)]

        pages = asyncio.run(collect())
    seen = [record["at"] for page in pages for record in page.records]
    assert (sent, seen) == ([1_767_323_045, 1_767_323_046], ["2026-01-02T03:04:06.000Z", "2026-01-02T03:04:07.000Z"])


def test_verify_uses_the_named_operation(make: Any) -> None:
    account = {"connector": "shop", "override": {"verify": "people.list"}}
    effective = make({"accounts/acme.yaml": account}).effective(account="acme")
    script = Faults([json_answer({"items": []})])
    session = Session("acme", {"token": "t"})
    assert finish(verify(Run(effective, session)), script, MemoryVault(), FrozenClock()) is True
    assert script.requests[0].purpose == "verify"
    nothing = make({"accounts/acme.yaml": "connector: shop\n"}).effective(account="acme")
    assert finish(verify(Run(nothing, session)), script, MemoryVault(), FrozenClock()) is False


def test_verify_of_an_unknown_operation_is_the_authors_fault(make: Any) -> None:
    account = {"connector": "shop", "override": {"verify": "people.lst"}}
    effective = make({"accounts/acme.yaml": account}).effective(account="acme")
    with pytest.raises(ConfigurationError, match=r"`verify` is \"people.lst\""):
        finish(verify(Run(effective, Session())), Faults([error_page()]), MemoryVault(), FrozenClock())
