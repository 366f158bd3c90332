"""What a sync sets about its runs: how long, how many at once, which first; and its steps, from end to end."""

from typing import Any

import pytest
from sync_bench import CONNECTOR, ENVIRON, SYNC, Bench, Releases

from conn_engine.wire import FrozenClock
from conn_service.syncs.runner import SyncRunner

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def runner_at(bench: Bench, clock: FrozenClock) -> SyncRunner:
    runner = SyncRunner(bench.store, Releases(bench.root), environ=ENVIRON, clock=clock)
    bench.runners.append(runner)
    return runner


def test_a_run_that_takes_longer_than_max_runtime_ends_and_says_so(bench: Bench) -> None:
    bench.write({"syncs/people.yaml": f"{SYNC}max_runtime: PT1H\n"})
    runner_at(bench, FrozenClock(1_795_000_000)).create_run("people:acme:1", "people", "acme")
    in_time = runner_at(bench, FrozenClock(1_795_000_000 + 3599)).advance("people:acme:1", 0)
    late = runner_at(bench, FrozenClock(1_795_000_000 + 3601)).advance("people:acme:1", 1)
    assert (in_time.kind, late.kind) == ("page", "failed")
    assert late.reason == "the run takes longer than max_runtime"


class TestConcurrency:
    @pytest.fixture(autouse=True)
    def accounts(self, bench: Bench) -> None:
        other = CONNECTOR.format(url=bench.arriving.url)
        bench.write(
            {
                "syncs/people.yaml": SYNC.replace("connector: shop, ", "") + "concurrency: 1\n",
                "accounts/beta.yaml": "connector: shop\n",
                "connectors/other/connector.yaml": other,
                "accounts/elsewhere.yaml": "connector: other\n",
            }
        )

    def begin(self, runner: SyncRunner, account: str) -> tuple[str, str]:
        run = runner.create_run(f"people:{account}:1", "people", account)
        done = runner.advance(run.id, 0)
        return done.kind, done.reason

    def test_the_run_of_another_account_waits_for_its_turn(self, bench: Bench) -> None:
        runner = bench.runner()
        assert self.begin(runner, "acme") == ("page", "")
        assert self.begin(runner, "beta") == ("wait", "concurrency is 1: the sync runs for 1 other account")
        assert bench.store.get_run("people:beta:1").status == "waiting"
        assert len(bench.contacts.asked) == 1, "it requests nothing"
        assert bench.run("people:acme:1").status == "complete"
        assert runner.advance("people:beta:1", 0).kind == "page"

    def test_accounts_of_other_connectors_do_not_count(self, bench: Bench) -> None:
        runner = bench.runner()
        assert self.begin(runner, "acme")[0] == "page"
        assert self.begin(runner, "elsewhere")[0] == "page"

    def test_a_run_that_has_begun_goes_on(self, bench: Bench) -> None:
        runner = bench.runner()
        self.begin(runner, "acme")
        bench.store.set_status("people:acme:1", "waiting", "the vendor wants a pause")
        assert self.begin(runner, "beta")[0] == "page"
        assert runner.advance("people:acme:1", 1).kind == "page"


def test_the_run_with_the_lowest_number_begins_first(bench: Bench) -> None:
    from dbos import DBOS
    from test_worker import worker_of

    for name, priority in (("people", 100), ("late", 900), ("early", 1)):
        bench.write({f"syncs/{name}.yaml": f"{SYNC}priority: {priority}\n"})
    with worker_of(bench) as worker:
        runs = [worker.start(name, "acme") for name in ("people", "late", "early")]
        worker.wait([run.id for run in runs], 60)
        found = DBOS.list_workflows(queue_name="conn_syncs", load_input=False, load_output=False)
    priorities = {workflow.workflow_id.split(":")[0]: workflow.priority for workflow in found}
    assert priorities == {"people": 100, "late": 900, "early": 1}


class TestSteps:
    def run_steps(self, bench: Bench, steps: str, **more: Any) -> list[Any]:
        bench.write({"syncs/people.yaml": f"steps:\n{steps}  - {{ action: deliver, type: stdout }}\n"})
        run = bench.run(**more)
        assert run.status == "complete"
        return bench.spooled()

    def test_a_loop_over_given_ids(self, bench: Bench) -> None:
        records = self.run_steps(
            bench,
            "  - { action: for_each, ids: [a, b] }\n"
            '  - { action: fetch_resource, connector: shop, resource: contacts, params: { list: "{{ id }}" } }\n'
            "  - { action: transform, transform: { id: 'id & record.id' } }\n",
        )
        assert [record["id"] for record in records] == [f"{one}{n}" for one in "ab" for n in range(10)]
        assert [query["list"] for query in bench.contacts.asked if "after" not in query] == ["a", "b"]

    def test_a_loop_goes_on_at_its_item_after_a_crash(self, bench: Bench) -> None:
        steps = (
            "  - { action: for_each, ids: [a, b] }\n"
            '  - { action: fetch_resource, connector: shop, resource: contacts, params: { list: "{{ id }}" } }\n'
            "  - { action: transform, transform: { id: 'id & record.id' } }\n"
        )
        bench.write({"syncs/people.yaml": f"steps:\n{steps}  - {{ action: deliver, type: stdout }}\n"})
        runner = bench.runner()
        runner.create_run("r1", "people", "acme")
        for seq in range(6):
            runner.advance("r1", seq)
        assert len(self.run_steps(bench, steps)) == 20
        assert len(bench.contacts.asked) == 8, "no page is read twice"

    def test_a_resource_that_recurses(self, bench: Bench) -> None:
        connector = CONNECTOR.format(url=bench.arriving.url)
        listing = "{ path: /companies, response_path: results }"
        tree = "{ path: /companies, response_path: results, recurse: { as: parent, param: parent } }"
        assert listing in connector
        bench.write({"connectors/shop/connector.yaml": connector.replace(listing, tree)})
        children = {1: ["c1", "c2"], 2: ["c3"], 3: [], 4: []}
        bench.contacts.fail_at = {n: {"results": [{"id": one} for one in found]} for n, found in children.items()}
        fetch = "  - { action: fetch_resource, connector: shop, resource: companies }\n"
        assert sorted(record["id"] for record in self.run_steps(bench, fetch)) == ["c1", "c2", "c3"]
        assert [query.get("parent") for query in bench.contacts.asked] == [None, "c1", "c3", "c2"]

    def test_filter_enrich_and_a_transformation_of_each_page(self, bench: Bench) -> None:
        records = self.run_steps(
            bench,
            "  - { action: fetch_resource, connector: shop, resource: contacts }\n"
            "  - { action: filter, filter: record.id < 4 }\n"
            "  - { action: enrich, resource: companies.list, into: firms }\n"
            '  - { action: transform, each: page, transform: \'$.results.{ "id": id, "firms": $count(firms) }\' }\n',
        )
        assert records == [{"id": n, "firms": 2} for n in range(4)]
