"""Forms without scripts in the portal make revisions: steps of an account or an environment, and new connectors."""

import json
import re
from html import unescape

from portal_bench import Portal

from conn_service.revisions import AuditLog
from conn_service.store import open_engine

STEPS = "- name: known\n  transform: '[result[id]]'\n"
PLACE = {"account": "acme", "operation": "crm.contacts.list", "level": "account"}
PEOPLE = json.dumps({"data": [{"id": "7", "first_name": "Ada", "email": "ada.byron@mail.example"}]})
SAMPLE = {"source": PEOPLE, "url": "https://api.people.example/v2/contacts?limit=2", "name": "people", "model": "crm"}


def list_actions(portal: Portal) -> list[tuple[str, str, str, str]]:
    engine = open_engine(portal.location)
    entries = AuditLog(engine).list()
    engine.dispose()
    return [(entry.action, entry.target, entry.by, entry.reason) for entry in reversed(entries)]


def read_form(html: str) -> dict[str, str]:
    """Return the fields of a form as a browser sends them."""
    fields = re.findall(r'<input (?:type="hidden" )?(?:id="\w+" )?name="([^"]+)" value="([^"]*)"', html)
    kept = re.findall(r'<input type="checkbox" name="([^"]+)" value="yes"[^>]* checked>', html)
    return {name: unescape(value) for name, value in fields} | dict.fromkeys(kept, "yes")


def test_steps_are_saved_as_a_revision_and_need_a_role_and_the_document_that_was_opened(portal: Portal) -> None:
    viewer = portal.log_in("portal:view")
    page = portal.get("/steps/acme/crm.contacts.list").text
    form = PLACE | {"digest": read_form(page)["digest"], "before": "", "after": STEPS}
    assert portal.send_form("/steps/save", **form).status_code == 403
    assert "Your role is viewer" in portal.send_form("/steps/review", **form).text
    assert portal.ask("workspace", method="GET")["has_steps"]
    editor = portal.log_in("portal:edit")
    reviewed = portal.send_form("/steps/review", **form).text
    assert "belongs to acme only" in reviewed and 'name="reason"' in reviewed
    saved = portal.send_form("/steps/save", **form, reason="Acme has a test record")
    assert saved.status_code == 303, unescape(saved.text)
    assert "accounts/acme.yaml was saved" in portal.get(saved.headers["location"].removeprefix("/portal")).text
    assert portal.send_form("/steps/save", **form | {"after": ""}).status_code == 409
    page = portal.get("/steps/acme/crm.contacts.list?level=environment").text
    assert "production" in page
    shared = form | {"level": "environment", "digest": read_form(page)["digest"]}
    refused = portal.send_form("/steps/save", **shared)
    assert refused.status_code == 403 and "your role is editor" in refused.text
    assert list_actions(portal) == [("edit", "accounts/acme", editor, "Acme has a test record")]
    assert viewer != editor


def test_a_releaser_adds_a_connector_with_an_account_after_its_hosts_are_shown(portal: Portal) -> None:
    portal.log_in("portal:edit")
    assert "/portal/new" not in portal.get("/connectors").text
    for answer in (portal.get("/new"), portal.send_form("/new/proposal", **SAMPLE), portal.send_form("/new/save")):
        assert answer.status_code == 403 and "your role is editor" in answer.text
    person = portal.log_in("portal:release")
    assert "/portal/new" in portal.get("/connectors").text
    assert "revision of this service" in portal.get("/new").text
    proposed = portal.send_form("/new/proposal", **SAMPLE)
    assert proposed.status_code == 200, unescape(proposed.text)
    assert "<code>api.people.example</code>" in proposed.text and "reads: <code>" not in proposed.text
    form = read_form(proposed.text)
    assert form["account"] == "", "no account unless somebody wants one"
    assert portal.send_form("/new/save", **form, reason="two\nlines").status_code == 422
    form |= {"account": "first", "reason": "a new vendor"}
    saved = portal.send_form("/new/save", **form)
    assert saved.status_code == 303, unescape(saved.text)
    assert saved.headers["location"] == "/portal/edit/first/crm.contacts.list"
    opened = portal.ask("operation", account="first", operation="crm.contacts.list")
    assert next(row["expression"] for row in opened["rows"] if row["field"] == "first_name") is None
    again = portal.send_form("/new/save", **form)
    assert again.status_code == 422 and "connectors/people exists" in unescape(again.text)
    assert list_actions(portal) == [
        ("create", "connectors/people", person, "a new vendor"),
        ("create", "accounts/first", person, "a new vendor"),
    ]
    token = portal.issue("admin")
    files = portal.client.get("/admin/connectors/people", headers={"authorization": f"Bearer {token}"}).json()["files"]
    assert {"connector.yaml", "unified/crm.yaml"} < files.keys() and any("recordings/" in name for name in files)
    assert "ada.byron" not in json.dumps(files), "people in a sample get pseudonyms"
    assert "+++ b/connectors/people/connector.yaml" in portal.get("/audit").text


def test_a_connector_that_lint_refuses_is_not_added(portal: Portal) -> None:
    portal.log_in("portal:release")
    proposed = portal.send_form("/new/proposal", **SAMPLE)
    form = read_form(proposed.text)
    form["expression.contacts.first_name"] = "$nothing(response.first_name)"
    refused = portal.send_form("/new/save", **form)
    assert refused.status_code == 422 and "nothing" in refused.text
    assert list_actions(portal) == []
    too_large = portal.send_form("/new/proposal", source="x" * 4_000_001)
    assert too_large.status_code == 413
