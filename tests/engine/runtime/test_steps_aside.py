"""Which steps of an operation run in threads, so that an event loop does not wait for them."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from conn_engine.config import Workspace
from conn_engine.expressions.isolation import Isolation
from conn_engine.responses.ratelimit import Budgets
from conn_engine.runtime.connection import AsyncConnection
from conn_engine.runtime.drive import adrive
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport.faults import Faults
from conn_engine.wire import Page, Request, Response


class RemoteBudgets(Budgets):
    """Counts as a database would."""

    blocks: ClassVar[bool] = True


OWN = "override: {unified: {crm: {contacts: {get: {response_mapping: {name: $uppercase(response.name)}}}}}}"
SAME = "override: {unified: {crm: {contacts: {get: {response_mapping: {first_name: response.name}}}}}}"
URL = "override: {pagination: {config: {cursor_param: from}}}"
TEMPLATE = "override: {resources: {people: {list: {headers: {x-size: '{{query.limit}}'}}}}}"
BUDGET = "override: {rate_limit: {budget: [{requests: 5, per_seconds: 1}]}}"
PACE = "override: {rate_limit: {slow_when_remaining: 5}}"


@pytest.mark.parametrize(
    ("override", "budgets", "blocks"),
    [
        ("", Budgets(), False),
        (URL, Budgets(), False),
        (SAME, Budgets(), False),
        (OWN, Budgets(), True),
        (TEMPLATE, Budgets(), True),
        (BUDGET, Budgets(), False),
        ("", RemoteBudgets(), False),
        (BUDGET, RemoteBudgets(), True),
        (PACE, RemoteBudgets(), True),
    ],
)
def test_what_may_block(make: Callable[..., Workspace], override: str, budgets: Budgets, blocks: bool) -> None:
    workspace = make({"accounts/acme.yaml": f"connector: shop\n{override}\n"})
    vault = MemoryVault({"acme": {"token": "t"}})
    with Isolation() as isolation:
        wiring = wire_account(workspace, "acme", environ={}, vault=vault, isolation=isolation, budgets=budgets)
        assert wiring.may_block is blocks
    assert wire_account(workspace, "acme", environ={}, vault=vault).may_block is False


def run(flow: Any, responses: list[Any], aside: bool = False) -> None:
    async def drive_all() -> None:
        places = asyncio.Semaphore(1) if aside else None
        async for _ in adrive(flow, Faults(responses), MemoryVault(), aside=places):
            pass

    asyncio.run(drive_all())


@pytest.mark.parametrize(("size", "aside", "expected"), [(100, False, 0), (100_000, False, 1), (100, True, 2)])
def test_a_large_response_is_read_in_a_thread(size: int, aside: bool, expected: int) -> None:
    threads: list[bool] = []

    def flow() -> Any:
        threads.append(threading.current_thread() is not threading.main_thread())
        yield Request("GET", "https://x.example.com")
        threads.append(threading.current_thread() is not threading.main_thread())
        yield Page([], [])

    run(flow(), [Response(200, body=b"x" * size)], aside)
    assert threads.count(True) == expected


def test_an_account_has_few_steps_in_threads_at_once(make: Callable[..., Workspace]) -> None:
    workspace = make({"accounts/acme.yaml": f"connector: shop\n{OWN}\n"})
    busy: list[int] = []
    most: list[int] = []

    def flow() -> Any:
        busy.append(1)
        most.append(len(busy))
        time.sleep(0.01)
        busy.pop()
        yield Page([], [])

    async def read(connection: AsyncConnection) -> None:
        async for _ in connection._drive(flow()):
            pass

    async def read_many() -> None:
        with Isolation() as isolation:
            vault = MemoryVault({"acme": {"token": "t"}})
            wiring = wire_account(workspace, "acme", environ={}, vault=vault, isolation=isolation)
            connection = AsyncConnection(wiring, Faults([]))
            await asyncio.gather(*(read(connection) for _ in range(10)))

    asyncio.run(read_many())
    assert len(most) == 10
    assert max(most) <= 2
