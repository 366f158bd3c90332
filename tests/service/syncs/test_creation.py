"""A sync has one open run per account, also if several workers create one at the same time."""

from pathlib import Path

import pytest
from sync_bench import Bench, create_two_runs_at_once

from conn_engine.releases.store_location import StoreLocation
from conn_service.syncs.runner import RunOpenError


def test_two_workers_that_create_a_run_at_once_create_one(tmp_path: Path) -> None:
    assert create_two_runs_at_once(StoreLocation(file=tmp_path / "s.sqlite3")) == (["r0"], [None, "r0"])


def test_a_run_is_refused_while_another_one_is_open(bench: Bench) -> None:
    runner = bench.runner()
    runner.create_run("r1", "people", "acme", unless_open=True)
    with pytest.raises(RunOpenError, match="is still running for"):
        runner.create_run("r2", "people", "acme", unless_open=True)
    bench.store.cancel_run("r1")
    assert runner.create_run("r2", "people", "acme", unless_open=True).status == "queued"
