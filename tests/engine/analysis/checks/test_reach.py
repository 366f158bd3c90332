"""What a change of files reaches, and that the checks say the same twice."""

import json
from pathlib import Path
from typing import Any

import pytest

from conn_engine.analysis.checks import run_checks
from conn_engine.analysis.checks.reach import find_changed_files, find_reach
from conn_engine.config import load_workspace

FILES: dict[str, Any] = {
    "conn.yaml": {"version": 1},
    "models/m/thing.schema.json": {"type": "object"},
    "connectors/one/connector.yaml": {
        "base_url": "https://one.example",
        "resources": {"things": {"list": {"method": "get", "path": "/things"}}},
    },
    "connectors/two/connector.yaml": {
        "base_url": "https://two.example",
        "resources": {"things": {"list": {"method": "get", "path": "/things"}}},
    },
    "environments/staging.yaml": {"connectors": {"one": {"headers": {"x": "1"}}}},
    "environments/production.yaml": {"connectors": {}},
    "accounts/acme.yaml": {"connector": "one"},
    "accounts/bolt.yaml": {"connector": "one", "environment": "staging"},
    "accounts/gone.yaml": {"connector": "missing"},
}


def write(root: Path, files: dict[str, Any] = FILES) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(json.dumps(data), encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("changed", "accounts", "connectors"),
    [
        ([], (), ()),
        (["README.md", "connectors/one/README.md"], (), ()),
        (["accounts/acme.yaml"], ("acme",), ()),
        (["accounts/removed.yaml"], (), ()),
        (["connectors/one/connector.yaml"], ("acme", "bolt"), ()),
        (["connectors/two/unified/m.yaml"], (), ("two",)),
        (["connectors/one/recordings/m.things.list.json"], ("acme", "bolt"), ()),
        (["connectors/one/recordings/acme/m.things.list.json"], ("acme",), ()),
        (["environments/staging.yaml"], ("bolt",), ()),
        (["environments/production.yaml"], ("acme", "gone"), ()),
        (["models/m/thing.schema.json"], ("acme", "bolt", "gone"), ("two",)),
        (["conn.yaml"], ("acme", "bolt", "gone"), ("two",)),
    ],
)
def test_what_files_reach(
    tmp_path: Path, changed: list[str], accounts: tuple[str, ...], connectors: tuple[str, ...]
) -> None:
    documents = [name for name in changed if name.endswith((".yaml", ".json"))]
    reach = find_reach(load_workspace(write(tmp_path)), documents)
    assert (reach.accounts, reach.connectors) == (accounts, connectors)


def test_changed_files_are_those_whose_content_differs(tmp_path: Path) -> None:
    before, after = write(tmp_path / "before"), write(tmp_path / "after")
    (after / "accounts/acme.yaml").write_text("connector: two\n")
    (after / "accounts/bolt.yaml").unlink()
    (after / "accounts/new.yaml").write_text("connector: one\n")
    (after / ".hidden.yaml").write_text("")
    (after / "notes.txt").write_text("no document")
    (after / "impact.json").write_text("{}")  # a report that somebody wrote there
    assert find_changed_files(before, load_workspace(after)) == [
        "accounts/acme.yaml",
        "accounts/bolt.yaml",
        "accounts/new.yaml",
    ]


def test_a_change_behind_a_link_is_a_change(tmp_path: Path) -> None:
    before, after = write(tmp_path / "before"), write(tmp_path / "after")
    for side in (before, after):
        (side / "shared").mkdir()
        (side / "connectors/one").rename(side / "shared/one")
        (side / "connectors/one").symlink_to("../shared/one")
        (side / "shared/one/round").symlink_to("../one")
    assert find_changed_files(before, load_workspace(after)) == []
    (after / "shared/one/connector.yaml").write_text("base_url: https://other.example\n")
    assert find_changed_files(before, load_workspace(after)) == ["connectors/one/connector.yaml"]


def test_an_account_that_cannot_be_used_is_a_finding_and_the_rest_is_checked(tmp_path: Path) -> None:
    before, after = write(tmp_path / "before"), write(tmp_path / "after")
    (after / "accounts/acme.yaml").write_text("connector: one\nlabel: Acme\n")
    result = run_checks(after, before)
    assert "REF101" in {finding.code for finding in result.findings}
    assert result.impact is not None and result.impact.count("unknown") == 2  # nothing is recorded
    assert result.impact.count("unjudged") == 1


def test_the_same_change_gives_the_same_findings(tmp_path: Path) -> None:
    before, after = write(tmp_path / "before"), write(tmp_path / "after")
    (after / "environments/staging.yaml").write_text('connectors: {one: {headers: {x: "2"}}}\n')
    first, again = run_checks(after, before), run_checks(after, before)
    assert first.all_findings() == again.all_findings()
    assert first.impact == again.impact
