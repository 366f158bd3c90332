"""What `check` tests: an operation once for each way in which the accounts that a change reaches do it."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from conn_engine.analysis.checks import run_checks

RECORDS = [{"id": 1, "n": "Ada"}]


def workspace(folder: Path) -> Path:
    def recording(name: str) -> dict[str, Any]:
        return {
            "format": 1, "connector": "shop", "operation": f"m.{name}.list", "source": "sample",
            "recorded_at": "2026-01-01T00:00:00Z", "base_url": "https://shop.example", "exchanges": [{
                "request": {"method": "GET", "url": f"https://shop.example/{name}"},
                "response": {"status": 200, "body": RECORDS},
            }],
        }  # fmt: skip

    mapping = {"response_mapping": {"id": "$string(response.id)", "name": "response.n"}}
    names = ("things", "others")
    files: dict[str, Any] = {
        "conn.yaml": {"version": 1},
        "connectors/shop/connector.yaml": {
            "base_url": "https://shop.example",
            "resources": {name: {"list": {"method": "get", "path": f"/{name}"}} for name in names},
        },
        "connectors/shop/unified/m.yaml": {"resources": {name: {"list": mapping} for name in names}},
        **{f"connectors/shop/recordings/m.{name}.list.json": recording(name) for name in names},
    }
    for number in range(4):
        own = {"response_mapping": {"name": f"'{number // 2}'"}}  # two ways of doing it
        override = {"unified": {"m": {"things": {"list": own}}}}
        files[f"accounts/a{number}.yaml"] = {"connector": "shop", "override": override}
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(data), encoding="utf-8")
    return folder


def operations(after: Path, before: Path | None) -> Counter[str]:
    result = run_checks(after, before)
    assert not result.broken
    return Counter(report.name.text for report in result.reports)


def test_an_operation_is_tested_once_for_each_way_of_doing_it(tmp_path: Path) -> None:
    root = workspace(tmp_path / "after")
    assert operations(root, None) == {"m.things.list": 2, "m.others.list": 1}
    assert run_checks(root, None).tested == 4


def test_a_change_of_one_account_tests_that_account(tmp_path: Path) -> None:
    before = workspace(tmp_path / "before")
    after = tmp_path / "after"
    shutil.copytree(before, after)
    (after / "accounts/a3.yaml").write_text(json.dumps({"connector": "shop"}), encoding="utf-8")
    result = run_checks(after, before)
    assert {report.effective.account for report in result.reports} == {"a3"}
    assert operations(after, before) == {"m.things.list": 1, "m.others.list": 1}


def test_an_account_that_cannot_be_used_is_for_lint(tmp_path: Path) -> None:
    root = workspace(tmp_path / "after")
    (root / "accounts/a0.yaml").write_text(json.dumps({"connector": "shop", "environment": "nowhere"}))
    result = run_checks(root, None)
    assert result.lint_failed and not result.broken
    assert {report.effective.account for report in result.reports} == {"a1", "a2"}
