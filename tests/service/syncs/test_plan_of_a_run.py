"""A run uses one plan from its beginning to its end: that of the release that it began with."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from sync_bench import ENVIRON, SYNC, Bench

from conn_engine.config import Workspace, load_workspace
from conn_engine.errors import UsageError
from conn_service.syncs.runner import SyncRunner


def test_a_sync_that_is_changed_in_mid_run_ends_the_run_with_the_reason(bench: Bench) -> None:
    runner = bench.runner()
    runner.create_run("r1", "people", "acme")
    assert runner.advance("r1", 0).kind == "page"
    bench.write({"syncs/people.yaml": SYNC.replace("record.name", "$uppercase(record.name)")})
    assert runner.advance("r1", 1).kind == "page", "a listing that is open goes on"
    done = bench.runner().advance("r1", 2)
    assert done.kind == "failed"
    assert done.reason == 'the sync "people" was changed after the run began, and a run uses one plan'
    bench.runner().fail("r1", done.reason)
    assert bench.run("r2").status == "complete"
    assert [record["name"] for record in bench.spooled("r2")] == [f"N{n}" for n in range(10)]


def test_an_override_is_a_part_of_the_plan_and_a_schedule_is_not(bench: Bench) -> None:
    bench.runner().create_run("r1", "people", "acme")
    bench.write({"syncs/people.yaml": SYNC + "schedule: '0 4 * * *'\ndescription: At night.\n"})
    assert bench.runner().advance("r1", 0).kind == "page"
    bench.write({"accounts/acme.yaml": "connector: shop\nsyncs: { people: { params: { x: 1 } } }\n"})
    assert bench.runner().advance("r1", 1).kind == "failed"


def test_a_connector_that_is_changed_in_mid_run_ends_the_run_with_the_reason(bench: Bench) -> None:
    runner = bench.runner()
    runner.create_run("r1", "people", "acme")
    assert runner.advance("r1", 0).kind == "page"
    path = "connectors/shop/connector.yaml"
    text = (bench.root / path).read_text()
    bench.write({path: text.replace("cursor_param: after", "cursor_param: from")})
    assert runner.advance("r1", 1).kind == "page", "a listing that is open goes on"
    done = bench.runner().advance("r1", 2)
    what = 'the connector "shop", or what "acme" overrides of it,'
    assert (done.kind, done.reason) == ("failed", f"{what} was changed after the run began, and a run uses one plan")
    assert "conn sync run people --account acme" in bench.store.get_run("r1").report["hint"]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("connectors/shop/connector.yaml", "resources:", "timeout_seconds: 5\nresources:"),
        ("connectors/shop/connector.yaml", "method: get, path: /gone", "method: get, path: /other"),
        ("accounts/acme.yaml", "connector: shop", "connector: shop\ncontext: { unused: 1 }"),
    ],
)
def test_what_decides_nothing_about_its_records_may_change(bench: Bench, file: str, old: str, new: str) -> None:
    bench.runner().create_run("r1", "people", "acme")
    assert bench.runner().advance("r1", 0).kind == "page"
    text = (bench.root / file).read_text()
    assert old in text
    bench.write({file: text.replace(old, new)})
    assert bench.run("r1").status == "complete"


def test_an_override_of_the_connector_is_a_part_of_it_and_a_run_that_has_read_nothing_adopts_it(bench: Bench) -> None:
    bench.runner().create_run("r1", "people", "acme")
    own = "connector: shop\noverride: { resources: { contacts: { list: { query: { tier: gold } } } } }\n"
    bench.write({"accounts/acme.yaml": own})
    assert bench.runner().advance("r1", 0).kind == "page"
    assert bench.contacts.asked[0]["tier"] == "gold"
    bench.write({"accounts/acme.yaml": own.replace("gold", "silver")})
    assert bench.runner().advance("r1", 1).kind == "failed"


def test_a_run_that_has_read_everything_ends_although_its_connector_was_changed(bench: Bench) -> None:
    runner = bench.runner()
    runner.create_run("r1", "people", "acme")
    seq = 0
    while runner.advance("r1", seq).kind == "page":
        seq += 1
    path = "connectors/shop/connector.yaml"
    bench.write({path: (bench.root / path).read_text().replace("cursor_param: after", "cursor_param: from")})
    assert bench.runner().finish("r1").status == "delivering"


def test_a_delivery_with_a_changed_plan_waits_for_a_retry(bench: Bench) -> None:
    (bench.root / "out.jsonl").mkdir()
    text = "source: { resource: contacts }\nemit: { type: file, to: out.jsonl }\n"
    bench.write({"syncs/people.yaml": text})
    assert bench.run().status == "delivering"
    (bench.root / "out.jsonl").rmdir()
    bench.write({"syncs/people.yaml": text.replace("out.jsonl", "other.jsonl")})
    bench.runner().deliver("r1")
    assert bench.store.get_run("r1").status == "undelivered"
    bench.runner().retry_set_aside("r1")
    bench.store.set_status("r1", "delivering")
    bench.runner().deliver("r1")
    assert bench.store.get_run("r1").status == "complete"
    assert len((bench.root / "other.jsonl").read_text().splitlines()) == 10


def test_a_run_that_has_read_nothing_begins_with_the_sync_as_it_is(bench: Bench) -> None:
    bench.runner().create_run("r1", "people", "acme")
    loop = "- { action: for_each, resource: companies }\n- { action: fetch_resource, resource: contacts }\n"
    bench.write({"syncs/people.yaml": f"steps:\n{loop}- {{ action: deliver, type: stdout }}\n"})
    run = bench.run("r1")
    assert (run.status, run.counts["records"], run.counts["loop_pages"]) == ("complete", 20, 1)


@dataclass
class Releases:
    """Two releases, of which one is current."""

    folders: dict[str, Path]
    current: str = "2"

    @property
    def root(self) -> Path:
        return self.folders[self.current]

    def get_current(self) -> tuple[str, Workspace]:
        return self.current, load_workspace(self.folders[self.current])

    def get_workspace(self, release: str) -> Workspace:
        if release not in self.folders:
            raise UsageError(f'there is no release "{release}"', hint="push it again")
        return load_workspace(self.folders[release])


def test_a_run_continues_with_its_release_when_that_is_rolled_back(bench: Bench, tmp_path: Path) -> None:
    older = tmp_path / "older"
    for path in bench.root.rglob("*.yaml"):
        target = older / path.relative_to(bench.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text().replace("record.name", "record.id"))
    releases = Releases({"1": older, "2": bench.root})
    for name, expected in (("r1", "N9"), ("r2", 9)):
        first, second = (SyncRunner(bench.store, releases, environ=ENVIRON) for _ in range(2))
        bench.runners += [first, second]
        first.create_run(name, "people", "acme", is_full=True)
        first.advance(name, 0)
        releases.current = "1"
        run = bench.run(name, runner=second)
        assert (run.status, bench.spooled(name)[-1]["name"]) == ("complete", expected)


def test_a_run_whose_release_is_gone_fails_with_the_reason(bench: Bench) -> None:
    releases = Releases({"2": bench.root})
    runner = SyncRunner(bench.store, releases, environ=ENVIRON)
    bench.runners.append(runner)
    runner.create_run("r1", "people", "acme")
    releases.folders = {}
    done = runner.advance("r1", 0)
    assert (done.kind, done.reason) == ("failed", 'there is no release "2"')
