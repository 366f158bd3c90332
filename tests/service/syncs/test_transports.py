"""Runs of an account share one transport; what nobody uses is closed."""

from dataclasses import replace

import pytest
from sync_bench import ENVIRON, Bench, Releases

from conn_engine.wire import FrozenClock
from conn_service.syncs.opening import OpenRuns
from conn_service.syncs.transports import TransportPool


def test_runs_of_an_account_share_a_transport_and_others_do_not(bench: Bench) -> None:
    bench.write(
        {"accounts/other.yaml": "connector: shop\n", "syncs/again.yaml": (bench.root / "syncs/people.yaml").read_text()}
    )
    runner = bench.runner()
    for number in range(3):
        assert bench.run(f"r{number}", runner=runner, is_full=True).status == "complete"
    bench.run("a1", "again", runner=runner)
    assert len(runner.transports) == 1
    runner.create_run("o1", "people", "other")
    runner.advance("o1", 0)
    assert len(runner.transports) == 2
    runner.close()
    assert len(runner.transports) == 0


def test_a_transport_that_nobody_uses_is_closed(bench: Bench) -> None:
    clock = FrozenClock(1000.0)
    pool = TransportPool(clock)
    first, again = pool.borrow("a"), pool.borrow("a")
    assert first.redactor is again.redactor
    first.close()
    first.close()
    clock.sleep(600)
    pool.borrow("b").close()
    assert len(pool) == 2, "one user of a is left"
    again.close()
    clock.sleep(60)
    pool.borrow("c").close()
    assert len(pool) == 1
    for number in range(100):
        pool.borrow(number).close()
    assert len(pool) == 32


def test_a_run_that_another_worker_continues_is_closed_here(bench: Bench) -> None:
    clock = FrozenClock(1000.0)
    runner = bench.runner()
    run = runner.create_run("r1", "people", "acme")
    opening = OpenRuns(bench.store, Releases(bench.root), environ=ENVIRON, clock=clock)
    pages = opening.get(run).pages = (page for page in [None])
    clock.sleep(3600)
    opening.get(replace(run, id="r2"))
    with pytest.raises(StopIteration):  # it is closed: otherwise it has a page
        next(pages)
    assert len(opening.transports) == 1
    opening.close()
