"""A service that watches a rollout: it counts, compares on the same answers of the vendor, and halts."""

import io
import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from channel_bench import CONTACTS, Channel, read_name
from service_bench import Bench, open_bench

from conn_cli.console import App
from conn_cli.main import execute
from conn_engine.analysis.impact.live import LiveEvaluation
from conn_engine.conditions import EvaluationLimits
from conn_engine.expressions.isolation import Isolation
from conn_engine.releases import ReleaseSource
from conn_engine.releases.store_location import StoreLocation
from conn_service.http.channel import ChannelConfiguration
from conn_service.rollouts import CallCounts, FieldDifference, RolloutStore
from conn_service.store import open_engine

SETTINGS = "rollout: { compare: 1, min_calls: 4, max_failed: 0.25, max_missing: 0.25 }\n"


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return Channel(tmp_path / "workspace", tmp_path / "releases.sqlite3")


@pytest.fixture
def bench(channel: Channel) -> Iterator[Bench]:
    channel.root.mkdir()
    with open_bench(channel.root, configure=channel.configure, settings=SETTINGS) as made:
        yield made
    assert channel.source is not None
    channel.source.close()


def read_rollout(bench: Bench) -> dict[str, Any]:
    bench.app.watch.settle()
    answer: dict[str, Any] = bench.ask("GET", "/admin/rollout", token=bench.issue("admin", accounts=())).json()
    return answer


def count_requests(bench: Bench, work: Callable[[], Any]) -> int:
    before = len(bench.vendor.arrived)
    work()
    return len(bench.vendor.arrived) - before


def test_the_log_reports_a_release_only_when_other_accounts_get_it(
    channel: Channel, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    assert bench.client is not None
    release = channel.release("'new ' & response.name")
    with caplog.at_level(logging.INFO, "conn_service.http.channel"):
        channel.roll_out(release)
        assert caplog.messages == [], "it is only compared"
        channel.roll_out(release, "acme")
    [message] = caplog.messages
    assert release in message and "acme" in message


def test_a_shadow_reports_differences_without_a_request_and_without_values(channel: Channel, bench: Bench) -> None:
    channel.roll_out(channel.release("response.id = 1 ? 'Zed' : response.name"))
    assert count_requests(bench, lambda: [read_name(bench), bench.ask("GET", CONTACTS)]) == 2
    assert read_name(bench) == "P1"
    found = read_rollout(bench)
    assert found["differences"] == [
        {"account": "acme", "operation": "crm.contacts.get", "field": "first_name", "change": "value_changed",
         "calls": 2, "records": 2, "ids": ["1"]},
        {"account": "acme", "operation": "crm.contacts.list", "field": "first_name", "change": "value_changed",
         "calls": 1, "records": 1, "ids": ["1"]},
    ]  # fmt: skip
    assert (found["others"]["calls"], found["others"]["compared"], found["others"]["missing"]) == (3, 3, 0)
    assert found["members"]["calls"] == 0
    database = (channel.root / "service.sqlite3").read_bytes() + b"".join(
        path.read_bytes() for path in channel.root.glob("service.sqlite3-*")
    )
    assert b"Zed" not in database
    assert b"P1" not in database


def test_a_type_and_a_missing_value_are_told_apart(channel: Channel, bench: Bench) -> None:
    channel.roll_out(channel.release("response.mail ? 7 : null"))
    bench.ask("GET", CONTACTS)
    read_name(bench)
    changes = {(row["operation"], row["field"], row["change"]) for row in read_rollout(bench)["differences"]}
    assert ("crm.contacts.list", "first_name", "type_changed") in changes
    assert ("crm.contacts.get", "first_name", "missing") in changes


def test_another_request_is_not_compared(channel: Channel, bench: Bench) -> None:
    path = channel.root / "connectors/shop/connector.yaml"
    path.write_text(path.read_text().replace("/people", "/persons"))
    channel.roll_out(channel.release("response.name"))
    assert bench.ask("GET", CONTACTS).status_code == 200
    found = read_rollout(bench)
    assert (found["others"]["compared"], found["others"]["different"]) == (0, 1)
    assert [row["field"] for row in found["differences"]] == ["different request: cannot be compared"]


TWICE = "$reduce([1..200], function($a, $i){[[$a], [$a]]}, [1])"
"""A value that contains itself 2^200 times: no evaluator stops by itself what compares it."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "hostile", [(f"{TWICE} = {TWICE}", 0.3, "took "), (f"$count($spread({TWICE}))", 30, "it took more than 192 MB")]
)
def test_a_hostile_expression_of_an_account_is_stopped_apart_from_the_service(
    channel: Channel, bench: Bench, caplog: pytest.LogCaptureFixture, hostile: tuple[str, float, str]
) -> None:
    text, seconds, reason = hostile
    override = {"unified": {"crm": {"contacts": {"get": {"response_mapping": {"email": text}}}}}}
    (channel.root / "accounts/acme.yaml").write_text(json.dumps({"connector": "shop", "override": override}))
    channel.roll_out(channel.release("response.name & '!'"))
    watch, others = bench.app.watch, bench.issue("unified:read", accounts=["globex"])
    with Isolation(memory_bytes=192 * 2**20, grace_seconds=0.2) as isolation:
        watch.evaluation = LiveEvaluation(isolation, EvaluationLimits(seconds=seconds))
        assert read_name(bench) == "P1"
        assert read_name(bench, others) == "P1"  # while the thread compares, or waits for the worker
        found = read_rollout(bench)
    assert [found["others"][name] for name in ("calls", "compared", "dropped", "missing")] == [2, 1, 1, 0]
    assert {row["account"] for row in found["differences"]} == {"globex"}
    [message] = [row.getMessage() for row in caplog.records if row.name == "conn_service.rollouts.watching"]
    assert message.startswith("a call of acme (crm.contacts.get) was not compared: email: the expression was stopped: ")
    assert reason in message


def test_a_comparison_for_which_there_is_no_time_is_dropped_and_counted(
    channel: Channel, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel.roll_out(channel.release("response.name & '!'"))
    watch = bench.app.watch
    watch._waiting.maxsize = 2
    monkeypatch.setattr(watch, "_run", lambda: None)  # a thread that does nothing yet
    for _ in range(5):
        read_name(bench)
    monkeypatch.undo()
    watch._thread = None
    read_name(bench)
    found = read_rollout(bench)["others"]
    assert (found["calls"], found["compared"] + found["dropped"]) == (6, 6)
    assert found["dropped"] in (3, 4)


def test_it_halts_when_too_much_is_missing_and_only_a_person_resumes_it(channel: Channel, bench: Bench) -> None:
    release = channel.release("response.gone")
    channel.roll_out(release, "acme")
    replica = ReleaseSource(str(channel.file), "production", identity="x", check_milliseconds=0)
    other = ChannelConfiguration(replica, check_seconds=3600)
    for _ in range(3):
        assert "first_name" not in bench.ask("GET", f"{CONTACTS}/1").json()["result"]
    assert read_rollout(bench)["rollout"]["halted"] is None  # too few calls to judge
    bench.ask("GET", f"{CONTACTS}/1")
    found = read_rollout(bench)
    reason = "100.0% of 4 compared calls now miss something: more than 25.0%"
    assert found["rollout"]["halted"] == reason
    assert bench.ask("GET", "/health/ready").json()["notes"] == ["the rollout was halted; conn rollout has the reason"]
    assert read_name(bench) == "P1"
    other.check()
    assert other.get_current()[1].of_account("acme").release != release
    replica.close()
    with channel.open() as store:
        move = store.history("production")[0]
    assert (move.kind, move.done_by, move.reason) == ("halt", "conn serve", reason)
    assert move.checks["members"]["missing"] == 4


def test_it_halts_when_calls_fail_that_do_not_fail_for_others(channel: Channel, bench: Bench) -> None:
    path = channel.root / "connectors/shop/connector.yaml"
    path.write_text(path.read_text().replace("/people", "/persons"))
    bench.vendor.answer = lambda got: (503, {}) if "persons" in got.path else (200, {}, {"id": 1, "name": "P1"})
    channel.roll_out(channel.release("response.name"), "acme")
    others = bench.issue("unified:read", accounts=["globex"])
    for _ in range(4):
        read_name(bench, others)
        assert bench.ask("GET", f"{CONTACTS}/1").status_code >= 500
    assert read_rollout(bench)["rollout"]["halted"] == "100.0% of 4 calls failed: more than 25.0%"
    assert read_name(bench) == "P1"


def test_numbers_that_another_thread_is_storing_are_waited_for(channel: Channel, bench: Bench) -> None:
    channel.roll_out(channel.release("response.name & '!'"), "acme")
    watch, has_begun, may_end = bench.app.watch, threading.Event(), threading.Event()

    class HeldStore(RolloutStore):
        def add(self, *counts: Any) -> None:
            if not has_begun.is_set():
                has_begun.set()
                may_end.wait(30)
            super().add(*counts)

    watch.store = HeldStore(open_engine(bench.location))
    bench.ask("GET", f"{CONTACTS}/1")
    threads = [threading.Thread(target=work) for work in (watch.flush, watch.settle)]
    threads[0].start()
    assert has_begun.wait(30)
    threads[1].start()
    threads[1].join(0.1)
    assert threads[1].is_alive()
    may_end.set()
    for thread in threads:
        thread.join(30)
    assert read_rollout(bench)["members"]["calls"] == 1


def test_a_vendor_that_fails_for_everybody_halts_nothing(channel: Channel, bench: Bench) -> None:
    channel.roll_out(channel.release("response.name & '!'"), "acme")
    others = bench.issue("unified:read", accounts=["globex"])
    bench.vendor.answer = lambda got: (503, {})
    for _ in range(5):
        bench.ask("GET", f"{CONTACTS}/1")
        bench.ask("GET", f"{CONTACTS}/1", token=others)
    found = read_rollout(bench)
    assert (found["members"]["failed"], found["others"]["failed"]) == (5, 5)
    assert found["rollout"]["halted"] is None


def test_what_a_caller_does_wrong_is_no_failure(channel: Channel, bench: Bench) -> None:
    channel.roll_out(channel.release("response.name & '!'"), "acme")
    for _ in range(5):
        assert bench.ask("GET", f"{CONTACTS}/2").status_code == 404
    assert read_rollout(bench)["members"]["failed"] == 0


def test_the_command_shows_what_the_service_has_seen_as_the_page_says(channel: Channel, bench: Bench) -> None:
    channel.roll_out(channel.release("response.name & '!'"))
    bench.ask("GET", CONTACTS)
    bench.app.watch.settle()
    out = io.StringIO()
    app = App(folder=channel.root, environ={"CONN_NO_KEYRING": "1"}, stdin=io.StringIO(), stdout=out)
    store, service = str(channel.file), str(channel.root / "service.sqlite3")
    assert execute(["rollout", "production", "--store", store, "--service-store", service], app) == 0
    app.flush()
    assert out.getvalue().splitlines()[2:] == [
        "    0 calls of its accounts; 0 compared",
        "    1 call of the others; 1 compared",
        "    crm.contacts.list first_name   value changed in 1 record of 1 call: acme (1)",
    ]
    page = (Path(__file__).parents[3] / "docs/how-to/roll-a-change-out.md").read_text(encoding="utf-8")
    shown = page.partition("```text\n")[2].partition("```")[0].partition("\n")[2]
    assert _generalize(shown) == _generalize(out.getvalue())


def _generalize(text: str) -> str:
    """Replace what differs from one rollout to another."""
    text = re.sub(r"[0-9a-f]{12}|\d{4}-\d\d-\d\d \d\d:\d\d|\d[\d,]*\d|\d", "N", text)
    return re.sub(r"(call|record|account)s", r"\1", text.replace("N, N, N", "N").replace("first_name", "email"))


def test_calls_are_chosen_evenly(bench: Bench) -> None:
    watch = bench.app.watch
    chosen = [number for number in range(1, 101) if watch._is_chosen(0.1)]
    assert chosen == list(range(10, 101, 10))
    assert [watch._is_chosen(share) for share in (0.0, 1.0, 0.0, 1.0)] == [False, True, False, True]


def test_what_is_stored_of_earlier_rollouts_of_the_channel_is_removed(tmp_path: Path) -> None:
    engine = open_engine(StoreLocation(file=tmp_path / "service.sqlite3"))
    first, second = RolloutStore(engine), RolloutStore(engine)
    changed = FieldDifference("acme", "crm.contacts.list", "email", "missing", 1, 2, ["1"])
    rollouts = ("production-2", "production-eu-2", "production-4")
    for rollout in rollouts:
        store = second if rollout == "production-4" else first
        store.add({(rollout, "t", "acme", True): CallCounts(calls=1)}, {rollout: [changed]})
    assert [second.count(rollout, "t").members.calls for rollout in rollouts] == [0, 1, 1]
    assert [len(second.list_differences(rollout)) for rollout in rollouts] == [0, 1, 1]
    engine.dispose()


def test_only_admins_of_everything_see_it(channel: Channel, bench: Bench) -> None:
    whole = bench.issue("admin", accounts=())
    assert bench.ask("GET", "/admin/rollout", token=whole).status_code == 404
    channel.roll_out(channel.release("response.name & '!'"), "acme")
    assert bench.ask("GET", "/admin/rollout", token=whole).json()["users"][1]["accounts"] == ["acme"]
    assert bench.ask("GET", "/admin/rollout", token=bench.issue("admin")).status_code == 403
    assert bench.ask("GET", "/admin/rollout", token=bench.issue("unified:read")).status_code == 403


def test_the_numbers_of_processes_are_added(channel: Channel, bench: Bench) -> None:
    engine = open_engine(bench.location)
    channel.roll_out(channel.release("response.name & '!'"), "acme")
    read_name(bench)
    read_rollout(bench)
    RolloutStore(engine).add({("production-2", "2026-01-01T00:00:00Z", "acme", True): CallCounts(calls=1)}, {})
    engine.dispose()
    assert read_rollout(bench)["members"]["calls"] == 2
