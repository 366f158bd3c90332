"""What an account sets in a sync is a customer's expression: it runs in a process of its own, with limits."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sync_bench import ENVIRON, Bench, Releases

from conn_engine.conditions import EvaluationLimits
from conn_engine.expressions.isolation import Isolation
from conn_engine.releases.store_location import StoreLocation
from conn_service.syncs import worker as worker_module
from conn_service.syncs.opening import open_isolation
from conn_service.syncs.runner import SyncRunner
from conn_service.syncs.worker import SyncWorker

TWICE = "$reduce([1..200], function($a, $i){[[$a], [$a]]}, [1])"
"""A value that contains itself 2^200 times."""
ENDLESS = f"{TWICE} = {TWICE}"
"""What no evaluator stops by itself."""
CRASHING = f"$count($spread({TWICE}))"
"""What takes all the memory of its process."""


@pytest.fixture
def isolation() -> Iterator[Isolation]:
    with Isolation(memory_bytes=192 * 2**20, grace_seconds=0.2) as opened:
        yield opened


def runner_of(bench: Bench, isolation: Isolation, seconds: float = 0.4) -> SyncRunner:
    limits = EvaluationLimits(seconds=seconds)
    runner = SyncRunner(bench.store, Releases(bench.root), environ=ENVIRON, isolation=isolation, limits=limits)
    bench.runners.append(runner)
    return runner


def override(bench: Bench, text: str) -> None:
    bench.write({"accounts/acme.yaml": f"connector: shop\nsyncs:\n  people: {text}\n"})


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        (f"{{ transform: {{ name: '{ENDLESS} ? 1 : 2' }} }}", 'transform of the sync "people" for "acme"'),
        (f"{{ transform: '{ENDLESS} ? results : []' }}", 'transform of the sync "people" for "acme"'),
        (f"{{ filter: '{ENDLESS}' }}", 'filter of the sync "people" for "acme"'),
        (f"{{ params: {{ since: '{{{{{ENDLESS} ? 1 : 2}}}}' }} }}", "the expression was stopped"),
    ],
)
def test_an_endless_expression_of_an_account_fails_its_run(
    bench: Bench, isolation: Isolation, setting: str, named: str
) -> None:
    override(bench, setting)
    runner = runner_of(bench, isolation)
    bench.run(runner=runner)
    assert bench.last is not None and bench.last.kind == "failed"
    assert named in bench.last.reason and "the expression was stopped: it took more than 0.4" in bench.last.reason
    override(bench, "{ enabled: true }")
    assert bench.run("r2", runner=runner).status == "complete", "the worker is not affected"


def test_an_expression_that_takes_all_memory_fails_its_run(bench: Bench) -> None:
    override(bench, f"{{ transform: {{ name: '{CRASHING}' }} }}")
    with Isolation(memory_bytes=192 * 2**20, grace_seconds=60.0) as isolation:
        bench.run(runner=runner_of(bench, isolation, seconds=60.0))
    assert bench.last is not None and bench.last.kind == "failed"
    assert "192 MB of memory" in bench.last.reason


def test_an_endless_expression_is_not_tried_for_each_record(bench: Bench, isolation: Isolation) -> None:
    started = []
    run = isolation.run
    isolation.run = lambda *given: started.append(given) or run(*given)  # type: ignore[method-assign,func-returns-value]
    bench.contacts.size = 10
    bench.write({"syncs/people.yaml": (bench.root / "syncs/people.yaml").read_text() + "on_error: set_aside\n"})
    override(bench, f"{{ filter: '{ENDLESS}' }}")
    bench.run(runner=runner_of(bench, isolation))
    assert bench.last is not None and bench.last.kind == "failed"
    assert len(started) <= 2, "the page, and the record that names the failure"


def test_a_record_that_fails_is_set_aside_as_ever(bench: Bench, isolation: Isolation) -> None:
    bench.write({"syncs/people.yaml": (bench.root / "syncs/people.yaml").read_text() + "on_error: set_aside\n"})
    override(bench, "{ transform: { twice: 'record.id = 4 ? $number(\"x\") : record.id * 2' } }")
    assert bench.run(runner=runner_of(bench, isolation)).counts["set_aside"] == 1
    assert bench.spooled()[3] == {"id": 3, "name": "N3", "twice": 6}


def test_expressions_of_the_sync_itself_need_no_process(bench: Bench, isolation: Isolation) -> None:
    bench.write(
        {
            "syncs/people.yaml": (
                "source: { connector: shop, resource: contacts, params: { since: '{{last_run_at}}' } }\n"
                "transform: { id: record.id, name: $uppercase(record.name) }\n"
                "filter: record.id < 5\nversion: name & 'x'\n"
                "deletes: { by: operation, resource: contacts.gone }\n"
                "emit: { event: contact.updated, type: stdout }\n"
            )
        }
    )
    runner = runner_of(bench, isolation)
    assert bench.run(runner=runner).status == "complete"
    assert isolation.idle == ()
    override(bench, "{ transform: { name: $lowercase(record.name) } }")
    assert bench.run("r2", runner=runner).status == "complete"
    assert len(isolation.idle) == 1
    assert bench.spooled("r2")[0] == {"id": 0, "name": "n0"}


def test_an_endless_mapping_of_an_account_fails_its_run(bench: Bench, isolation: Isolation) -> None:
    bench.write(
        {
            "accounts/acme.yaml": (
                "connector: shop\noverride:\n  resources:\n    contacts:\n      list:\n"
                f"        response_path: '{ENDLESS} ? results : results'\n"
            )
        }
    )
    bench.run(runner=runner_of(bench, isolation))
    assert bench.last is not None and bench.last.kind == "failed"


def test_a_worker_isolates_without_being_asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    monkeypatch.setattr(worker_module, "open_isolation", lambda: opened.append(open_isolation()) or opened[-1])
    override(bench, "{ transform: { name: $lowercase(record.name) } }")
    location = StoreLocation(file=Path(bench.root.parent / "store.sqlite3"))
    with SyncWorker(location, Releases(bench.root), environ=ENVIRON) as worker:
        [done] = worker.wait([worker.start("people", "acme").id], 60)
        assert done.status == "complete"
        [pid] = opened[0].idle
        assert Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{pid}").exists()
