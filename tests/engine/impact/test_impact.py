"""What `impact` says of the example workspace, where a person can check it, and what its reports may not hold."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conn_cli.report import impact as report
from conn_engine.config import load_workspace
from conn_engine.impact import Impact, impact
from conn_engine.locate import packaged

Edit = Callable[[Path], None]


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The example workspace, without the connectors that none of its accounts uses."""
    folder = tmp_path / "before"
    shutil.copytree(packaged("example"), folder)
    for name in ("hubspot", "github"):
        shutil.copytree(packaged("connectors", name), folder / "connectors" / name, dirs_exist_ok=True)
    return folder


def changed(example: Path, **edits: tuple[str, str]) -> Impact:
    """The impact of replacing texts in files; the key of an edit is the file's name without its ending."""
    after = example.parent / "after"
    shutil.copytree(example, after)
    for stem, (old, new) in edits.items():
        path = next(after.rglob(f"{stem}.yaml"))
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
    return impact(load_workspace(example), load_workspace(after), processes=1)


def status(found: Impact) -> dict[str, str]:
    return {account.name: account.status for account in found.accounts}


def test_no_change_evaluates_nothing(example: Path) -> None:
    found = changed(example)
    assert set(status(found).values()) == {"unchanged"}
    assert (found.evaluated, found.fields, found.statements) == (0, (), ())


def test_a_label_changes_nothing(example: Path) -> None:
    found = changed(example, connector=("\nlabel: ", "\nlabel: New "))
    assert (found.evaluated, found.fields) == (0, ())


def test_an_override_that_replaces_shields_its_account(example: Path) -> None:
    found = changed(example, crm=("domain: response.properties.domain", "domain: response.properties.website"))
    assert status(found)["globex"] in ("changed", "shielded")
    row = next(r for r in found.fields if r.operation == "crm.companies.list" and r.field == "domain")
    assert row.shielded == 1  # `replace` in accounts/globex.yaml


def test_a_broken_configuration_breaks_its_accounts(example: Path) -> None:
    found = changed(example, acme=("environment: production", "environment: nowhere"))
    acme = next(account for account in found.accounts if account.name == "acme")
    assert (acme.status, acme.breaking) == ("changed", True)
    assert found.breaking


def test_accounts_without_recordings_are_unknown(example: Path) -> None:
    shutil.rmtree(example / "connectors" / "github" / "recordings")
    found = changed(example)
    assert status(found)["initech"] == "unknown"


def test_an_account_that_was_broken_before_is_unknown(example: Path) -> None:
    shutil.rmtree(example / "connectors" / "github")
    found = changed(example)
    assert status(found)["initech"] == "unknown"
    assert not found.breaking


def test_reports_hold_no_value_of_a_record(example: Path) -> None:
    recordings = sorted((example / "connectors" / "hubspot" / "recordings").glob("crm.contacts.*.json"))
    planted = 0
    for path in recordings:
        data = json.loads(path.read_text(encoding="utf-8"))
        for record in _records(data):
            record["properties"]["firstname"] = f"MARKER{planted}"
            record["properties"]["email"] = f"MARKER{planted}@example.com"
            planted += 1
        path.write_text(json.dumps(data), encoding="utf-8")
    assert planted > 5
    found = changed(example, crm=("response.properties.firstname", "$uppercase(response.properties.email)"))
    assert any(row.field == "first_name" and row.kind == "value_changed" for row in found.fields)
    for draw in (report.text, report.json_, report.markdown, report.github):
        assert "MARKER" not in draw(found).upper().replace("MARKERS", "")


def _records(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        own = [value] if isinstance(value.get("properties"), dict) and "id" in value else []
        return own + [record for item in value.values() for record in _records(item)]
    return [record for item in value for record in _records(item)] if isinstance(value, list) else []


def test_the_same_two_sides_give_the_same_report(example: Path) -> None:
    first = changed(example, crm=("response.properties.email", "response.properties.other"))
    again = impact(load_workspace(example), load_workspace(example.parent / "after"), processes=2)
    assert report.json_(first) == report.json_(again)


def test_a_workspace_is_read_anew_each_time(example: Path) -> None:
    assert not changed(example).fields
    path = example.parent / "after" / "connectors" / "hubspot" / "unified" / "crm.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("id: response.id", "id: response.gone", 1), "utf-8")
    found = impact(load_workspace(example), load_workspace(example.parent / "after"), processes=1)
    assert {verdict for name, verdict in status(found).items() if name != "initech"} == {"changed"}
