"""Pages that runs of syncs read take part in a rollout: counted, compared on the same answers, and able to halt it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sync_bench import SYNC, Bench
from sync_channel import find_file, make_runner, promote, roll_out

from conn_engine.analysis.impact.live import LiveEvaluation
from conn_engine.releases import ReleaseSource, open_store
from conn_engine.releases.rollout_counts import CallCounts
from conn_service.rollouts import RolloutStore, RolloutWatch
from conn_service.syncs.channel_releases import ChannelReleases, watch_rollouts
from conn_service.syncs.folders import FolderReleases
from conn_service.syncs.runner import SyncRunner

SETTINGS = "rollout: { compare: 1, min_calls: 3, max_failed: 0.25, max_missing: 0.25 }\n"
CRM = """\
resources:
  contacts:
    list: { resource: contacts, response_mapping: { id: $string(response.id), first_name: response.name } }
"""
PEOPLE = SYNC.replace("resource: contacts", "resource: crm.contacts").replace("record.name", "record.first_name")
UNIFIED = "connectors/shop/unified/crm.yaml"
LIST = "crm.contacts.list"


@pytest.fixture
def bench(bench: Bench) -> Bench:
    """A sync of a unified resource, of which every page is compared: ten records on four pages."""
    settings = (bench.root / "conn.yaml").read_text()
    bench.write({"conn.yaml": settings + SETTINGS, UNIFIED: CRM, "syncs/people.yaml": PEOPLE})
    return bench


@pytest.fixture
def watch(bench: Bench, source: ReleaseSource) -> Iterator[RolloutWatch]:
    releases = ChannelReleases(source, bench.root)
    made = watch_rollouts(bench.store.engine, releases, releases, LiveEvaluation())
    assert made is not None
    yield made
    made.close()


@pytest.fixture
def runner(bench: Bench, source: ReleaseSource, watch: RolloutWatch) -> SyncRunner:
    return make_runner(bench, source, watch)


def change(bench: Bench, first_name: str) -> None:
    """Change the mapping of the field."""
    bench.write({UNIFIED: CRM.replace("response.name", json.dumps(first_name))})


def count(bench: Bench, watch: RolloutWatch) -> tuple[CallCounts, CallCounts]:
    """Return what was counted of the members and of the others."""
    watch.settle()
    found = RolloutStore(bench.store.engine).count("production-2", "2026-01-01T00:00:00Z")
    return found.members, found.others


def list_differences(bench: Bench) -> list[Any]:
    rows = RolloutStore(bench.store.engine).list_differences("production-2")
    return [(row.account, row.operation, row.field, row.kind, row.calls, row.records, row.ids) for row in rows]


def read_database(bench: Bench) -> bytes:
    """Return what the store has of the rollout."""
    with bench.store.engine.connect() as connection:
        tables = ("conn_rollout_call", "conn_rollout_difference")
        return repr([connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in tables]).encode()


def test_a_shadow_compares_the_pages_of_a_run_without_a_request(
    bench: Bench, source: ReleaseSource, watch: RolloutWatch, runner: SyncRunner
) -> None:
    change(bench, "response.id = 4 ? 'Zed' : response.id > 6 ? null : response.name")
    roll_out(bench, source)
    assert bench.run(runner=runner).status == "complete"
    assert [row["name"] for row in bench.spooled()] == [f"N{number}" for number in range(10)]
    assert len(bench.contacts.asked) == 4
    assert count(bench, watch) == (CallCounts(), CallCounts(calls=4, compared=4, missing=2))
    assert list_differences(bench) == [
        ("acme", LIST, "first_name", "missing", 2, 3, ["7", "8", "9"]),
        ("acme", LIST, "first_name", "value_changed", 1, 1, ["4"]),
    ]
    assert b"Zed" not in read_database(bench) and b"N4" not in read_database(bench)


def test_too_much_that_is_missing_halts_the_rollout_and_the_run_keeps_its_release(
    bench: Bench, source: ReleaseSource, watch: RolloutWatch, runner: SyncRunner
) -> None:
    change(bench, "response.gone")
    newer = roll_out(bench, source, "acme")
    run = runner.create_run("r1", "people", "acme")
    for seq in range(3):
        runner.advance("r1", run.seq + seq)
    assert count(bench, watch)[0] == CallCounts(calls=3, compared=3, missing=3)
    assert source.current().workspace.of_account("acme").release != newer
    with open_store(find_file(bench)) as store:
        move = store.history("production")[0]
    assert (move.kind, move.done_by) == ("halt", "conn sync work")
    assert move.reason == "100.0% of 3 compared calls now miss something: more than 25.0%"
    assert bench.run("r1", runner=runner).status == "complete"
    assert bench.store.get_run("r1").release == newer
    assert all("name" not in row for row in bench.spooled())
    assert count(bench, watch)[0].calls == 3  # the rollout is not on any more


def test_pages_that_fail_are_counted(
    bench: Bench, source: ReleaseSource, watch: RolloutWatch, runner: SyncRunner
) -> None:
    change(bench, "response.name & '!'")
    roll_out(bench, source, "acme")
    bench.contacts.fail_at = {2: (403, {})}
    bench.run(runner=runner)
    members, _ = count(bench, watch)
    assert (members.calls, members.failed) == (2, 0)  # the vendor refuses the request, whatever the release
    bench.write({UNIFIED: CRM.replace("list: {", "list: { on_error: fail,").replace("response.name", "$error('no')")})
    roll_out(bench, source, "acme")
    bench.run("r2", runner=runner)
    members, _ = count(bench, watch)
    assert (members.calls, members.failed, members.missing) == (3, 1, 1)


def test_another_request_is_not_compared(
    bench: Bench, source: ReleaseSource, watch: RolloutWatch, runner: SyncRunner
) -> None:
    path = bench.root / "connectors/shop/connector.yaml"
    path.write_text(path.read_text().replace("path: /contacts", "path: /persons", 1))
    roll_out(bench, source)
    assert bench.run(runner=runner).status == "complete"
    assert count(bench, watch)[1] == CallCounts(calls=4, different=4)
    assert [row[2] for row in list_differences(bench)] == ["different request: cannot be compared"]


def test_a_page_that_cannot_be_read_by_itself_is_only_counted(
    bench: Bench, source: ReleaseSource, watch: RolloutWatch, runner: SyncRunner
) -> None:
    before = "before: [{ name: all, request: { resource: companies, method: list } }]"
    mapping = CRM.replace("list: {", f"list: {{ {before},")
    bench.write({UNIFIED: mapping})
    promote(bench)
    bench.write({UNIFIED: mapping.replace("response.name", "response.name & '!'")})
    roll_out(bench, source)
    assert bench.run(runner=runner).status == "complete"
    assert count(bench, watch)[1] == CallCounts(calls=4, compared=1)
    assert len(bench.contacts.asked) == 5


def test_a_run_of_an_earlier_release_is_left_out(
    bench: Bench, source: ReleaseSource, watch: RolloutWatch, runner: SyncRunner
) -> None:
    run = runner.create_run("r1", "people", "acme")
    runner.advance("r1", run.seq)
    change(bench, "response.name & '?'")
    promote(bench)
    change(bench, "response.name & '!'")
    roll_out(bench, source)
    assert bench.run("r1", runner=runner).status == "complete"
    assert count(bench, watch) == (CallCounts(), CallCounts())
    bench.run("r2", runner=runner, is_full=True)
    assert count(bench, watch)[1].compared == 4


def test_what_waits_at_the_end_is_counted_as_dropped(
    bench: Bench, source: ReleaseSource, watch: RolloutWatch, runner: SyncRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(bench, "response.name & '!'")
    roll_out(bench, source)
    monkeypatch.setattr(watch, "_run", lambda: None)  # a thread that compares nothing
    watch._waiting.maxsize = 3
    assert bench.run(runner=runner).status == "complete"
    watch.close()
    found = RolloutStore(bench.store.engine).count("production-2", "2026-01-01T00:00:00Z")
    assert found.others == CallCounts(calls=4, dropped=4)


def test_a_folder_has_nothing_to_watch(bench: Bench, tmp_path: Path) -> None:
    releases = FolderReleases(tmp_path)
    assert watch_rollouts(bench.store.engine, releases, releases, LiveEvaluation()) is None
