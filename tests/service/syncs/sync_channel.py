"""A release channel that runs of syncs use, for the tests of what changes there."""

from pathlib import Path

from sync_bench import ENVIRON, Bench

from conn_engine.config import load_workspace
from conn_engine.releases import ChannelMove, Release, ReleaseSource, collect, open_store
from conn_engine.releases.cohorts import Cohort
from conn_engine.releases.model import Rollout
from conn_service.rollouts import RolloutWatch
from conn_service.syncs.channel_releases import ChannelReleases
from conn_service.syncs.runner import SyncRunner

__all__ = ["find_file", "make_runner", "promote", "roll_out", "store_release"]


def find_file(bench: Bench) -> Path:
    """Return the store of the releases."""
    return bench.root.parent / "releases.sqlite3"


def store_release(bench: Bench) -> str:
    """Store the workspace as a release, and return its ID."""
    found = collect(load_workspace(bench.root))
    release = found.manifest.id
    with open_store(find_file(bench), create=True) as store:
        store.add(Release(release, "", "ada", "2026-01-01T00:00:00Z", "1", {}), found.manifest, found.blobs)
    return release


def promote(bench: Bench) -> str:
    """Let the channel serve the workspace as it is."""
    release = store_release(bench)
    with open_store(find_file(bench)) as store:
        before = store.channel("production")
        now = "2026-01-01T00:00:00Z"
        store.move(ChannelMove("production", before.revision + 1, "promote", release, before.release, "ada", now))
    return release


def roll_out(bench: Bench, source: ReleaseSource, *accounts: str) -> str:
    """Let some accounts use the workspace as it is, or only compare it. Return its release."""
    release, old = store_release(bench), source.current().release
    cohort = Cohort(accounts) if accounts else Cohort(percent=0)
    rollout = Rollout("production-2", release, cohort, "2026-01-01T00:00:00Z")
    source.move(
        lambda seen: ChannelMove("production", seen.revision + 1, "rollout", old, old, "ada", "", rollout=rollout)
    )
    return release


def make_runner(bench: Bench, source: ReleaseSource, watch: RolloutWatch | None = None) -> SyncRunner:
    """Return a worker of the channel that has just started."""
    runner = SyncRunner(bench.store, ChannelReleases(source, bench.root), environ=ENVIRON, watch=watch)
    bench.runners.append(runner)
    return runner
