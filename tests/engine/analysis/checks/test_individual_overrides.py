"""Many accounts with an override each, all different: what they have in common is evaluated once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from measuring import count_calls

from conn_engine.analysis.checks import run_checks
from conn_engine.analysis.impact import impact
from conn_engine.config import load_workspace
from conn_engine.recordings.files import load_recording
from conn_engine.testing.cases import replay
from conn_engine.testing.replays import Replays

FEW, MANY = 10, 100
RECORDS = [{"id": str(number), "name": f"n{number}", "mail": f"m{number}"} for number in range(3)]
FILES: dict[str, Any] = {
    "conn.yaml": {"version": 1},
    "models/m/person.schema.json": {
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("id", "name", "email")},
    },
    "connectors/shop/connector.yaml": {
        "base_url": "https://shop.example",
        "resources": {"people": {"list": {"method": "get", "path": "/people", "response_path": "items"}}},
    },
    "connectors/shop/recordings/m.people.list.json": {
        "connector": "shop",
        "operation": "m.people.list",
        "source": "sample",
        "recorded_at": "2026-01-01T00:00:00Z",
        "base_url": "https://shop.example",
        "exchanges": [
            {
                "request": {"method": "GET", "url": "https://shop.example/people"},
                "response": {"status": 200, "body": {"items": RECORDS}},
            }
        ],
    },
}


def write(folder: Path, email: str, accounts: int) -> Path:
    """A workspace in which each account maps one field in its own way."""
    mapping = {"id": "response.id", "name": "response.name", "email": email}
    files = {
        **FILES,
        "connectors/shop/unified/m.yaml": {
            "resources": {"people": {"record": "person", "list": {"response_mapping": mapping}}}
        },
    }
    for number in range(accounts):
        field = ("name", "email")[number % 2]
        own = {"people": {"list": {"response_mapping": {field: f"response.name & '{number}'"}}}}
        files[f"accounts/a{number:03}.yaml"] = {"connector": "shop", "override": {"unified": {"m": own}}}
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(data), encoding="utf-8")
    return folder


@pytest.fixture
def sides(tmp_path: Path) -> Callable[[int], tuple[Path, Path]]:
    """Both sides of a change in the base mapping, for a number of accounts."""

    def make(accounts: int) -> tuple[Path, Path]:
        folder = tmp_path / str(accounts)
        before = write(folder / "before", "response.mail", accounts)
        return before, write(folder / "after", "$uppercase(response.mail)", accounts)

    return make


@pytest.mark.parametrize("accounts", [FEW, MANY])
def test_impact_replays_once_and_evaluates_what_differs(
    accounts: int, sides: Callable[[int], tuple[Path, Path]]
) -> None:
    found = impact(*map(load_workspace, sides(accounts)), processes=1)
    assert found.count("changed") + found.count("shielded") == accounts
    own, base = accounts // 2, 4  # those that let `email` through; `id`, `name`, and `email` of either side
    assert (found.work.replays, found.work.expressions) == (1, base + own)


def test_a_shared_replay_gives_what_a_replay_gives(sides: Callable[[int], tuple[Path, Path]]) -> None:
    workspace = load_workspace(sides(FEW)[1])
    recording = load_recording(workspace.root / "connectors/shop/recordings/m.people.list.json")
    replays = Replays()
    for account in workspace.accounts():
        effective = workspace.effective(account=account)
        name = effective.resolve("m.people.list")
        assert replays.replay(effective, name, recording, "alike") == replay(effective, name, recording)
    assert replays.sent == 1


@pytest.mark.parametrize(
    ("mapping", "sent"), [("$string($now())", 2), ("$uuid()", 2), ("$error('no')", 1), ("$number(response.mail)", 1)]
)
def test_what_may_differ_each_time_is_replayed_in_full(
    mapping: str, sent: int, sides: Callable[[int], tuple[Path, Path]], tmp_path: Path
) -> None:
    workspace = load_workspace(write(tmp_path / "own", mapping, 2))
    recording = load_recording(workspace.root / "connectors/shop/recordings/m.people.list.json")
    replays = Replays()
    for _ in range(2):
        effective = workspace.effective(account="a000")
        name = effective.resolve("m.people.list")
        shared, alone = replays.replay(effective, name, recording, "alike"), replay(effective, name, recording)
        assert (shared.records, shared.failure, shared.problems) == (alone.records, alone.failure, alone.problems)
    assert replays.sent == sent


@pytest.mark.slow
def test_ten_times_the_accounts_cost_at_most_ten_times_as_much(sides: Callable[[int], tuple[Path, Path]]) -> None:
    few, many = sides(FEW), sides(MANY)
    run_checks(few[1], few[0], processes=1)  # imports, and what is compiled once
    calls = [count_calls(lambda pair=pair: run_checks(pair[1], pair[0], processes=1)) for pair in (few, many)]  # type: ignore[misc]
    assert calls[1] <= MANY / FEW * calls[0]
