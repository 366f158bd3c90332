"""Syncs run from the release that a channel serves, and a run keeps the release that it began with."""

import json
import sys
from pathlib import Path

import pytest
from sync_bench import SYNC, Bench
from sync_channel import find_file, make_runner, promote, roll_out

from conn_engine.errors import UsageError
from conn_engine.releases import ReleaseSource
from conn_engine.releases.actors import Act
from conn_engine.releases.rollouts import halt_rollout
from conn_service.delivery import DeliveryStore
from conn_service.rollouts import RolloutStore

sys.path.append(str(Path(__file__).resolve().parents[2] / "cli"))

import transcript

NEWER = SYNC.replace("name: record.name", "name: 'record.name & \"!\"'")


def test_a_run_keeps_its_release_when_the_channel_moves(bench: Bench, source: ReleaseSource) -> None:
    runner = make_runner(bench, source)
    older = source.current().release
    run = runner.create_run("r1", "people", "acme")
    runner.advance("r1", run.seq)
    bench.write({"syncs/people.yaml": NEWER})
    newer = promote(bench)
    assert bench.run("r1", runner=make_runner(bench, source)).status == "complete"
    assert [row["name"] for row in bench.spooled("r1")] == [f"N{n}" for n in range(10)]
    bench.run("r2", runner=runner, is_full=True)
    assert [row["name"] for row in bench.spooled("r2")] == [f"N{n}!" for n in range(10)]
    assert (bench.store.get_run("r1").release, bench.store.get_run("r2").release) == (older, newer)


def test_a_run_of_an_account_in_a_rollout_keeps_its_release(bench: Bench, source: ReleaseSource) -> None:
    runner = make_runner(bench, source)
    older = source.current().release
    bench.write({"syncs/people.yaml": NEWER})
    newer = roll_out(bench, source, "acme")
    run = runner.create_run("r1", "people", "acme")
    runner.advance("r1", run.seq)
    source.move(lambda channel: halt_rollout(channel, "names are missing", Act("ada", 0.0)))
    assert bench.run("r1", runner=make_runner(bench, source)).status == "complete"
    assert [row["name"] for row in bench.spooled("r1")] == [f"N{n}!" for n in range(10)]
    bench.run("r2", runner=runner, is_full=True)
    assert [row["name"] for row in bench.spooled("r2")] == [f"N{n}" for n in range(10)]
    assert [bench.store.get_run(name).release for name in ("r1", "r2")] == [newer, older]


def test_an_unknown_release_is_an_error(source: ReleaseSource) -> None:
    with pytest.raises(UsageError, match="0000"):
        source.find_workspace("0000")


def test_releases_that_are_not_served_any_more_are_loaded_once(bench: Bench, source: ReleaseSource) -> None:
    first = source.current().release
    bench.write({"syncs/people.yaml": NEWER})
    promote(bench)
    source.current()
    assert source.find_workspace(first) is source.find_workspace(first)
    assert source.find_workspace(first).syncs() == ["people"]


def test_a_relative_file_is_in_the_folder(bench: Bench, source: ReleaseSource) -> None:
    bench.write({"syncs/people.yaml": SYNC.replace("type: stdout", "type: file, to: out.jsonl")})
    promote(bench)
    assert bench.run(runner=make_runner(bench, source)).status == "complete"
    assert len((bench.root / "out.jsonl").read_text().splitlines()) == 10


def test_a_worker_runs_from_a_channel(bench: Bench, source: ReleaseSource, tmp_path: Path) -> None:
    DeliveryStore(bench.store.engine)
    bench.write({"syncs/people.yaml": NEWER})
    roll_out(bench, source)
    make_runner(bench, source).create_run("people:acme:0000000000001", "people", "acme")
    stores = {
        "CONN_STORE": str(find_file(bench)),
        "CONN_SYNC_STORE": str(bench.root.parent / "store.sqlite3"),
    }
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = transcript.conn(elsewhere, "sync", "work", "--once", "--release", "prodction", **stores)
    assert done.code == 2 and 'the channel "prodction" serves no release yet' in done.err
    done = transcript.conn(elsewhere, "sync", "work", "--once", "--release", "production", **stores)
    assert (done.code, done.out) == (0, "0 started, 1 continued\n"), done.err
    done = transcript.conn(bench.root, "sync", "show", "--format", "json", **stores)
    [run] = json.loads(done.out)["runs"]
    assert (run["status"], run["release"]) == ("complete", source.current().release)
    counts = RolloutStore(bench.store.engine).count("production-2", "2026-01-01T00:00:00Z")
    assert (counts.members.calls, counts.others.calls) == (0, 4)
