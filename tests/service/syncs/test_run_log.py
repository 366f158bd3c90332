"""The log of a run: a line for each page, each wait and each end, without values of records and without secrets."""

import sqlite3
from pathlib import Path

import pytest
from sync_bench import Bench, Releases

from conn_engine.config import load_workspace
from conn_engine.releases.store_location import StoreLocation
from conn_engine.runtime.wiring import vault_of
from conn_service.store import open_engine
from conn_service.syncs.run_log import read_log
from conn_service.syncs.runner import SyncRunner
from conn_service.syncs.store import SyncStore, pages

FAILING = """\
source: { connector: shop, resource: contacts }
transform: { id: record.id, name: $number(record.name) }
on_error: %s
emit: { event: contact.updated, type: stdout }
"""


def read_lines(bench: Bench, run_id: str = "r1") -> list[tuple[int, str, str]]:
    return [(line.seq, line.kind, line.text) for line in read_log(bench.store.engine, run_id)]


def test_each_page_and_each_wait_has_a_line(bench: Bench) -> None:
    bench.contacts.fail_at = {3: (429, {"Retry-After": "90"}, {})}
    assert bench.run().status == "waiting"
    bench.run()
    lines = read_lines(bench)
    assert lines[0] == (0, "start", "started (manual): reads everything")
    assert [line for line in lines if line[1] == "page"] == [
        (1, "page", "3 records"),
        (2, "page", "3 records"),
        (3, "page", "3 records"),
        (4, "page", "1 record"),
    ]
    waits = [line for line in lines if line[2].startswith("waiting")]
    assert len(waits) == 1 and waits[0][0] == 2 and "429" in waits[0][2]
    assert (2, "open", "opened again after 2 stored pages") in lines
    assert lines[-1][1:] == ("end", "delivered: complete")


def test_a_run_knows_when_its_wait_ends(bench: Bench) -> None:
    bench.contacts.fail_at = {2: (429, {"Retry-After": "90"}, {})}
    run = bench.run()
    assert run.resumes_at is not None and 80 < run.resumes_at - run.began < 100
    assert bench.run().resumes_at is None


def test_waiting_for_a_login_is_one_line_however_often_it_is_tried(bench: Bench) -> None:
    bench.contacts.fail_at = dict.fromkeys((2, 3, 4), (401, {}, {}))
    for _ in range(3):
        assert bench.run().status == "login"
    assert sum(text.startswith("login:") for _, _, text in read_lines(bench)) == 1


def test_the_line_of_a_page_is_stored_with_the_page(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = bench.runner()
    run = runner.create_run("r1", "people", "acme")
    monkeypatch.setattr(pages, "build_known", lambda *_: 1 / 0)
    assert runner.advance("r1", run.seq).kind == "failed"
    assert not [line for line in read_lines(bench) if line[1] == "page"]
    assert read_lines(bench)[-1][2] == "fails: internal error: ZeroDivisionError"


@pytest.mark.parametrize("policy", ["stop", "set_aside", "skip"])
def test_no_line_has_a_value_of_a_record(bench: Bench, policy: str) -> None:
    bench.contacts.records = [{"id": "key-of-ada", "name": "ada@example.com"}, {"id": 2, "name": "7"}]
    bench.write({"syncs/people.yaml": FAILING % policy})
    runner = bench.runner()
    bench.run(runner=runner)
    if policy == "stop":
        assert bench.last is not None and "ada@example.com" in bench.last.reason
        runner.fail("r1", bench.last.reason)
    text = "\n".join(line[2] for line in read_lines(bench))
    assert "ada" not in text
    assert {"stop": "fails: transform fails for a record", "set_aside": "1 set aside", "skip": "1 skipped"}[
        policy
    ] in text


def test_a_secret_that_the_vendor_repeats_is_not_stored(bench: Bench, tmp_path: Path) -> None:
    path = bench.root / "connectors/shop/connector.yaml"
    path.write_text(
        path.read_text() + "credentials: { format: bearer }\nauthorization: { format: bearer }\n"
        "errors:\n"
        "  - { when: status = 429, then: { rate_limited: { wait: '90', message: body.message } } }\n"
        "  - { when: status = 400, then: { fail: { kind: invalid_request, message: body.message } } }\n"
    )
    environ = {"CONN_STATE_DIR": str(tmp_path / "state"), "CONN_VAULT_KEY": "k" * 40, "CONN_NO_KEYRING": "1"}
    (tmp_path / "state").mkdir(mode=0o700)
    vault_of(load_workspace(bench.root), environ).save("acme", {"token": "tok-5f1e9c-secret"})
    runner = SyncRunner(bench.store, Releases(bench.root), environ=environ)
    bench.runners.append(runner)
    answers = [429, 400]
    bench.contacts.fail_at = {
        n: (status, {}, {"message": "no tok-5f1e9c-secret"}) for n, status in enumerate(answers, 1)
    }
    for _ in answers:
        bench.run(runner=runner)
        run = bench.store.get_run("r1")
        assert bench.last is not None and "[redacted]" in bench.last.reason
        assert "tok-5f1e9c" not in bench.last.reason + run.reason
    assert len(bench.contacts.asked) == len(answers)
    assert "tok-5f1e9c" not in "".join(line[2] for line in read_lines(bench))
    assert all(b"tok-5f1e9c" not in file.read_bytes() for file in tmp_path.glob("store.sqlite3*"))


def test_a_log_is_read_from_a_line_on(bench: Bench) -> None:
    bench.run()
    every = read_log(bench.store.engine, "r1")
    assert read_log(bench.store.engine, "r1", after=every[1].number, limit=2) == every[2:4]


def test_the_log_of_an_old_run_is_removed(bench: Bench) -> None:
    bench.run()
    runner = bench.runner()
    runner.create_run("r2", "people", "acme")
    runner.fail("r2", "it never began")
    bench.store.clear_ended_runs(bench.store.get_run("r2").began + 100)
    assert read_lines(bench) == [] == read_lines(bench, "r2")


def test_a_store_from_before_there_were_logs_is_upgraded(bench: Bench, tmp_path: Path) -> None:
    bench.run()
    bench.store.engine.dispose()
    with sqlite3.connect(tmp_path / "store.sqlite3") as before:
        before.execute("DROP TABLE conn_sync_log")
        before.execute("ALTER TABLE conn_sync_run DROP COLUMN resumes_at")
        before.execute("UPDATE conn_service_format SET format = 1 WHERE part = 'syncs'")
    before.close()
    bench.store = SyncStore(open_engine(StoreLocation(file=tmp_path / "store.sqlite3")))
    assert bench.store.get_run("r1").status == "complete"
    assert bench.run("r2").status == "complete"
    assert len(read_lines(bench, "r2")) > 3
