"""Files and tables: complete or not at all, the newest record of a key, and what is deleted is gone."""

import csv
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import launching
import pytest
from pyarrow import parquet
from sync_bench import SYNC, Bench

from conn_engine.errors import ConfigurationError
from conn_service.syncs.destinations import loads
from conn_service.syncs.loading.columns import build_table, find_columns
from conn_service.syncs.store import RunRow


def run_to(bench: Bench, to: str, run_id: str = "r1", **more: Any) -> RunRow:
    settings = {"to": to}
    return bench.run(run_id, settings=settings, **more)


def rows_of(file: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(query).fetchall()


class TestFiles:
    def test_json_lines(self, bench: Bench) -> None:
        run = run_to(bench, "file:out/people.jsonl")
        lines = (bench.root / "out/people.jsonl").read_text().splitlines()
        assert [json.loads(line)["id"] for line in lines] == list(range(10))
        assert (run.status, run.report["delivered"]) == ("complete", 10)
        assert bench.store.spool.count("r1") == 0

    def test_csv_has_the_columns_of_all_records_and_no_formulas(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": SYNC.replace("{ id: record.id, name: record.name }", "$.results")})
        bench.contacts.records[3] = {"id": 3, "name": "=cmd()", "tags": ["a", {"b": 1}], "more": None}
        run_to(bench, "file:people.csv")
        with (bench.root / "people.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == ["id", "name", "tags", "more"]
        assert (rows[3]["name"], rows[3]["tags"]) == ("'=cmd()", '["a", {"b": 1}]')

    def test_parquet_has_one_type_per_column(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": SYNC.replace("{ id: record.id, name: record.name }", "$.results")})
        bench.contacts.records[3] = {"id": 3, "name": 7, "size": 1.5}
        bench.contacts.records[4]["size"] = 2**70
        run_to(bench, "file:people.parquet")
        table = parquet.read_table(bench.root / "people.parquet").to_pylist()
        assert [row["id"] for row in table] == list(range(10))
        assert (table[3]["name"], table[3]["size"], table[4]["size"]) == ("7", "1.5", str(2**70))

    def test_a_folder_gets_a_file_per_run(self, bench: Bench) -> None:
        run_to(bench, "file:out/", "r1")
        run_to(bench, "file:out/", "r2")
        assert sorted(path.name for path in (bench.root / "out").iterdir()) == ["r1.jsonl", "r2.jsonl"]

    def test_a_run_of_changes_does_not_replace_a_file(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": f"{SYNC}changes_only: true\n"})
        run = run_to(bench, "file:people.jsonl")
        assert run.status == "undelivered"
        assert "would lose the rest" in run.reason
        assert bench.store.spool.count("r1") == 10, "nothing is lost"

    def test_a_file_that_cannot_be_written_is_tried_again(self, bench: Bench) -> None:
        (bench.root / "out").write_text("a file, not a folder")
        run = run_to(bench, "file:out/people.jsonl")
        assert run.status == "delivering" and bench.delivered is not None
        assert bench.delivered.kind == "wait"
        (bench.root / "out").unlink()
        assert bench.run(settings={}).status == "complete"
        assert sorted(path.name for path in (bench.root / "out").iterdir()) == ["people.jsonl"]

    def test_a_file_outside_of_the_workspace_is_refused(self, bench: Bench) -> None:
        run = run_to(bench, "file:../people.jsonl")
        assert run.status == "undelivered" and "out of the workspace" in run.reason

    def test_an_unknown_format_is_refused_before_anything_is_read(self, bench: Bench) -> None:
        with pytest.raises(ConfigurationError, match="no known format"):
            run_to(bench, "file:people.xls")
        assert bench.contacts.asked == []

    @pytest.mark.parametrize(
        "url", ["http://169.254.169.254/latest/a.jsonl", "https://10.0.0.1/a.jsonl", "memory:///a.jsonl"]
    )
    def test_a_web_server_is_no_object_storage(self, bench: Bench, url: str) -> None:
        run = run_to(bench, f"file:{url}")
        assert run.status == "undelivered" and "not object storage" in run.reason
        assert "s3://bucket/folder" in run.report["hint"]
        assert bench.store.spool.count(run.id) == 10, "nothing is lost"

    def test_object_storage(self, bench: Bench, tmp_path: Path) -> None:
        (tmp_path / "bucket").mkdir()
        run = run_to(bench, f"file:file://{tmp_path}/bucket/people.jsonl")
        assert run.status == "complete"
        assert len((tmp_path / "bucket/people.jsonl").read_text().splitlines()) == 10


class TestTables:
    QUERY = "select id, name from conn.contacts order by id"

    def test_duckdb_merges_by_key(self, bench: Bench) -> None:
        run = run_to(bench, "duckdb:people.duckdb")
        assert (run.status, run.report["delivered"]) == ("complete", 10)
        bench.contacts.records[3]["name"] = "new"
        bench.contacts.records.append({"id": 10, "name": "N10"})
        run_to(bench, "duckdb:people.duckdb", "r2")
        rows = rows_of(bench.root / "people.duckdb", self.QUERY)
        assert len(rows) == 11
        assert (rows[3], rows[10]) == ((3, "new"), (10, "N10"))

    def test_a_large_run_is_loaded_in_batches(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """A load is in memory: one of all records would take as much as they are."""
        monkeypatch.setattr(loads, "_BATCH", 6)
        bench.contacts.records[9] = {"id": 0, "name": "again"}  # the newest, in another batch
        runner = bench.runner()
        run = run_to(bench, "duckdb:people.duckdb", runner=runner)
        assert run.report["delivered"] == 10
        rows = rows_of(bench.root / "people.duckdb", self.QUERY)
        assert [row[0] for row in rows] == list(range(9)) and rows[0] == (0, "again")

    def test_deleted_records_are_removed_and_new_fields_are_columns(self, bench: Bench) -> None:
        text = SYNC.replace("{ id: record.id, name: record.name }", "$.results")
        bench.write({"syncs/people.yaml": f"{text}deletes: {{ by: sweep }}\n"})
        run_to(bench, "duckdb:people.duckdb")
        del bench.contacts.records[2]
        bench.contacts.records[0]["custom"] = {"score": 3}
        run_to(bench, "duckdb:people.duckdb", "r2")
        rows = rows_of(bench.root / "people.duckdb", "select id, custom from conn.contacts order by id")
        assert [row[0] for row in rows] == [0, 1, 3, 4, 5, 6, 7, 8, 9]
        assert json.loads(rows[0][1]) == {"score": 3}

    def test_a_file_that_another_process_has_open_is_tried_again(self, bench: Bench) -> None:
        file = bench.root / "people.duckdb"
        code = f"import duckdb, sys; c = duckdb.connect({str(file)!r}); print(1, flush=True); sys.stdin.read()"
        with launching.start(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as holder:
            assert holder.stdout is not None and holder.stdout.readline()
            run = run_to(bench, "duckdb:people.duckdb")
            assert run.status == "delivering" and "lock" in run.reason.lower()
            holder.communicate()
        assert bench.run(settings={}).status == "complete"
        assert len(rows_of(file, self.QUERY)) == 10

    def test_a_database_that_does_not_respond_is_tried_again(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            address = f"postgresql+psycopg://ada:hunter22@127.0.0.1:{closed.getsockname()[1]}/crm"
            monkeypatch.setenv("DESTINATION__SQLALCHEMY__CREDENTIALS", address)
            run = run_to(bench, "dlt:sqlalchemy")
        assert (run.status, bench.store.spool.count("r1")) == ("delivering", 10), "nothing is lost"
        assert "Connection refused" in run.reason and "hunter22" not in run.reason
        assert bench.delivered is not None and bench.delivered.seconds == 60
        monkeypatch.setenv("DESTINATION__SQLALCHEMY__CREDENTIALS", f"sqlite:///{bench.root}/crm.sqlite3")
        done = bench.run()
        assert (done.status, done.report["delivered"], bench.store.spool.count("r1")) == ("complete", 10, 0)

    def test_what_a_destination_lacks_is_named(self, bench: Bench) -> None:
        runner = bench.runner()
        fixes = {
            "dlt:sqlalchemy": "set the variable DESTINATION__SQLALCHEMY__CREDENTIALS",
            "dlt:weaviate": "pip install 'dlt[weaviate]'",
            "dlt:postgras": 'did you mean "postgres"?',
        }
        for number, (to, fix) in enumerate(fixes.items()):
            run = run_to(bench, to, f"r{number}", runner=runner)
            assert (run.status, bench.store.spool.count(run.id)) == ("undelivered", 10), "nothing is lost"
            assert fix in run.report["hint"]
            assert to == "dlt:postgras" or run.report["hint"].endswith(f"conn sync retry r{number}")

    def test_a_delivery_that_is_repeated_changes_nothing(self, bench: Bench) -> None:
        run_to(bench, "duckdb:people.duckdb")
        again = run_to(bench, "duckdb:people.duckdb", "r2")
        assert again.status == "complete"
        assert len(rows_of(bench.root / "people.duckdb", self.QUERY)) == 10


class TestHostileValues:
    def test_large_integers_next_to_floats_are_text(self) -> None:
        rows = [{"size": 2**53 + 1, "id": 2**62}, {"size": 1.5, "id": 1}]
        table = build_table(rows, find_columns(rows))
        assert table.to_pylist() == [{"size": str(2**53 + 1), "id": 2**62}, {"size": "1.5", "id": 1}]

    @pytest.mark.parametrize("to", ["duckdb:../d.duckdb", "file:../d.jsonl", "file:out/../../d.csv"])
    def test_a_relative_path_stays_in_the_workspace(self, bench: Bench, to: str) -> None:
        run = run_to(bench, to)
        assert run.status == "undelivered" and "leads out of the workspace" in run.reason
        assert [path.name for path in bench.root.parent.iterdir() if path.name.startswith("d.")] == []

    def test_the_header_of_a_csv_has_no_formulas(self, bench: Bench) -> None:
        bench.write({"syncs/people.yaml": SYNC.replace("{ id: record.id, name: record.name }", "$.results")})
        bench.contacts.records = [{"id": 1, "=cmd()": 2}]
        run_to(bench, "file:people.csv")
        assert (bench.root / "people.csv").read_text().splitlines() == ["id,'=cmd()", "1,2"]

    def test_an_unexpected_error_is_a_state(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        def break_(*_: Any) -> int:
            raise ValueError("the record with a secret")

        monkeypatch.setattr("conn_service.syncs.delivering.deliver_spooled", break_)
        run = run_to(bench, "file:people.csv")
        assert (run.status, run.reason) == ("undelivered", "internal error: ValueError")
        assert bench.store.spool.count("r1") == 10
