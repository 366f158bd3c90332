"""A step of a run reads several pages, each of which is stored at once: what ends it, and where the run continues."""

from typing import Any

import pytest
from sync_bench import ENVIRON, Bench, Releases
from vendor import Arrived

from conn_service.syncs.runner import STEP_SECONDS, SyncRunner


class SteppingClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = 1_700_000_000.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def runner(bench: Bench, clock: SteppingClock) -> SyncRunner:
    runner = SyncRunner(bench.store, Releases(bench.root), environ=ENVIRON, clock=clock)
    bench.runners.append(runner)
    runner.create_run("r1", "people", "acme")
    return runner


def interrupt(bench: Bench, monkeypatch: pytest.MonkeyPatch, action: Any) -> None:
    """Do something before each response of the vendor, with the number of the request."""
    answer = bench.contacts.answer

    def act_and_answer(arrived: Arrived) -> Any:
        action(len(bench.contacts.asked) + 1)
        return answer(arrived)

    monkeypatch.setattr(bench.arriving, "answer", act_and_answer)


def test_a_step_reads_everything_if_there_is_time(bench: Bench, runner: SyncRunner) -> None:
    done = runner.advance("r1", 0, most_pages=100)
    assert (done.kind, done.seq, bench.store.pages.count("r1")) == ("end", 5, 5)
    assert runner.finish("r1").report["verdict"] == "complete"


def test_a_step_ends_after_its_pages(bench: Bench, runner: SyncRunner) -> None:
    assert [runner.advance("r1", seq, most_pages=2).seq for seq in (0, 2)] == [2, 4]
    assert runner.advance("r1", 2, most_pages=2).seq == 4, "a step that is repeated fetches nothing again"
    assert len(bench.contacts.asked) == 4


def test_a_step_ends_when_its_time_is_over(
    bench: Bench, runner: SyncRunner, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(bench, monkeypatch, lambda _: clock.sleep(STEP_SECONDS / 2))
    done = runner.advance("r1", 0, most_pages=100)
    assert (done.kind, done.seq) == ("page", 2)


def test_a_wait_ends_a_step_behind_what_it_has_stored(bench: Bench, runner: SyncRunner) -> None:
    bench.contacts.fail_at = {3: (429, {"Retry-After": "90"}, {})}
    done = runner.advance("r1", 0, most_pages=100)
    assert (done.kind, done.seconds, done.seq) == ("wait", 90.0, 2)
    assert runner.advance("r1", 2, most_pages=100).kind == "end"


def test_a_run_that_is_cancelled_within_a_step_stores_no_page_more(
    bench: Bench, runner: SyncRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(bench, monkeypatch, lambda number: number == 3 and bench.store.cancel_run("r1"))
    done = runner.advance("r1", 0, most_pages=100)
    assert (done.kind, done.seq, len(bench.contacts.asked)) == ("page", 2, 3)
    assert runner.advance("r1", done.seq, most_pages=100).kind == "failed"
    assert bench.store.spool.count("r1") == 0


def test_a_step_ends_when_another_worker_continues_the_run(
    bench: Bench, runner: SyncRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = bench.runner()

    def overtake(number: int) -> None:
        if number == 2:
            monkeypatch.undo()
            other.advance("r1", 1, most_pages=2)

    interrupt(bench, monkeypatch, overtake)
    done = runner.advance("r1", 0, most_pages=100)
    assert (done.kind, done.seq) == ("page", 3)
    assert bench.store.pages.count("r1") == 3


ENRICHED = """\
trigger: manual
steps:
  - { action: fetch_resource, connector: shop, resource: contacts }
  - { action: enrich, resource: companies.list, params: { of: "{{record.name}}" }, into: firms }
  - { action: transform, transform: { id: record.id, firms: $count(record.firms) } }
emit: { event: contact.updated, type: stdout }
"""


class TestEnrichment:
    """A vendor allows three calls between two pauses of 90 seconds, and a page needs ten."""

    @pytest.fixture(autouse=True)
    def _vendor(self, bench: Bench, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch) -> None:
        bench.write({"syncs/people.yaml": ENRICHED})
        bench.contacts.size = 10
        self.asked: list[str] = []
        self.missing: set[str] = set()
        allowed, resets = 3, clock.now()
        answer = bench.contacts.answer

        def limit(arrived: Arrived) -> Any:
            nonlocal allowed, resets
            if arrived.path != "/companies":
                return answer(arrived)
            if clock.now() >= resets:
                allowed, resets = 3, clock.now() + 90
            if allowed == 0:
                return 429, {"Retry-After": str(int(resets - clock.now()))}, {}
            allowed -= 1
            self.asked.append(arrived.query["of"])
            return (404, {}, {}) if arrived.query["of"] in self.missing else answer(arrived)

        monkeypatch.setattr(bench.arriving, "answer", limit)

    def read(self, bench: Bench, runner: SyncRunner, clock: SteppingClock) -> list[float]:
        """Let the run wait as often as it wants to. Return its pauses."""
        pauses, seq = [], 0
        for _ in range(20):
            done = runner.advance("r1", seq, most_pages=100)
            seq = done.seq
            if done.kind == "end":
                return pauses
            assert done.kind == "wait", done
            pauses.append(done.seconds)
            clock.sleep(done.seconds)
        raise AssertionError(f"the page begins again for ever: {pauses}")

    def test_a_page_continues_behind_the_calls_before_a_pause(
        self, bench: Bench, runner: SyncRunner, clock: SteppingClock
    ) -> None:
        assert len(self.read(bench, runner, clock)) == 3
        assert self.asked == [f"N{number}" for number in range(10)], "no call is repeated"
        assert runner.finish("r1").report["records"] == 10
        assert bench.store.enrichments.read("r1") == {}

    def test_another_worker_continues_there_too(self, bench: Bench, runner: SyncRunner, clock: SteppingClock) -> None:
        assert runner.advance("r1", 0).kind == "wait"
        other = SyncRunner(bench.store, Releases(bench.root), environ=ENVIRON, clock=clock)
        bench.runners.append(other)
        clock.sleep(90)
        assert len(self.read(bench, other, clock)) == 2
        assert len(self.asked) == 10

    def test_a_call_that_fails_for_a_record_is_not_repeated(
        self, bench: Bench, runner: SyncRunner, clock: SteppingClock
    ) -> None:
        self.missing = {f"N{number}" for number in range(8)}
        bench.write({"syncs/people.yaml": f"{ENRICHED}on_error: set_aside\n"})
        self.read(bench, runner, clock)
        assert len(self.asked) == 10
        assert len(bench.store.set_aside.find(run_id="r1")) == 8

    def test_the_results_of_a_cancelled_run_are_removed(
        self, bench: Bench, runner: SyncRunner, clock: SteppingClock
    ) -> None:
        assert runner.advance("r1", 0).kind == "wait"
        assert len(bench.store.enrichments.read("r1")) == 3
        bench.store.cancel_run("r1")
        assert bench.store.enrichments.read("r1") == {}
