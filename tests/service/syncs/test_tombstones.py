"""A record that was deleted and restored is not deleted again because the vendor still lists its deletion."""

from typing import Any

import duckdb
import pytest
from sync_bench import Bench
from vendor import Arrived

SYNC = """\
source: { connector: shop, resource: contacts, params: { since: "{{last_run_at}}" } }
emit: { event: contact.updated, type: stdout }
deletes: { by: operation, resource: contacts.gone }
changes_only: true
"""


@pytest.fixture
def gone(bench: Bench) -> list[dict[str, Any]]:
    """What the vendor lists as deleted."""
    listed: list[dict[str, Any]] = []

    def answer(arrived: Arrived) -> Any:
        return {"results": listed} if arrived.path == "/gone" else bench.contacts.answer(arrived)

    bench.arriving.answer = answer
    bench.write({"syncs/people.yaml": SYNC})
    bench.run("r0")
    return listed


def test_a_restored_record_is_deleted_again_only_if_it_is_listed_anew(bench: Bench, gone: list[dict[str, Any]]) -> None:
    gone.append({"id": 1, "deleted_at": "2026-01-01"})
    restored, bench.contacts.records = bench.contacts.records[1], []
    assert bench.run("r1").counts["deletes"] == 1
    bench.contacts.records = [restored]
    assert bench.run("r2").counts["deletes_still_listed"] == 1
    assert bench.spooled("r2")[0]["id"] == 1, "it is delivered again"
    bench.contacts.records = []
    run = bench.run("r3")
    assert (run.counts.get("deletes", 0), run.counts["deletes_repeated"]) == (0, 1)
    gone[0]["deleted_at"] = "2026-01-03"
    assert bench.run("r4").counts["deletes"] == 1
    assert bench.spooled("r4") == ["-1"]


def test_a_deletion_without_a_time_counts_each_time(bench: Bench, gone: list[dict[str, Any]]) -> None:
    gone += [{"id": 1}, {"name": "nobody"}]
    restored, bench.contacts.records = bench.contacts.records[1], []
    run = bench.run("r1")
    assert (run.counts["deletes"], run.counts["deletes_without_id"]) == (1, 1)
    bench.contacts.records = [restored]
    bench.run("r2")
    bench.contacts.records = []
    assert bench.run("r3").counts["deletes"] == 1


def test_a_reset_forgets_deletions(bench: Bench, gone: list[dict[str, Any]]) -> None:
    gone.append({"id": 1, "deleted_at": "2026-01-01"})
    bench.run("r1")
    stream = bench.store.streams.get("people", "acme")
    assert bench.store.known.find_tombstones(stream, ["1"])
    bench.store.streams.reset("people", "acme")
    assert bench.store.known.find_tombstones(stream, ["1"]) == {}


class TestListedDeletions:
    SYNC = """\
source: { connector: shop, resource: contacts }
emit: { event: contact.updated, type: stdout }
deletes: { by: record, when: record.gone }
changes_only: true
"""

    @pytest.fixture(autouse=True)
    def listed(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": self.SYNC})
        bench.contacts.records = [{"id": 1}, {"id": 2, "gone": True}, {"id": 3}, {"id": 4}, {"id": 3, "gone": True}]

    def test_a_deleted_record_is_delivered_once_as_a_deletion(self, bench: Bench) -> None:
        run = bench.run()
        assert bench.spooled() == [{"id": 1}, {"id": 3}, "-2", {"id": 4}, "-3"], "3 is deleted while it is listed"
        assert (run.report["verdict"], run.counts["records"], run.counts["deletes"]) == ("complete", 5, 2)
        again = bench.run("r2")
        assert (bench.spooled("r2"), again.counts.get("deletes", 0)) == ([{"id": 3}, "-3"], 1)

    def test_the_row_of_a_deleted_record_is_deleted(self, bench: Bench) -> None:
        rows = []
        for run_id in ("r1", "r2"):
            bench.run(run_id, settings={"to": "duckdb:p.duckdb"})
            with duckdb.connect(str(bench.root / "p.duckdb"), read_only=True) as connection:
                rows.append(connection.execute("SELECT id FROM conn.contacts ORDER BY id").fetchall())
            bench.contacts.records = [{"id": 1, "gone": True}, {"id": 2}]
        assert rows == [[(1,), (4,)], [(2,), (4,)]]

    def test_a_restored_record_is_delivered_again(self, bench: Bench) -> None:
        bench.run()
        bench.contacts.records = [{"id": 2}]
        bench.run("r2")
        assert bench.spooled("r2") == [{"id": 2}]

    def test_a_total_counts_deleted_records_too(self, bench: Bench) -> None:
        connector = bench.root / "connectors/shop/connector.yaml"
        connector.write_text(
            connector.read_text().replace("cursor_param: after", "cursor_param: after, total_field: n")
        )
        del bench.contacts.records[-1]
        bench.arriving.answer = lambda arrived: {**bench.contacts.answer(arrived), "n": 4}
        assert bench.run().report["verdict"] == "complete"

    def test_one_without_an_id_is_set_aside_and_can_be_retried(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": f"{self.SYNC}on_error: set_aside\n"})
        bench.contacts.records = [{"id": 1}, {"number": 2, "gone": True}]
        run = bench.run(settings={"to": "duckdb:p.duckdb"})
        assert (run.counts["set_aside"], run.counts.get("deletes", 0), run.report["delivered"]) == (1, 0, 1)
        (row,) = bench.store.set_aside.find(run_id=run.id)
        assert (row.stage, row.message) == ("deletes", "the deleted record has no ID")
        bench.write({"syncs/people.yaml": self.SYNC.replace("when:", "id: record.number, when:")})
        bench.runner().retry_set_aside(run.id)
        assert (bench.spooled(), bench.store.set_aside.find(run_id=run.id)) == (["-2"], [])
        counts = bench.store.get_run(run.id).counts
        assert (counts["set_aside"], counts["deletes"], counts["deleted_in_listing"]) == (0, 1, 1)
