"""What a change does to the endpoints that accounts have: in the impact, in what overrides change, and in `show`."""

from pathlib import Path

import pytest
from sync_shop import write_shop

from conn_engine.analysis.impact import Impact, impact
from conn_engine.config import load_workspace
from conn_engine.config.endpoint_levels import find_endpoint_values
from conn_engine.testing.effects import override_report

CONN = """\
version: 1
models: [models]
env: [KEY, OTHER]
endpoint_hosts: ["*.test"]
endpoints:
  default: { url: "https://a.test/in/private", secret: "{{env.KEY}}", events: ["person.*"] }
  quiet: { url: "https://a.test/quiet" }
"""
ACME = "accounts/acme.yaml"
OWN = "connector: shop\nendpoints:\n  default: { url: 'https://acme.test/in', events: [person.created] }\n"


def compare(tmp_path: Path, after: dict[str, str | None], before: dict[str, str | None] | None = None) -> Impact:
    base = {"conn.yaml": CONN, **(before or {})}
    return impact(write_shop(tmp_path / "before", base), write_shop(tmp_path / "after", {**base, **after}), processes=1)


def rows(found: Impact) -> list[tuple[str, str, bool]]:
    return sorted((row.field, row.kind, row.breaking) for row in found.fields if row.operation == "")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('  default: { url: "https://a.test/in/private", secret: "{{env.KEY}}", events: ["person.*"] }\n', "",
         [("endpoints.default", "missing", True)]),
        ('["person.*"]', "[person.created]", [("endpoints.default.events", "may_be_missed", True)]),
        ('["person.*"]', '["person.*", deal.created]', [("endpoints.default.events", "added", False)]),
        ('["person.*"]', '["*"]', [("endpoints.default.events", "added", False)]),
        ("in/private", "elsewhere", [("endpoints.default.url", "destination_changed", True)]),
        ("{{env.KEY}}", "{{env.OTHER}}", [("endpoints.default.secret", "credential_changed", True)]),
        ('quiet" }', 'quiet", events: [deal.created] }', [("endpoints.quiet", "added", False)]),
        ('quiet" }', 'other" }', []),
    ],
)  # fmt: skip
def test_a_change_for_all(tmp_path: Path, old: str, new: str, expected: list[object]) -> None:
    assert old in CONN
    found = compare(tmp_path, {"conn.yaml": CONN.replace(old, new)})
    assert rows(found) == expected
    assert [row.path for row in found.statements if row.path.startswith("endpoints.")]


def test_an_endpoint_of_an_account_is_its_own_intention(tmp_path: Path) -> None:
    found = compare(tmp_path, {ACME: OWN})
    changed = {account.name: (account.status, account.breaking) for account in found.accounts}
    assert changed["acme"] == ("changed", False)
    assert [name for name, (status, _) in changed.items() if status == "changed"] == ["acme"]
    assert ("endpoints.default.events", "may_be_missed", False) in rows(found)
    notes = {(row.path, row.note, row.account, row.before, row.after) for row in found.statements}
    assert ("endpoints.default.url", "added", "acme", "", "https://acme.test/…") in notes
    assert {row.span.file for row in found.statements if row.span} == {ACME}


def test_a_change_below_that_an_account_replaces_does_not_concern_it(tmp_path: Path) -> None:
    found = compare(tmp_path, {"conn.yaml": CONN.replace("in/private", "elsewhere")}, {ACME: OWN})
    changed = [account.name for account in found.accounts if account.status == "changed"]
    assert "acme" not in changed and changed
    assert "private" not in str([(row.before, row.after) for row in found.statements])


def test_the_values_that_apply_have_their_documents(tmp_path: Path) -> None:
    workspace = load_workspace(write_shop(tmp_path, {"conn.yaml": CONN, ACME: OWN}).root)
    values = find_endpoint_values(workspace, workspace.effective(account="acme"))
    shown = {
        ".".join(map(str, one.path)): (one.shown, one.level, f"{one.span.file}:{one.span.line}")
        for endpoint in values.values()
        for one in endpoint.values()
    }
    assert shown == {
        "endpoints.default.url": ("https://acme.test/…", "account", f"{ACME}:3"),
        "endpoints.default.events": (["person.created"], "account", f"{ACME}:3"),
        "endpoints.quiet.url": ("https://a.test/…", "base", "conn.yaml:7"),
    }


def test_what_an_account_overrides(tmp_path: Path) -> None:
    workspace = load_workspace(write_shop(tmp_path, {"conn.yaml": CONN, ACME: OWN}).root)
    report = override_report(workspace, workspace.effective(account="acme"), [])
    changes = {
        row.path: (row.level, row.value, row.below) for row in report.changes if row.path.startswith("endpoints")
    }
    assert changes == {
        "endpoints.default.url": ("account", "https://acme.test/…", "https://a.test/…"),
        "endpoints.default.events": ("account", ["person.created"], ["person.*"]),
        "endpoints.default.secret": ("account", None, "{{env.KEY}}"),
    }
