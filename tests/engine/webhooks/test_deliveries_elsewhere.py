"""Recorded deliveries in the reports on overrides and changes."""

import json
import shutil

import pytest
from desk import record_to_file
from test_recorded import NOW, SECRET, URL, connected, signed

from conn_engine.analysis.checks import run_checks
from conn_engine.analysis.checks.reach import find_reach
from conn_engine.analysis.impact import Unknown, impact
from conn_engine.config import load_workspace
from conn_engine.testing.effects import override_report
from conn_engine.webhooks import Delivery
from conn_engine.wire import Headers

HMAC = {"format": "hmac", "config": {"signature": 'headers."x-signature"'}}
BODY = {"type": "person.created", "event": "e-1", "at": 1_759_999_990, "person": {"id": 5, "name": "Ada", "nick": "A"}}
OVERRIDING = """\
connector: shop
override:
  unified: { crm: { contacts: { get: { response_mapping: { first_name: response.nick } } } } }
"""


@pytest.fixture
def recorded(make, tmp_path):
    def build(**more):
        workspace = make(HMAC, **more)
        wiring = connected(workspace, {"webhook_secret": SECRET})
        body = json.dumps(BODY).encode()
        delivery = signed(wiring, Delivery("POST", URL, Headers({"X-Signature": "00ff"}), body))
        record_to_file(wiring, delivery, tmp_path / "connectors/shop/deliveries/created.json", received_at=NOW)
        return workspace

    return build


def test_an_override_of_a_mapping_shows_in_the_events(recorded):
    workspace = recorded(files={"accounts/acme.yaml": OVERRIDING})
    effective = workspace.effective(account="acme")
    report = override_report(workspace, effective, [], deliveries=True)
    (effect,) = report.effects
    assert (effect.name.text, effect.unknown, effect.records) == ("webhook created", False, 1)
    assert effect.fields == {("data.first_name", "changed"): 1}
    assert override_report(workspace, effective, []).effects == ()


@pytest.mark.parametrize(
    ("changed", "accounts"),
    [
        ("connectors/shop/deliveries/created.json", ("acme", "other")),
        ("connectors/shop/expected/deliveries/created.json", ("acme", "other")),
        ("connectors/shop/deliveries/acme/created.json", ("acme",)),
        ("connectors/shop/expected/deliveries/acme/created.json", ("acme",)),
    ],
)
def test_a_changed_delivery_reaches_those_whom_it_serves(recorded, changed, accounts):
    workspace = recorded(files={"accounts/other.yaml": "connector: shop\n"})
    assert find_reach(workspace, [changed]).accounts == accounts


@pytest.fixture
def changed_to(recorded, tmp_path):
    def build(path, old, new):
        """The impact of a change in one file."""
        after = recorded(files={"accounts/acme.yaml": OVERRIDING, "accounts/other.yaml": "connector: shop\n"})
        before = tmp_path.parent / f"{tmp_path.name}-before"
        shutil.copytree(tmp_path, before)
        text = (tmp_path / path).read_text(encoding="utf-8")
        assert old in text
        (tmp_path / path).write_text(text.replace(old, new), encoding="utf-8")
        return impact(load_workspace(before), load_workspace(after.root), processes=1)

    return build


def rows(found):
    return {(row.operation, row.field, row.kind, row.accounts) for row in found.fields if row.accounts}


def test_a_changed_mapping_changes_the_events_of_those_whom_no_override_shields(changed_to):
    found = changed_to("connectors/shop/unified/crm.yaml", "first_name: response.name", "first_name: response.nick")
    assert rows(found) == {("webhook created", "data.first_name", "value_changed", 1)}
    assert [(account.name, account.status) for account in found.accounts if account.status == "changed"] == [
        ("other", "changed")
    ]


def test_an_event_that_is_gone_is_missing_and_a_refused_delivery_fails(changed_to):
    found = changed_to("connectors/shop/unified/crm.yaml", "person.created", "person.made")
    assert ("webhook created", "type", "value_changed", 2) in rows(found)


def test_where_no_delivery_is_recorded_a_change_of_what_is_said_of_them_is_unknown(make, tmp_path):
    after = make(HMAC, files={"accounts/acme.yaml": "connector: shop\n"})
    before = tmp_path.parent / f"{tmp_path.name}-before"
    shutil.copytree(tmp_path, before)
    connector = tmp_path / "connectors/shop/connector.yaml"
    connector.write_text(connector.read_text(encoding="utf-8").replace("x-signature", "x-other"), encoding="utf-8")
    found = impact(load_workspace(before), load_workspace(after.root), processes=1)
    assert Unknown("webhook *", "no recording", 1) in found.unknown
    assert not found.fields


def test_a_delivery_that_is_refused_now_fails_for_all(changed_to):
    found = changed_to("connectors/shop/connector.yaml", "x-signature", "x-other")
    assert ("webhook created", "", "now_failing", 2) in rows(found)
    assert found.breaking


def test_a_change_is_tested_on_the_deliveries_of_accounts_too(recorded, tmp_path):
    recorded(files={"accounts/acme.yaml": OVERRIDING, "accounts/other.yaml": "connector: shop\n"})
    found = run_checks(tmp_path, None)
    received = [
        (report.name.text, report.effective.account) for report in found.reports if "webhook" in report.name.text
    ]
    assert received == [("webhook created", "acme"), ("webhook created", "other")]
    assert all(not report.failed for report in found.reports)
    connector = tmp_path / "connectors/shop/connector.yaml"
    connector.write_text(connector.read_text(encoding="utf-8").replace("x-signature", "x-other"), encoding="utf-8")
    assert run_checks(tmp_path, None).tests_failed


@pytest.mark.parametrize(("method", "tested"), [("list", ["acme"]), ("get", ["acme", "other"])])
def test_an_override_of_an_operation_that_no_event_uses_leaves_deliveries_alone(recorded, tmp_path, method, tested):
    mapping = f"{{ {method}: {{ response_mapping: {{ first_name: response.nick }} }} }}"
    own = f"connector: shop\noverride:\n  unified: {{ crm: {{ contacts: {mapping} }} }}\n"
    recorded(files={"accounts/acme.yaml": "connector: shop\n", "accounts/other.yaml": own})
    found = run_checks(tmp_path, None)
    received = [report.effective.account for report in found.reports if "webhook" in report.name.text]
    assert [account for account in received if account] == tested
