"""What connectors ask a vendor when an account subscribes, on the answers that the vendor's published contract has."""

import json
import shutil
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from conn_engine.config import load_workspace
from conn_engine.runtime.connection import Connection
from conn_engine.runtime.webhooks import begin, end
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport.faults import Faults, json_answer
from conn_engine.wire import Response

ROOT = Path(__file__).parents[2]
URL = "https://hooks.example.com/accounts/me"


def _read(body):
    """A JSON document, a form as a dictionary, or nothing."""
    if not body:
        return None
    text = body.decode()
    return json.loads(text) if text.startswith("{") else dict(parse_qsl(text))


@pytest.fixture
def subscribed(tmp_path):
    """Subscribe an account of a connector: the requests, and what is stored then."""

    def run(connector, context, stored, answers):
        (tmp_path / "conn.yaml").write_text("version: 1\n")
        (tmp_path / "accounts").mkdir()
        (tmp_path / "accounts/me.yaml").write_text(json.dumps({"connector": connector, "context": context}))
        shutil.copytree(ROOT / "connectors" / connector, tmp_path / "connectors" / connector)
        vault, faults = MemoryVault({"me": stored}), Faults(answers)
        connection = Connection(wire_account(load_workspace(tmp_path), "me", environ={}, vault=vault), faults)
        begin(connection, URL)
        made = vault.load("me")
        end(connection)
        asked = [(one.method, one.url, _read(one.body)) for one in faults.requests]
        return asked, made

    return run


def test_github(subscribed):
    answers = [json_answer({"id": 482910337, "active": True}, 201), Response(204)]
    context = {"owner": "northwind-ceramics", "repo": "kiln-firmware"}
    (made, ended), stored = subscribed("github", context, {"token": "t"}, answers)
    hooks = "https://api.github.com/repos/northwind-ceramics/kiln-firmware/hooks"
    assert made[:2] == ("POST", hooks) and ended == ("DELETE", f"{hooks}/482910337", None)
    assert made[2]["events"] == ["issues", "issue_comment"]
    assert made[2]["config"] == {"url": URL, "content_type": "json", "secret": stored["webhook_secret"]}


def test_pipedrive(subscribed):
    answers = [json_answer({"success": True, "data": {"id": number}}, 201) for number in (1, 2, 3)]
    answers += [json_answer({"success": True}) for _ in range(3)]
    asked, stored = subscribed("pipedrive", {}, {"api_key": "k"}, answers)
    hooks = "https://api.pipedrive.com/v1/webhooks"
    assert [row[:2] for row in asked] == [("POST", hooks)] * 3 + [("DELETE", f"{hooks}/{n}") for n in (1, 2, 3)]
    assert [row[2]["event_object"] for row in asked[:3]] == ["person", "organization", "deal"]
    for _, _, body in asked[:3]:
        assert (body["http_auth_user"], body["http_auth_password"]) == ("conn", stored["webhook_password"])
        assert (body["version"], body["event_action"], body["subscription_url"]) == ("2.0", "*", URL)
    assert stored["webhook_username"] == "conn"


def test_attio(subscribed):
    made = {"data": {"id": {"webhook_id": "w-1"}, "secret": "s-1", "status": "active"}}
    asked, stored = subscribed("attio", {}, {"token": "t"}, [json_answer(made), json_answer({})])
    hooks = "https://api.attio.com/v2/webhooks"
    assert [row[:2] for row in asked] == [("POST", hooks), ("DELETE", f"{hooks}/w-1")]
    data = asked[0][2]["data"]
    assert data["target_url"] == URL
    assert [row["event_type"] for row in data["subscriptions"]] == [
        "record.created", "record.updated", "record.deleted", "record.merged",
    ]  # fmt: skip
    assert stored["webhook_secret"] == "s-1"


def test_linear(subscribed):
    answers = [
        json_answer({"data": {"webhookCreate": {"success": True, "webhook": {"id": "w-1"}}}}),
        json_answer({"data": {"webhookDelete": {"success": True}}}),
    ]
    (made, ended), stored = subscribed("linear", {}, {"api_key": "k"}, answers)
    assert made[2]["variables"]["input"] == {
        "url": URL, "secret": stored["webhook_secret"], "resourceTypes": ["Issue", "Comment"], "allPublicTeams": True,
    }  # fmt: skip
    assert ended[2]["variables"] == {"id": "w-1"}


def test_stripe(subscribed):
    answers = [json_answer({"id": "we_1", "secret": "whsec_1"}), json_answer({"id": "we_1", "deleted": True})]
    asked, stored = subscribed("stripe", {}, {"token": "sk"}, answers)
    hooks = "https://api.stripe.com/v1/webhook_endpoints"
    assert [row[:2] for row in asked] == [("POST", hooks), ("DELETE", f"{hooks}/we_1")]
    assert asked[0][2]["url"] == URL and "invoice.paid" in asked[0][2].values()
    assert stored["webhook_secret"] == "whsec_1"


@pytest.mark.parametrize("scope", ["user", "organization"])
def test_calendly(subscribed, scope):
    made = {"resource": {"uri": "https://api.calendly.com/webhook_subscriptions/w-1", "state": "active"}}
    me, company = "https://api.calendly.com/users/u-1", "https://api.calendly.com/organizations/o-1"
    context = {"user": me, "organization": company, "scope": scope}
    (begun, ended), stored = subscribed("calendly", context, {"token": "t"}, [json_answer(made, 201), Response(204)])
    hooks = "https://api.calendly.com/webhook_subscriptions"
    assert begun[:2] == ("POST", hooks) and ended == ("DELETE", f"{hooks}/w-1", None)
    person = {"user": me} if scope == "user" else {}
    assert begun[2] == {
        "url": URL, "events": ["invitee.created", "invitee.canceled"], "organization": company, **person,
        "scope": scope, "signing_key": stored["webhook_secret"],
    }  # fmt: skip


def test_bamboohr(subscribed):
    made = {"id": "17", "name": "Conn", "privateKey": "p-1"}
    answers = [json_answer(made, 201), Response(200)]
    (begun, ended), stored = subscribed("bamboohr", {"company": "nordlicht"}, {"api_key": "k"}, answers)
    hooks = "https://nordlicht.bamboohr.com/api/v1/webhooks"
    assert begun[:2] == ("POST", hooks) and ended == ("DELETE", f"{hooks}/17", None)
    assert begun[2]["events"] == ["employee.created", "employee.updated", "employee.deleted"]
    assert (begun[2]["url"], begun[2]["format"]) == (URL, "json") and "jobTitle" in begun[2]["monitorFields"]
    assert stored["webhook_secret"] == "p-1"
