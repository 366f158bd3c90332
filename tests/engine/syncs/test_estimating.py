"""How often a sync runs, and what its requests mean for the budgets of the connector."""

from pathlib import Path

import pytest

from conn_engine.config import Effective, load_workspace
from conn_engine.syncs import Schedule
from conn_engine.syncs.estimating import count_runs, describe_budgets

START = 1_795_000_000.0


@pytest.mark.parametrize(("text", "runs"), [("*/15 * * * *", 96), ("@daily", 1), ("0 9-17 * * *", 9), ("0 0 1 1 *", 0)])
def test_the_runs_of_a_day(text: str, runs: int) -> None:
    assert count_runs(Schedule(text), START) == runs


@pytest.fixture
def effective(tmp_path: Path) -> Effective:
    for name, text in {
        "conn.yaml": "version: 1\n",
        "accounts/acme.yaml": "connector: shop\n",
        "connectors/shop/connector.yaml": "base_url: https://shop.example.com\nrate_limit:\n  budget:\n"
        "    - { requests: 10, per_seconds: 60 }\n    - { requests: 1000, per_seconds: 3600, scope: connector }\n"
        "resources: { people: { list: { path: /people, response_path: items } } }\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return load_workspace(tmp_path).effective(account="acme")


@pytest.mark.parametrize(
    ("requests", "first"),
    [
        (10, "10 of 10 requests per 60 s"),
        (11, "11 of 10 requests per 60 s: a run waits at least 60 s"),
        (95, "95 of 10 requests per 60 s: a run waits at least 540 s"),
    ],
)
def test_the_budgets_of_a_run(effective: Effective, requests: int, first: str) -> None:
    assert list(describe_budgets(effective, effective.resolve("people.list", raw=True), requests)) == [
        first,
        f"{requests} of 1,000 requests per 3600 s, shared by all accounts",
    ]
