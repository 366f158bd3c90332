"""Budgets in a database follow the laws of those in memory, whichever process sends, and leave a share to others."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import launching
import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conn_engine.releases.store_location import StoreLocation
from conn_engine.responses.ratelimit import Budgets, BudgetStore, Charge, RateLimit
from conn_engine.wire import FrozenClock, Request
from conn_service.store import DatabaseBudgets, open_engine

ME = Charge("shop", "acme", "people.list")
REQUEST = Request("GET", "https://api.example.com/v1/people")
WRITE = Request("POST", "https://api.example.com/v1/people")


def limits(*budgets: dict[str, object], **more: object) -> RateLimit:
    return msgspec.convert({"budget": budgets, **more}, RateLimit)


@pytest.fixture(params=["memory", "database"])
def make_budgets(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], BudgetStore]]:
    """Makes a store of budgets without any request."""
    if request.param == "memory":
        yield Budgets
        return
    names = count()
    engines = []

    def make() -> BudgetStore:
        engines.append(open_engine(StoreLocation(file=tmp_path / f"{next(names)}.sqlite3")))
        return DatabaseBudgets(engines[-1])

    yield make
    for engine in engines:
        engine.dispose()


@given(
    pairs=st.lists(st.tuples(st.integers(1, 6), st.floats(0.5, 50)), min_size=1, max_size=3),
    gaps=st.lists(st.floats(0, 20), min_size=1, max_size=30),
)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_span_ever_has_more_than_the_budget_and_no_wait_is_needless(
    make_budgets: Callable[[], BudgetStore], pairs: list[tuple[int, float]], gaps: list[float]
) -> None:
    rate_limit = limits(*({"requests": number, "per_seconds": seconds} for number, seconds in pairs))
    budgets, clock = make_budgets(), FrozenClock()
    sent: list[float] = []
    for gap in gaps:
        clock.sleep(gap)
        asked = clock.now()
        while (pause := budgets.admit(rate_limit, ME, REQUEST, clock.now())[0]) > 0:
            clock.sleep(pause)
        sent.append(clock.now())
        earliest = max([asked, *(sent[-1 - number] + seconds for number, seconds in pairs if len(sent) > number)])
        assert sent[-1] <= earliest + 0.01, "it waited needlessly"
    for number, seconds in pairs:
        for first, after in zip(sent, sent[number:], strict=False):
            assert after - first >= seconds - 1e-6, f"more than {number} in {seconds} s"


@given(
    steps=st.lists(
        st.tuples(
            st.floats(0, 8),
            st.sampled_from(["acme", "globex"]),
            st.sampled_from(["people.list", "deals.list"]),
            st.sampled_from([REQUEST, WRITE]),
            st.sampled_from(["send", "send", "send", "slow", "fast"]),
        ),
        min_size=1,
        max_size=25,
    )
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_database_and_the_memory_admit_the_same(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[float, str, str, Request, str]]
) -> None:
    rate_limit = limits(
        {"requests": 4, "per_seconds": 9, "scope": "connector"},
        {"requests": 2, "per_seconds": 5},
        {"requests": 2, "per_seconds": 5},
        {"requests": 1, "per_seconds": 3, "scope": "operation", "methods": ["post"]},
    )
    engine = open_engine(StoreLocation(file=tmp_path_factory.mktemp("budgets") / "s.sqlite3"))
    here, there, now = Budgets(), DatabaseBudgets(engine), 1_760_000_000.0
    for gap, account, operation, request, action in steps:
        now += gap
        charge = Charge("shop", account, operation)
        if action == "send":
            (one, _), (other, _) = (store.admit(rate_limit, charge, request, now) for store in (here, there))
            assert one == pytest.approx(other, abs=1e-4)
        else:
            for store in (here, there):
                store.slow(charge, 2.0 if action == "slow" else None, now)
    engine.dispose()


def test_a_refused_request_counts_against_no_budget(engine: sa.Engine) -> None:
    rate_limit = limits({"requests": 1, "per_seconds": 100}, {"requests": 2, "per_seconds": 10})
    budgets = DatabaseBudgets(engine)
    budgets.admit(rate_limit, ME, REQUEST, 0.0)
    for second in range(1, 9):
        assert budgets.admit(rate_limit, ME, REQUEST, float(second))[0] == 100 - second
    assert budgets.admit(rate_limit, ME, REQUEST, 100.0)[0] == 0


def test_a_share_is_left_to_interactive_calls(engine: sa.Engine) -> None:
    rate_limit = limits({"requests": 10, "per_seconds": 60})
    syncs, calls = DatabaseBudgets(engine, reserve=0.2), DatabaseBudgets(engine)

    def send(budgets: DatabaseBudgets) -> int:
        sent = 0
        while budgets.admit(rate_limit, ME, REQUEST, 5.0 + sent)[0] == 0:
            sent += 1
        return sent

    assert send(syncs) == 8
    assert send(calls) == 2
    assert syncs.admit(rate_limit, ME, REQUEST, 64.0)[0] == pytest.approx(3.0), "until 8 are left of the span"


@pytest.mark.parametrize(("requests", "usable"), [(1, 1), (2, 1), (5, 4), (10, 8)])
def test_syncs_can_always_send_something(engine: sa.Engine, requests: int, usable: int) -> None:
    budgets, rate_limit = DatabaseBudgets(engine, reserve=0.2), limits({"requests": requests, "per_seconds": 60})
    assert sum(budgets.admit(rate_limit, ME, REQUEST, 1.0)[0] == 0 for _ in range(requests)) == usable


def test_a_clock_that_was_set_back_costs_one_span(engine: sa.Engine) -> None:
    budgets, rate_limit = DatabaseBudgets(engine), limits({"requests": 3, "per_seconds": 10})
    for _ in range(3):
        budgets.admit(rate_limit, ME, REQUEST, 1_000_000.0)
    assert budgets.admit(rate_limit, ME, REQUEST, 5.0)[0] == 10
    assert [budgets.admit(rate_limit, ME, REQUEST, 15.0)[0] for _ in range(3)] == [0, 0, 0]


def test_unused_budgets_are_removed_and_used_ones_are_not(engine: sa.Engine) -> None:
    budgets, rate_limit = DatabaseBudgets(engine), limits({"requests": 2, "per_seconds": 10})
    budgets.admit(rate_limit, ME, REQUEST, 100.0)
    budgets.admit(rate_limit, Charge("shop", "globex", "people.list"), REQUEST, 200.0)
    assert budgets.remove_unused(150.0) == 1
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM conn_budget_request").scalar() == 1
    assert budgets.admit(rate_limit, ME, REQUEST, 201.0)[0] == 0


def test_machines_whose_clocks_differ_use_the_one_of_postgres(postgres: Callable[[], str]) -> None:
    engine = open_engine(StoreLocation(url=sa.engine.make_url(postgres())))
    budgets, rate_limit = (
        DatabaseBudgets(engine, uses_database_clock=True),
        limits({"requests": 1, "per_seconds": 1000}),
    )
    assert budgets.admit(rate_limit, ME, REQUEST, 0.0)[0] == 0
    assert 0 < budgets.admit(rate_limit, ME, REQUEST, 5000.0)[0] <= 1000
    engine.dispose()


SENDER = """
import json, sys, time
import msgspec
import sqlalchemy as sa
from pathlib import Path
from conn_engine.releases.store_location import StoreLocation
from conn_engine.responses.ratelimit import Charge, RateLimit
from conn_engine.wire import Request
from conn_service.store import DatabaseBudgets, open_engine

address, number = sys.argv[1], int(sys.argv[2])
location = StoreLocation(url=sa.engine.make_url(address)) if "://" in address else StoreLocation(file=Path(address))
budgets = DatabaseBudgets(open_engine(location))
rate_limit = msgspec.convert({"budget": [{"requests": 4, "per_seconds": 0.5}]}, RateLimit)
charge, request = Charge("shop", "acme", "people.list"), Request("GET", "https://x.example/v1")
sent = []
print("ready", flush=True)
sys.stdin.readline()
while len(sent) < number:
    before = time.time()
    pause, _ = budgets.admit(rate_limit, charge, request, before)
    if pause > 0:
        time.sleep(pause)
    else:
        sent.append((before, time.time()))
print(json.dumps(sent))
"""


@pytest.mark.slow
def test_three_processes_never_exceed_the_budget(location: StoreLocation) -> None:
    address = str(location.file) if location.url is None else location.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", SENDER, address, "5"]
    senders = [launching.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    try:
        for sender in senders:
            assert sender.stdout is not None and sender.stdout.readline() == "ready\n"
        results = []
        for sender in senders:
            assert sender.stdin is not None
            sender.stdin.write("\n")
            sender.stdin.flush()
        for sender in senders:
            results.append(json.loads(sender.communicate(timeout=60)[0]))
    finally:
        for sender in senders:
            sender.kill()
            sender.communicate()
    before, after = (sorted(sent[side] for result in results for sent in result) for side in (0, 1))
    assert len(after) == 15
    for first, fifth in zip(before, after[4:], strict=False):  # a request counts at a time between the two
        assert fifth - first >= 0.5 - 1e-6, "more than 4 in 0.5 s"
