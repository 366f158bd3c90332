"""Syncs run from the release that a channel serves, and a run keeps the release that it began with."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sync_bench import ENVIRON, SYNC, Bench

from conn_engine.config import load_workspace
from conn_engine.errors import UsageError
from conn_engine.releases import ChannelMove, Release, ReleaseSource, collect, open_store
from conn_engine.releases.actors import Act
from conn_engine.releases.cohorts import Cohort
from conn_engine.releases.model import Rollout
from conn_engine.releases.rollouts import halt_rollout
from conn_service.delivery import DeliveryStore
from conn_service.syncs.channel_releases import ChannelReleases
from conn_service.syncs.runner import SyncRunner

sys.path.append(str(Path(__file__).resolve().parents[2] / "cli"))

import transcript

NEWER = SYNC.replace("name: record.name", "name: 'record.name & \"!\"'")


@pytest.fixture
def source(bench: Bench) -> Iterator[ReleaseSource]:
    """The channel of a store, which serves the workspace as it is at first."""
    promote(bench)
    with ReleaseSource(bench.root.parent / "releases.sqlite3", "production", check_milliseconds=0) as opened:
        yield opened


def promote(bench: Bench) -> str:
    """Store the workspace as a release, and let the channel serve it."""
    with open_store(bench.root.parent / "releases.sqlite3", create=True) as store:
        found = collect(load_workspace(bench.root))
        release = found.manifest.id
        store.add(Release(release, "", "ada", "2026-01-01T00:00:00Z", "1", {}), found.manifest, found.blobs)
        before = store.channel("production")
        store.move(
            ChannelMove(
                "production", before.revision + 1, "promote", release, before.release, "ada", "2026-01-01T00:00:00Z"
            )
        )
    return release


def make_runner(bench: Bench, source: ReleaseSource) -> SyncRunner:
    runner = SyncRunner(bench.store, ChannelReleases(source, bench.root), environ=ENVIRON)
    bench.runners.append(runner)
    return runner


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
    newer = collect(load_workspace(bench.root))
    with open_store(bench.root.parent / "releases.sqlite3") as store:
        store.add(Release(newer.manifest.id), newer.manifest, newer.blobs)
    rollout = Rollout("production-2", newer.manifest.id, Cohort(("acme",)), "2026-01-01T00:00:00Z")
    source.move(lambda channel: ChannelMove("production", 2, "rollout", older, older, "ada", "", rollout=rollout))
    run = runner.create_run("r1", "people", "acme")
    runner.advance("r1", run.seq)
    source.move(lambda channel: halt_rollout(channel, "names are missing", Act("ada", 0.0)))
    assert bench.run("r1", runner=make_runner(bench, source)).status == "complete"
    assert [row["name"] for row in bench.spooled("r1")] == [f"N{n}!" for n in range(10)]
    bench.run("r2", runner=runner, is_full=True)
    assert [row["name"] for row in bench.spooled("r2")] == [f"N{n}" for n in range(10)]
    assert [bench.store.get_run(name).release for name in ("r1", "r2")] == [newer.manifest.id, older]


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
    make_runner(bench, source).create_run("people:acme:0000000000001", "people", "acme")
    stores = {
        "CONN_STORE": str(bench.root.parent / "releases.sqlite3"),
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
