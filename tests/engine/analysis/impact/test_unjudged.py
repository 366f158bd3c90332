"""Accounts whose configuration cannot be had: they are named with the fault, counted, and stop nobody else."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from conn_cli.comparison_base import ImpactFailOn, choose_exit
from conn_cli.exits import Exit
from conn_cli.report import Sources
from conn_cli.report import impact as report
from conn_engine.analysis.checks import run_checks
from conn_engine.analysis.impact import Impact, impact
from conn_engine.analysis.impact.report import ImpactReport
from conn_engine.config import load_workspace
from conn_engine.documents import dump_json

RECORDS = [{"id": 1, "n": "Ada", "m": "Bob"}]
GOOD = "connector: shop\n"
BROKEN = "connector: [s3cret\n"
DANGLING = "connector: shob\n"


def workspace(folder: Path, accounts: Mapping[str, str], name: str = "response.n") -> Path:
    mapping = {"response_mapping": {"id": "$string(response.id)", "name": name}}
    request = {"method": "GET", "url": "https://shop.example/things"}
    exchange = {"request": request, "response": {"status": 200, "body": RECORDS}}
    files = {
        "conn.yaml": {"version": 1},
        "connectors/shop/connector.yaml": {
            "base_url": "https://shop.example",
            "resources": {"things": {"list": {"method": "get", "path": "/things"}}},
        },
        "connectors/shop/unified/m.yaml": {"resources": {"things": {"list": mapping}}},
        "connectors/shop/recordings/m.things.list.json": {
            "format": 1, "connector": "shop", "operation": "m.things.list", "source": "sample",
            "recorded_at": "2026-01-01T00:00:00Z", "base_url": "https://shop.example", "exchanges": [exchange],
        },
        "connectors/alone/connector.yaml": {"base_url": "https://alone.example"},
    }  # fmt: skip
    texts = {path: json.dumps(data) for path, data in files.items()}
    for path, text in {**texts, **{f"accounts/{one}.yaml": text for one, text in accounts.items()}}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def compared(tmp_path: Path, before: Mapping[str, str], after: Mapping[str, str], name: str = "response.n") -> Impact:
    shutil.rmtree(tmp_path / "before", ignore_errors=True)
    shutil.rmtree(tmp_path / "after", ignore_errors=True)
    sides = workspace(tmp_path / "before", before), workspace(tmp_path / "after", after, name)
    return impact(load_workspace(sides[0]), load_workspace(sides[1]), processes=1)


def statuses(found: Impact) -> dict[str, str]:
    return {account.name: account.status for account in found.accounts}


@pytest.mark.parametrize(("text", "code"), [(BROKEN, "DOC002"), (DANGLING, "REF101"), ("- a\n", "CFG")])
def test_one_that_cannot_be_used_stops_no_other(tmp_path: Path, text: str, code: str) -> None:
    found = compared(tmp_path, {"a": GOOD, "b": GOOD, "c": GOOD}, {"a": GOOD, "b": text, "c": GOOD}, "response.m")
    assert statuses(found) == {"a": "changed", "b": "unjudged", "c": "changed"}
    (row,) = found.unjudged
    assert (row.side, row.accounts) == ("after", ("b",))
    assert row.findings[0].code.startswith(code) and row.findings[0].span is not None
    assert row.findings[0].span.file == "accounts/b.yaml"
    rows = {(r.operation, r.field, r.kind): (r.accounts, r.breaking) for r in found.fields}
    assert rows == {("m.things.list", "name", "value_changed"): (2, False), ("", "", "now_failing"): (1, True)}
    assert choose_exit(found, ImpactFailOn.BREAKING) == Exit.FINDINGS  # it worked before


@pytest.mark.parametrize("before", [{"a": GOOD}, {"a": GOOD, "b": BROKEN}, {"a": GOOD, "b": DANGLING}])
@pytest.mark.parametrize("how", ImpactFailOn)
def test_one_that_never_worked_does_not_pass_either(tmp_path: Path, before: dict[str, str], how: ImpactFailOn) -> None:
    found = compared(tmp_path, before, {"a": GOOD, "b": BROKEN})
    assert statuses(found) == {"a": "unchanged", "b": "unjudged"}
    assert not found.breaking
    assert choose_exit(found, how) == Exit.CONFIGURATION


@pytest.mark.parametrize("text", [BROKEN, DANGLING])
def test_what_could_not_be_read_before_is_named_and_not_taken_for_new(tmp_path: Path, text: str) -> None:
    found = compared(tmp_path, {"a": GOOD, "b": text, "c": text}, {"a": GOOD, "b": GOOD})
    assert statuses(found) == {"a": "unchanged", "b": "unjudged", "c": "unjudged"}
    assert {(row.side, row.accounts) for row in found.unjudged} == {("before", ("b",)), ("before", ("c",))}
    assert choose_exit(found, ImpactFailOn.BREAKING) == Exit.CONFIGURATION and not found.fields
    assert "before the change" in report.draw_text(found)
    assert "file=accounts" not in report.draw_github(found, Sources())  # its line is not today's


def test_one_fault_of_many_accounts_is_one_row(tmp_path: Path) -> None:
    before = workspace(tmp_path / "before", {"a": GOOD, "b": GOOD})
    after = workspace(tmp_path / "after", {"a": GOOD, "b": GOOD})
    (after / "connectors/shop/connector.yaml").write_text("{", encoding="utf-8")
    found = impact(load_workspace(before), load_workspace(after), processes=1)
    assert [(row.accounts, row.findings[0].code) for row in found.unjudged] == [(("a", "b"), "DOC002")]


def test_reports_name_it_and_only_the_text_quotes_it(tmp_path: Path) -> None:
    found = compared(tmp_path, {"a": GOOD, "b": GOOD}, {"a": GOOD, "b": 'connector: "s3cret\n', "d": DANGLING})
    text = report.draw_text(found)
    assert "accounts 3 | 0 changed | 1 unchanged | 0 shielded by override | 0 unknown | 2 could not be judged" in text
    assert "could not be judged: b   accounts/b.yaml:" in text
    assert 'could not be judged: d   accounts/d.yaml:1  REF101  account "d" refers to the connector "shob"' in text
    data = ImpactReport.from_impact(found).data()
    assert data["accounts"]["unjudged"] == 2
    assert [row["accounts"] for row in data["unjudged"]] == [["b"], ["d"]]
    finding = data["unjudged"][1]["finding"]
    assert (finding["code"], finding["message"], finding["span"]["file"]) == (
        "REF101", "unknown connector or environment", "accounts/d.yaml",
    )  # fmt: skip
    silent = ImpactReport.from_impact(found, names=False).data()["unjudged"][1]
    assert (silent["accounts"], silent["finding"]["span"]["file"]) == ([], "accounts/…")
    assert silent["finding"]["fingerprint"] != finding["fingerprint"]
    for text in (
        dump_json(ImpactReport.from_impact(found).data()),
        report.draw_markdown(found, names=True),
        report.draw_github(found, Sources()),
    ):
        assert "accounts/d.yaml" in text and "REF101" in text
        assert "s3cret" not in text and "shob" not in text


def test_all_checks_go_on_too(tmp_path: Path) -> None:
    before = workspace(tmp_path / "before", {"a": GOOD, "b": GOOD})
    after = workspace(tmp_path / "after", {"a": GOOD, "b": BROKEN}, "response.m")
    for result in (run_checks(after, before, processes=1), run_checks(after, None)):
        assert result.lint_failed and not result.broken
        assert {report.effective.account for report in result.reports} >= {"a"}
    measured = run_checks(after, before, processes=1).impact
    assert measured is not None
    assert statuses(measured) == {"a": "changed", "b": "unjudged"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("text", [BROKEN, DANGLING])
def test_the_others_are_judged_as_if_it_were_not_there(
    tmp_path: Path, generated: Callable[[int], tuple[Any, Any]], seed: int, text: str
) -> None:
    """Whatever the change is, on either side."""
    sides = [side.write(tmp_path / name) for name, side in zip(("before", "after"), generated(seed), strict=True)]
    alone = impact(*map(load_workspace, sides), processes=1)
    for count, broken in enumerate(((sides[1],), (sides[0],), sides)):
        for side in sides:
            (side / "accounts/unusable.yaml").unlink(missing_ok=True)
        for side in broken:
            (side / "accounts/unusable.yaml").write_text(text, encoding="utf-8")
        found = impact(*map(load_workspace, sides), processes=1)
        assert [row for row in found.accounts if row.name != "unusable"] == list(alone.accounts), count
        assert (found.fields, found.statements, found.overrides) == (alone.fields, alone.statements, alone.overrides)
        assert {row.accounts for row in found.unjudged} == {("unusable",)}
