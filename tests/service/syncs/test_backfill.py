"""A backfill reads a range of time in chunks: each is a run of its own, and the place of the sync does not move."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from sync_bench import CONNECTOR, SYNC, Bench

from conn_engine.errors import ConnError
from conn_engine.syncs import BackfillRange
from conn_service.syncs.following import build_chunk_settings
from conn_service.syncs.runner import RunOpenError
from conn_service.syncs.starting import start_requested
from conn_service.syncs.store import BACKFILL, RunRow

sys.path.append(str(Path(__file__).resolve().parents[2] / "cli"))

from transcript import conn

BY_PARAMS = (
    f'{SYNC}backfill: {{ params: {{ min: "{{{{ window.start }}}}", max: "{{{{ window.end }}}}" }}, chunk: P7D }}\n'
)
INCREMENTAL = "  incremental: { format: datetime, record_cursor: at, start_param: since, end_param: until }\n"
JANUARY = BackfillRange.read("2025-01-01", "2025-01-17", "7d")
CHUNKS = [
    ("2025-01-01T00:00:00Z", "2025-01-08T00:00:00Z"),
    ("2025-01-08T00:00:00Z", "2025-01-15T00:00:00Z"),
    ("2025-01-15T00:00:00Z", "2025-01-17T00:00:00Z"),
]


def backfill(bench: Bench, run_id: str = "people:acme:0001", backfill: BackfillRange = JANUARY, **more: Any) -> RunRow:
    """Run the first chunk."""
    settings = build_chunk_settings(backfill, 1.0, **more)
    return bench.run(run_id, cause=BACKFILL, is_full=True, settings=settings)


def finish(bench: Bench) -> list[RunRow]:
    """Run what is requested until nothing is."""
    runs = []
    while started := start_requested(runner := bench.runner(), runner._releases):
        runs += [bench.run(run_id) for run_id in started]
    return runs


def asked(bench: Bench, *names: str) -> list[tuple[str, ...]]:
    """The first request of each listing."""
    return [tuple(query[name] for name in names) for query in bench.contacts.asked if "after" not in query]


class TestRange:
    def test_the_chunks_cover_the_range(self) -> None:
        chunks = [[moment.isoformat() for moment in chunk] for chunk in JANUARY.list_chunks()]
        assert [tuple(text.replace("+00:00", "Z") for text in chunk) for chunk in chunks] == CHUNKS

    def test_months_follow_the_calendar(self) -> None:
        months = BackfillRange.read("2025-01-01", "2025-04-01", "P1M").list_chunks()
        assert [(start.month, end.month) for start, end in months] == [(1, 2), (2, 3), (3, 4)]

    @pytest.mark.parametrize(
        ("start", "end", "chunk", "message"),
        [
            ("2025-01-02", "2025-01-02", "7d", "not after"),
            ("yesterday", "2025-01-02", "7d", "not a date"),
            ("2025-01-01", "2025-01-02", "7x", "not a duration"),
            ("2025-01-01", "2025-01-02", "0d", "no length"),
            ("2025-01-01", "2026-01-01", "PT1S", "more than 10,000 chunks"),
        ],
    )
    def test_a_range_that_makes_no_sense_is_refused(self, start: str, end: str, chunk: str, message: str) -> None:
        with pytest.raises(ConnError, match=message):
            BackfillRange.read(start, end, chunk)


def test_each_chunk_is_a_run_with_the_parameters_of_its_window(bench: Bench) -> None:
    bench.write({"syncs/people.yaml": BY_PARAMS})
    runs = [backfill(bench), *finish(bench)]
    assert [run.status for run in runs] == ["complete"] * 3
    assert asked(bench, "min", "max") == CHUNKS
    assert {run.cause for run in runs} == {BACKFILL}


def test_the_incremental_of_the_operation_limits_it(bench: Bench) -> None:
    connector = CONNECTOR.format(url=bench.arriving.url).replace("    gone:", f"    {INCREMENTAL}    gone:")
    bench.write({"connectors/shop/connector.yaml": connector})
    runs = [backfill(bench), *finish(bench)]
    assert [run.status for run in runs] == ["complete"] * 3
    assert [start[:10] for start, _ in asked(bench, "since", "until")] == ["2025-01-01", "2025-01-08", "2025-01-15"]
    assert [end[:10] for _, end in asked(bench, "since", "until")] == ["2025-01-08", "2025-01-15", "2025-01-17"]
    assert bench.store.streams.get("people", "acme").state is None, "the next run does not continue from a chunk"


def test_the_place_of_the_sync_does_not_move(bench: Bench) -> None:
    bench.write({"syncs/people.yaml": BY_PARAMS})
    bench.run("people:acme:0000")
    before = bench.store.streams.get("people", "acme")
    run = backfill(bench)
    finish(bench)
    assert bench.store.streams.get("people", "acme") == before
    assert (run.report["moved"], run.since) == (False, None)


def test_a_killed_backfill_continues_at_its_page(bench: Bench) -> None:
    bench.write({"syncs/people.yaml": BY_PARAMS})
    runner = bench.runner()
    settings = build_chunk_settings(JANUARY, 1.0)
    runner.create_run("people:acme:0001", "people", "acme", cause=BACKFILL, is_full=True, settings=settings)
    for seq in range(2):
        runner.advance("people:acme:0001", seq)
    run = bench.run("people:acme:0001")
    assert (run.status, len(bench.spooled("people:acme:0001"))) == ("complete", 10)
    assert len(bench.contacts.asked) == 4, "no page is read twice"
    assert len(finish(bench)) == 2


def test_the_next_chunk_is_requested_in_the_transaction_that_ends_a_run(bench: Bench) -> None:
    bench.write({"syncs/people.yaml": BY_PARAMS})
    backfill(bench)
    first, second = bench.runner(), bench.runner()  # the worker died before it started the next run
    started = start_requested(first, first._releases)
    assert len(started) == 1
    assert start_requested(second, second._releases) == [], "another worker does not start it again"


def test_a_chunk_that_fails_ends_the_backfill_and_tells_how_to_continue(bench: Bench) -> None:
    bench.write({"syncs/people.yaml": BY_PARAMS})
    backfill(bench)
    bench.contacts.fail_at = {5: (400, {}, {})}
    [run] = finish(bench)
    assert bench.last is not None and bench.last.kind == "failed"
    runner = bench.runner()
    runner.fail(run.id, bench.last.reason)
    reason = bench.store.get_run(run.id).reason
    assert reason.endswith(
        "conn sync backfill people --account acme --from 2025-01-08T00:00:00Z --to 2025-01-17T00:00:00Z --chunk P7D"
    )
    assert start_requested(runner, runner._releases) == []


def test_a_backfill_and_other_runs_do_not_keep_each_other_from_starting(bench: Bench) -> None:
    bench.write({"syncs/people.yaml": BY_PARAMS})
    runner = bench.runner()
    settings = build_chunk_settings(JANUARY, 1.0)
    runner.create_run("people:acme:0001", "people", "acme", cause=BACKFILL, is_full=True, settings=settings)
    assert runner.create_run("people:acme:0002", "people", "acme", unless_open=True).id == "people:acme:0002"
    with pytest.raises(RunOpenError, match="people:acme:0001"):
        runner.create_run(
            "people:acme:0003", "people", "acme", cause=BACKFILL, is_full=True, settings=settings, unless_open=True
        )


def test_what_a_backfill_reads_next_to_a_sweep_is_not_deleted(bench: Bench) -> None:
    bench.write({"syncs/people.yaml": f"{BY_PARAMS}deletes: {{ by: sweep }}\n"})
    slow = bench.runner()
    settings = build_chunk_settings(JANUARY, 1.0)
    slow.create_run("people:acme:0001", "people", "acme", cause=BACKFILL, is_full=True, settings=settings)
    sweeping = bench.runner()
    sweeping.create_run("people:acme:0002", "people", "acme")
    for seq in range(5):
        sweeping.advance("people:acme:0002", seq)
    for seq in range(4):  # reads after the sweep has listed everything, and before it looks for what is gone
        slow.advance("people:acme:0001", seq)
    run = sweeping.finish("people:acme:0002")
    assert run.counts.get("deletes") is None


def test_a_backfill_deletes_nothing(bench: Bench) -> None:
    bench.write({"syncs/people.yaml": f"{BY_PARAMS}deletes: {{ by: sweep }}\n"})
    bench.run("people:acme:0000")
    bench.contacts.records = bench.contacts.records[:3]
    runs = [backfill(bench), *finish(bench)]
    assert not any(run.counts.get("deletes") for run in runs)


def test_a_backfill_passes_on_the_deletions_that_its_own_listing_has(bench: Bench) -> None:
    bench.write({"syncs/people.yaml": f"{BY_PARAMS}deletes: {{ by: record, when: record.gone }}\n"})
    bench.contacts.records = [{"id": 1, "name": "N1"}, {"id": 2, "name": "N2", "gone": True}]
    run = backfill(bench)
    assert (run.counts["deletes"], bench.spooled(run.id)) == (1, [{"id": 1, "name": "N1"}, "-2"])


class TestRefusals:
    def test_a_sync_without_parameters_for_a_range_is_refused(self, bench: Bench) -> None:
        with pytest.raises(ConnError) as caught:
            backfill(bench)
        assert "contacts.list has no parameters for it" in caught.value.message
        assert "window.start" in (caught.value.hint or "")

    def test_parameters_that_do_not_use_the_window_are_refused(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": SYNC + 'backfill: { params: { min: "{{ window.start }}" } }\n'})
        with pytest.raises(ConnError, match="every chunk would be the same"):
            backfill(bench)

    def test_a_start_without_an_end_is_no_range(self, bench: Bench) -> None:
        half = INCREMENTAL.replace(", end_param: until", "")
        connector = CONNECTOR.format(url=bench.arriving.url).replace("    gone:", f"    {half}    gone:")
        bench.write({"connectors/shop/connector.yaml": connector})
        with pytest.raises(ConnError, match="cannot be limited"):
            backfill(bench)


def test_a_destination_of_its_own_is_that_of_every_chunk(bench: Bench) -> None:
    bench.write({"syncs/people.yaml": BY_PARAMS.replace("stdout", "webhook")})
    runs = [backfill(bench, to="stdout"), *finish(bench)]
    assert [(run.status, run.settings["to"]) for run in runs] == [("complete", "stdout")] * 3


def test_a_file_is_refused_because_each_chunk_would_replace_it(bench: Bench) -> None:
    bench.write({"syncs/people.yaml": BY_PARAMS})
    with pytest.raises(ConnError, match="each chunk would replace it"):
        backfill(bench, to="file:out.jsonl")


STORE = ("--store", "../store.sqlite3")


class TestCommand:
    """`conn sync backfill`, with a worker in the same process."""

    RANGE = ("--from", "2025-01-01", "--to", "2025-01-17")

    @pytest.fixture
    def folder(self, bench: Bench) -> Path:
        bench.write({"syncs/people.yaml": BY_PARAMS})
        return bench.root

    def test_every_chunk_runs_and_is_reported(self, folder: Path, bench: Bench) -> None:
        done = conn(folder, "sync", "backfill", "people", *self.RANGE, "--format", "json=runs.json")
        assert done.code == 0, done.err
        runs = json.loads((folder / "runs.json").read_text())["runs"]
        assert [(run["status"], run["cause"], run["counts"]["records"]) for run in runs] == [
            ("complete", BACKFILL, 10)
        ] * 3
        assert asked(bench, "min", "max") == CHUNKS
        assert len(done.out.splitlines()) == 30

    def test_the_plan_sends_nothing(self, folder: Path, bench: Bench) -> None:
        done = conn(folder, "sync", "backfill", "people", *self.RANGE, "--plan")
        assert done.out.splitlines() == [
            "people: 3 chunks, each a run; nothing was requested",
            "  2025-01-01T00:00:00.000Z to 2025-01-08T00:00:00.000Z",
            "  2025-01-08T00:00:00.000Z to 2025-01-15T00:00:00.000Z",
            "  2025-01-15T00:00:00.000Z to 2025-01-17T00:00:00.000Z",
            "acme: contacts.list with min={{ window.start }}, max={{ window.end }}: at least 3 requests",
        ]
        assert bench.contacts.asked == []

    def test_the_plan_estimates_from_earlier_backfills(self, folder: Path, bench: Bench) -> None:
        backfill(bench)  # 4 pages for 7 days
        done = conn(
            folder, "sync", "backfill", "people", "--from", "2024-01-01", "--to", "2024-01-29", "--plan", *STORE
        )
        assert done.out.endswith(": about 16 requests, as in earlier backfills\n")

    def test_a_sync_without_a_range_is_refused_with_a_fix(self, folder: Path, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": SYNC})
        done = conn(folder, "sync", "backfill", "people", *self.RANGE)
        assert (done.code, bench.contacts.asked) == (3, [])
        assert "has no parameters for it" in done.err
        assert 'backfill: { params: { updated_after: "{{ window.start }}"' in " ".join(done.err.split())
