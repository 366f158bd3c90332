"""Runs of an account share one transport; what nobody uses is closed."""

import signal
import sys
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest
from sync_bench import ENVIRON, Bench, Releases

from conn_engine.wire import FrozenClock, Headers, Request, Response
from conn_service.syncs.opening import OpenRuns
from conn_service.syncs.transports import TransportPool
from conn_service.syncs.worker import SyncWorker

sys.path.append(str(Path(__file__).resolve().parents[2] / "cli"))

import transcript


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


def test_a_worker_that_is_stopped_waits_for_the_answer_to_a_token_request() -> None:
    pool, steps = TransportPool(FrozenClock(1000.0)), []
    sent, closing = Event(), Event()

    class Vendor:
        def send(self, request: Request) -> Response:
            sent.set()
            assert closing.wait(30)
            steps.append("answered")
            return Response(200, Headers({}), b"")

        def close(self) -> None:
            steps.append("closed")

    lent = pool.borrow("acme")
    lent.connect(Vendor)  # type: ignore[arg-type]
    request = Request("POST", "https://vendor.test/token", purpose="token")
    exchange = Thread(target=lent.send, args=[request])
    exchange.start()
    assert sent.wait(30)
    end = Thread(target=pool.close)
    end.start()
    end.join(0.2)  # it ends at once if it does not wait
    closing.set()
    for thread in (exchange, end):
        thread.join(30)
    assert steps == ["answered", "closed"]


def test_a_worker_of_the_command_line_is_stopped_by_sigterm(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(SyncWorker, "wait_until_stopped", lambda _: signal.raise_signal(signal.SIGTERM))
    done = transcript.conn(bench.root, "sync", "work", "--store", "../store.sqlite3")
    assert (done.code, done.err.splitlines()[-1]) == (130, "interrupted")
    assert signal.getsignal(signal.SIGTERM) == handler
