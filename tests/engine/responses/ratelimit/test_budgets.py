import threading
import time

import msgspec
import pytest
from evaluating import usual
from hypothesis import given
from hypothesis import strategies as st

from conn_engine.responses.ratelimit import Budgets, Charge, RateLimit, read_rate_state
from conn_engine.settings import Answer
from conn_engine.wire import FrozenClock, Headers, Request, Response

ME = Charge("shop", "acme", "people.list")


def limits(*budgets: dict[str, object], **more: object) -> RateLimit:
    return msgspec.convert({"budget": budgets, **more}, RateLimit)


def get(path: str = "/v1/people", method: str = "GET") -> Request:
    return Request(method, f"https://api.example.com{path}")


def send(
    budgets: Budgets, settings: RateLimit, clock: FrozenClock, charge: Charge = ME, request: Request = get()
) -> float:
    """Wait as long as it takes; the moment of sending."""
    while (pause := budgets.admit(settings, charge, request, clock.now())[0]) > 0:
        clock.sleep(pause)
    return clock.now()


@given(
    pairs=st.lists(st.tuples(st.integers(1, 6), st.floats(0.5, 50)), min_size=1, max_size=3),
    gaps=st.lists(st.floats(0, 20), min_size=1, max_size=60),
)
def test_no_span_ever_has_more_than_the_budget_and_no_wait_is_needless(
    pairs: list[tuple[int, float]], gaps: list[float]
) -> None:
    settings = limits(*({"requests": count, "per_seconds": seconds} for count, seconds in pairs))
    budgets, clock = Budgets(), FrozenClock()
    sent: list[float] = []
    for gap in gaps:
        clock.sleep(gap)
        asked = clock.now()
        sent.append(send(budgets, settings, clock))
        earliest = max([asked, *(sent[-1 - count] + seconds for count, seconds in pairs if len(sent) > count)])
        assert sent[-1] <= earliest + 0.01, "it waited needlessly"
    for count, seconds in pairs:
        for first, after in zip(sent, sent[count:], strict=False):
            assert after - first >= seconds - 1e-6, f"more than {count} in {seconds} s"


def test_threads_share_it() -> None:
    settings, budgets = limits({"requests": 5, "per_seconds": 0.25}), Budgets()
    sent: list[float] = []
    lock = threading.Lock()

    def work() -> None:
        for _ in range(3):
            while True:
                now = time.monotonic()
                pause, _ = budgets.admit(settings, ME, get(), now)
                if pause <= 0:
                    break
                time.sleep(pause)
            with lock:
                sent.append(now)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent.sort()
    assert len(sent) == 18
    assert all(after - first >= 0.25 - 1e-6 for first, after in zip(sent, sent[5:], strict=False))


@pytest.mark.parametrize(
    ("budget", "request_", "operation", "counted"),
    [
        ({}, get(), "people.list", True),
        ({"methods": ["post"]}, get(), "people.list", False),
        ({"methods": ["post"]}, get(method="POST"), "people.list", True),
        ({"operations": ["people.*"]}, get(), "people.list", True),
        ({"operations": ["deals.list", "people.get"]}, get(), "people.list", False),
        ({"path": "/v1/people"}, get(), "people.list", True),
        ({"path": "/people/*/notes"}, get("/v1/people/7/notes"), "notes.list", True),
        ({"path": "/people/*/notes"}, get("/v1/people/7"), "people.get", False),
        ({"path": "/people"}, get("/v1/people?page=2"), "people.list", True),
        ({"path": "/p.ople"}, get(), "people.list", False),
        ({"path": "*/people", "methods": ["GET"], "operations": ["people.list"]}, get(), "people.list", True),
    ],
)
def test_which_requests_count(budget: dict[str, object], request_: Request, operation: str, counted: bool) -> None:
    settings = limits({"requests": 1, "per_seconds": 10, **budget})
    budgets, charge = Budgets(), Charge("shop", "acme", operation, "/v1")
    assert budgets.admit(settings, charge, request_, 0.0) == (0.0, "")
    pause, reason = budgets.admit(settings, charge, request_, 4.0)
    assert (pause, reason) == ((6.0, "the budget of 1 requests in 10 s") if counted else (0.0, ""))


@pytest.mark.parametrize(
    ("scope", "same", "operation", "account"),
    [("operation", True, False, False), ("account", True, True, False), ("connector", True, True, True)],
)
def test_who_shares_it(scope: str, same: bool, operation: bool, account: bool) -> None:
    settings = limits({"requests": 1, "per_seconds": 10, "scope": scope})
    shared = Budgets()
    mine, other = Budgets(shared), Budgets(shared)
    mine.admit(settings, ME, get(), 0.0)

    def full(budgets: Budgets, charge: Charge) -> bool:
        return budgets.admit(settings, charge, get(), 1.0)[0] > 0

    assert full(mine, ME) is same
    assert full(mine, Charge("shop", "acme", "deals.list")) is operation
    assert full(other, Charge("shop", "globex", "people.list")) is account


def test_a_refused_request_counts_against_no_budget() -> None:
    settings = limits({"requests": 1, "per_seconds": 100}, {"requests": 2, "per_seconds": 10})
    budgets = Budgets()
    budgets.admit(settings, ME, get(), 0.0)
    for second in range(1, 9):
        assert budgets.admit(settings, ME, get(), float(second))[0] == 100 - second
    assert budgets.admit(settings, ME, get(), 100.0)[0] == 0


def test_a_clock_that_goes_back_waits_one_span_at_most() -> None:
    settings, budgets = limits({"requests": 1, "per_seconds": 10}), Budgets()
    budgets.admit(settings, ME, get(), 1_000_000.0)
    assert budgets.admit(settings, ME, get(), 5.0)[0] == 10


def told(left: int, reset: int, settings: RateLimit) -> float | None:
    headers = Headers({"x-ratelimit-limit": "100", "x-ratelimit-remaining": str(left), "x-ratelimit-reset": str(reset)})
    return read_rate_state(settings, Answer(get(), Response(200, headers), None, scope=usual()), 1_760_000_000.0).pace


def test_what_is_left_is_spread_until_the_reset() -> None:
    settings, budgets, clock = RateLimit(slow_when_remaining=10), Budgets(), FrozenClock()
    assert told(11, 50, settings) is None
    assert told(4, 50, settings) == 10
    assert told(0, 50, settings) == 50
    assert told(4, 50, RateLimit()) is None
    start = clock.now()
    budgets.slow(ME, told(4, 50, settings), start)
    assert [send(budgets, settings, clock) - start for _ in range(4)] == [10, 20, 30, 40]
    assert budgets.admit(settings, Charge("shop", "globex", "people.list"), get(), start)[0] == 0
    budgets.slow(ME, None, clock.now())
    assert budgets.admit(settings, ME, get(), clock.now())[0] == 0
