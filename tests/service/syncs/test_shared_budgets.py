"""Workers of one store keep to the budgets of a connector together."""

from sync_bench import ENVIRON, Bench, Releases

from conn_service.store import DatabaseBudgets
from conn_service.syncs.runner import SyncRunner

BUDGET = "rate_limit: { budget: [{ requests: 5, per_seconds: 100000, scope: connector }] }\n"


def runner_of(bench: Bench, reserve: float) -> SyncRunner:
    """A worker that has just started, as another process does."""
    budgets = DatabaseBudgets(bench.store.engine, reserve=reserve)
    runner = SyncRunner(bench.store, Releases(bench.root), environ=ENVIRON, budgets=budgets)
    bench.runners.append(runner)
    return runner


def test_workers_wait_when_all_of_them_have_used_a_budget(bench: Bench) -> None:
    connector = (bench.root / "connectors/shop/connector.yaml").read_text()
    bench.write({"connectors/shop/connector.yaml": connector + BUDGET, "accounts/globex.yaml": "connector: shop\n"})
    bench.contacts.size = 2
    assert bench.run(runner=runner_of(bench, 0.2)).status == "waiting"
    assert bench.last is not None and "budget" in bench.last.reason
    assert 90_000 < bench.last.seconds <= 100_000
    assert len(bench.contacts.asked) == 4, "one request is left to others"
    other = runner_of(bench, 0.2)
    other.create_run("r2", "people", "globex")
    assert other.advance("r2", 0).kind == "wait"
    assert len(bench.contacts.asked) == 4
    interactive = runner_of(bench, 0.0)
    assert interactive.advance("r2", 0).kind == "page"
    assert interactive.advance("r2", 1).kind == "wait"
    assert len(bench.contacts.asked) == 5
