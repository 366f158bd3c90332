"""Tables are loaded in a process of its own: it may be killed, hang, and must not outlive its worker."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import launching
import pytest
from dlt.common.normalizers.naming.snake_case import NamingConvention
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sync_bench import Bench

from conn_engine.releases.store_location import StoreLocation
from conn_service.store import DEFAULT_FILE, open_engine
from conn_service.syncs.destinations import loads
from conn_service.syncs.loading import dlt_tables, duckdb_tables
from conn_service.syncs.loading.column_names import normalize_name
from conn_service.syncs.loading.failures import LoadFailedError, describe_failure
from conn_service.syncs.loading.messages import LoadRequest, LoadRow, decode_reply, encode_message
from conn_service.syncs.loading.rows import gather_rows
from conn_service.syncs.loading.worker import receive_load
from conn_service.syncs.store import SyncStore

SECRET = "hunter22"
VARIABLE = "DESTINATION__SQLALCHEMY__CREDENTIALS"


@dataclass
class Silent:
    """A server of a database that accepts connections and never answers. `asked` is set when one is waiting, `left`
    when its client is gone."""

    address: str
    asked: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)


@contextmanager
def start_silent_server() -> Iterator[Silent]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = Silent(f"postgresql+psycopg://ada:{SECRET}@127.0.0.1:{listener.getsockname()[1]}/crm")

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1000)
                    silent.asked.set()
                    while connection.recv(1000):
                        pass
                    silent.left.set()

        thread = threading.Thread(target=serve)
        thread.start()
        yield silent
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Silent]:
    with start_silent_server() as server:
        monkeypatch.setenv(VARIABLE, server.address)
        yield server


def read_argv_of_children(pid: int) -> list[str]:
    children = " ".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))
    return [Path(f"/proc/{child}/cmdline").read_text() for child in children.split()]


class TestProcesses:
    def test_a_load_that_hangs_is_ended(self, bench: Bench, silent: Silent, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(loads, "_SECONDS", 0.5)
        run = bench.run(settings={"to": "dlt:sqlalchemy"})
        assert (run.status, bench.store.spool.count("r1")) == ("delivering", 10), "nothing is lost"
        assert run.reason.startswith("the destination did not take 10 records within ")
        assert bench.delivered is not None and (bench.delivered.kind, bench.delivered.seconds) == ("wait", 60)
        assert bench.runners[0].loads.busy == ()

    @pytest.mark.slow
    def test_a_process_that_is_killed_loses_nothing(
        self, bench: Bench, silent: Silent, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        runner = bench.runner()
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(bench.run, runner=runner, settings={"to": "dlt:sqlalchemy"})
            assert silent.asked.wait(60)
            os.kill(runner.loads.busy[0], signal.SIGKILL)
            run = running.result(60)
        assert (run.status, run.reason) == ("delivering", "the process that loads the records ended unexpectedly")
        monkeypatch.setenv(VARIABLE, f"sqlite:///{bench.root}/crm.sqlite3")
        done = bench.run()
        assert (done.status, done.report["delivered"], bench.store.spool.count("r1")) == ("complete", 10, 0)

    @pytest.mark.slow
    @pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
    def test_no_process_outlives_its_worker(self, bench: Bench, silent: Silent, ending: signal.Signals) -> None:
        """Not even during a load, whose credentials nobody sees in the list of processes."""
        command = [sys.executable, "-m", "conn_cli.main", "-C", str(bench.root), "sync", "run", "people"]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with launching.start(
            [*command, "--to", "dlt:sqlalchemy"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as parent:
            assert silent.asked.wait(60)
            (argv,) = read_argv_of_children(parent.pid)
            assert "loading.worker" in argv and SECRET not in argv
            parent.send_signal(ending)
            assert silent.left.wait(30), "the connection is closed with its process"
            output = parent.communicate(timeout=60)[0].decode()
        assert SECRET not in output
        engine = open_engine(StoreLocation(file=bench.root / DEFAULT_FILE))
        (run,) = SyncStore(engine).find_runs()
        assert (run.status, SyncStore(engine).spool.count(run.id)) == ("delivering", 10), "nothing is lost"
        engine.dispose()

    def test_a_file_gets_one_load_at_a_time(self, bench: Bench) -> None:
        """Each is in a process of its own, and DuckDB locks the file for one."""
        runner, runs = bench.runner(), ["r1", "r2", "r3"]
        for name in runs:
            runner.create_run(name, "people", "acme", settings={"to": "duckdb:people.duckdb"})
            while (done := runner.advance(name, bench.store.get_run(name).seq)).kind == "page":
                pass
            assert done.kind == "end" and runner.finish(name).status == "delivering"
        with ThreadPoolExecutor(3) as pool:
            assert [done.kind for done in pool.map(runner.deliver, runs)] == ["end"] * 3

    def test_one_ends_when_there_is_nothing_to_do(self) -> None:
        program = (
            "from multiprocessing.connection import Pipe\n"
            "from conn_service.syncs.loading import worker\n"
            "worker._IDLE_SECONDS = 0.1\n"
            "ours, theirs = Pipe()\n"
            "worker.serve(theirs.fileno(), 'duckdb')\n"
        )
        environ = {"PYTHONPATH": os.pathsep.join(sys.path)}
        launching.run([sys.executable, "-c", program], check=True, timeout=60, env=environ)


def load(file: Path, *records: str, number: int = 1, kind: Any = "duckdb") -> None:
    """Load records, as JSON, whose keys are numbers."""
    request = LoadRequest(
        kind=kind, to=kind, dataset="crm", table="people", pipeline="p", run_id="r1", folder=f"{file}.load"
    )
    rows = [LoadRow(str(number + n), number + n, False, record) for n, record in enumerate(records)]
    table = gather_rows([encode_message(rows)])
    if kind == "dlt":
        dlt_tables.load_table(replace(request, to="duckdb"), table)
    else:
        duckdb_tables.load_table(replace(request, to=str(file)), table)


def read_table(file: Path, names: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the types of columns, and their values in the order of the keys."""
    with duckdb.connect(str(file), read_only=True) as connection:
        relation = connection.sql(f"select {names} from crm.people order by _key")
        return [str(one) for one in relation.types], relation.fetchall()


class TestColumns:
    NAMES = "id, full_name, size, is_new, nothing, more, _key, _seq, _deleted"
    RECORD = '{"id": 7, "fullName": "Ada", "size": 1.5, "Is New": true, "nothing": null, "more": {"a": [1]}}'

    def test_a_table_of_dlt_is_continued_and_another_one_is_like_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{tmp_path}/dlt.duckdb")
        for kind in ("dlt", "duckdb"):
            load(tmp_path / f"{kind}.duckdb", self.RECORD, self.RECORD, kind=kind)
        first, second = (read_table(tmp_path / f"{kind}.duckdb", self.NAMES) for kind in ("dlt", "duckdb"))
        assert first == second
        for kind in ("dlt", "duckdb"):
            load(tmp_path / f"{kind}.duckdb", '{"id": 8, "size": 9007199254740993, "extra": 1}', number=2)
        names = f"{self.NAMES}, extra"
        types, rows = read_table(tmp_path / "dlt.duckdb", names)
        assert (types, rows) == read_table(tmp_path / "duckdb.duckdb", names)
        assert [row[:3] for row in rows] == [(7, "Ada", "1.5"), (8, None, "9007199254740993")]

    @pytest.mark.parametrize(
        ("before", "after", "kind", "values"),
        [
            ("1", "1.5", "DOUBLE", [1.0, 1.5]),
            ("1.5", "1", "DOUBLE", [1.5, 1.0]),
            ("9007199254740993", "1.5", "VARCHAR", ["9007199254740993", "1.5"]),
            ("1", '"five"', "VARCHAR", ["1", "five"]),
            ("true", "3", "VARCHAR", ["true", "3"]),
            ("1", "null", "BIGINT", [1, None]),
            ('"a"', "2", "VARCHAR", ["a", "2"]),
            ("null", "2", "VARCHAR", [None, "2"]),
        ],
    )
    def test_no_value_is_changed_to_fit_a_column(
        self, tmp_path: Path, before: str, after: str, kind: str, values: list[Any]
    ) -> None:
        file = tmp_path / "table.duckdb"
        for number, value in enumerate((before, after), 1):
            load(file, f'{{"size": {value}}}', number=number)
        assert read_table(file, "size") == ([kind], [(value,) for value in values])

    def test_a_column_of_somebody_else_takes_what_it_can(self, tmp_path: Path) -> None:
        file = tmp_path / "table.duckdb"
        load(file, '{"day": "2026-01-02"}')
        with duckdb.connect(str(file)) as connection:
            connection.execute("alter table crm.people alter day type date")
        load(file, '{"day": "2026-01-03"}', number=2)
        assert read_table(file, "day::varchar")[1] == [("2026-01-02",), ("2026-01-03",)]
        with pytest.raises(LoadFailedError, match="does not take the records: Conversion Error"):
            load(file, '{"day": "soon"}', number=3)
        assert len(read_table(file, "day")[1]) == 2

    @pytest.mark.parametrize("name", ["os.path.join", "__builtins__", "impl", "destination"])
    def test_the_name_of_a_destination_is_not_code(self, name: str) -> None:
        request = LoadRequest(kind="dlt", to=name, dataset="crm", table="people", pipeline="p", run_id="r1")
        with pytest.raises(LoadFailedError, match="dlt has no destination"):
            dlt_tables.load_table(request, gather_rows([]))

    def test_two_fields_of_one_column_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(LoadFailedError) as caught:
            load(tmp_path / "table.duckdb", '{"Name": 1, "name": 2}')
        assert caught.value.reply.message == 'the fields "Name" and "name" are one column, "name"'

    @given(st.text() | st.text("aB1_ +é"))
    def test_names_are_those_of_dlt(self, name: str) -> None:
        try:
            expected = NamingConvention().normalize_path(name)
        except ValueError:
            expected = ""
        assert normalize_name(name) == (expected or "x")


class TestFailures:
    def test_an_address_in_an_error_has_no_password(self) -> None:
        reply = describe_failure(f"cannot reach mongodb://ada:{SECRET}@db.test/crm", "r1", passing="")
        assert reply.message.endswith("cannot reach mongodb://db.test/crm")

    def test_what_nobody_expected_has_no_values(self) -> None:
        messages = iter([b"the record with a secret", b"more"])
        assert decode_reply(receive_load(messages)()).message.startswith("internal error: ")
        assert list(messages) == [], "the process can take the next request"

    def test_a_library_that_is_missing_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "conn_service.syncs.loading.rows", None)
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        monkeypatch.delitem(sys.modules, "conn_service.syncs.loading.rows")
        reply = decode_reply(receive_load(iter([]))())
        assert (reply.fault, reply.message) == ("missing", "tables need pyarrow, which is not installed")
